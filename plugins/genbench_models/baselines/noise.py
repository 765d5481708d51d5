"""Uniform noise: the upper end of every distance. A model that is no closer to the data has learned nothing."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api import check_lengths, step_mask, zero_padding

# For real data, this share comes from a normal as wide as the box, so that no value is impossible.
_TAIL_SHARE = 1e-3


class Noise(GenerativeModel):
    """All values of every dimension are equally likely; for real data, within the box that the training set spans.

    Outside a box a uniform density is 0, and one test example there would make the likelihood infinite: with
    a share of 0.1 % each dimension is drawn from N(centre, width²) instead.
    """

    centre: Tensor
    width: Tensor

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        # of pieces of different lengths, all steps share one box
        shape = spec.step_shape if spec.variable_length else spec.event_shape
        self.register_buffer("centre", torch.zeros(shape))
        self.register_buffer("width", torch.ones(shape))

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        if self.spec.levels is None:
            x = train.x if train.lengths is None else train.x[step_mask(train.lengths, train.x.shape[1])]
            low, high = x.amin(0).to(self.device), x.amax(0).to(self.device)
            self.centre.copy_((low + high) / 2)
            self.width.copy_(torch.where(high > low, high - low, 1.0))
        meter.charge(steps=1, examples=len(train))

    def log_prob(
        self, x: Shaped[Tensor, "n *event"], lengths: Int[Tensor, " n"] | None = None
    ) -> Float[Tensor, " n"]:
        """(N, *event_shape) -> (N,) nats, exact. lengths: of pieces that are padded."""
        each = self._log_prob_each(x)
        return (each if lengths is None else zero_padding(each, lengths)).flatten(1).sum(1)

    def _log_prob_each(self, x: Shaped[Tensor, "n *event"]) -> Float[Tensor, "n *event"]:
        if self.spec.levels is not None:
            return torch.full(x.shape, -math.log(self.spec.levels), device=x.device)
        shared = self.spec.variable_length  # else x may end early
        centre, width = (part if shared else part[: x.shape[1]] for part in (self.centre, self.width))
        y = (x - centre) / width  # the box is [-1/2, 1/2]
        inside = (y.abs() <= 0.5) * (1 - _TAIL_SHARE)
        tails = _TAIL_SHARE * (-0.5 * y.square()).exp() / math.sqrt(2 * math.pi)
        # far out exp() underflows: the logarithm of the tail alone is exact there
        log_tails = math.log(_TAIL_SHARE) - 0.5 * y.square() - 0.5 * math.log(2 * math.pi)
        return torch.where(inside > 0, (inside + tails).log(), log_tails) - width.log()

    def missing_log_prob(
        self, x: Shaped[Tensor, "n *event"], mask: Bool[Tensor, "n *event"]
    ) -> Float[Tensor, " n"]:
        """(N,) nats, exact: the missing dimensions do not depend on the given ones."""
        return self._log_prob_each(x).masked_fill(mask, 0.0).flatten(1).sum(1)

    def complete(
        self, x: Shaped[Tensor, "n *event"], mask: Bool[Tensor, "n *event"], generator: torch.Generator
    ) -> Shaped[Tensor, "n *event"]:
        """x with the missing dimensions drawn independently of the given ones."""
        return torch.where(mask, x, self.sample(len(x), generator))

    def sample(
        self, count: int, generator: torch.Generator, *, lengths: Int[Tensor, " count"] | None = None
    ) -> Tensor:
        """(count, *event_shape); with `lengths`, (count, longest, *step_shape)."""
        if lengths is None:
            return self._draw((count, *self.spec.event_shape), generator)
        check_lengths(lengths, count, self.spec.event_shape[0], self.spec.name)
        # whole examples, since of one length each step has its own box
        drawn = self._draw((count, *self.spec.event_shape), generator)[:, : int(lengths.max())]
        return zero_padding(drawn, lengths)

    def _draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        if self.spec.levels is not None:
            return torch.randint(self.spec.levels, shape, generator=generator, device=self.device)
        uniform, share = (torch.rand(shape, generator=generator, device=self.device) for _ in range(2))
        normal = torch.randn(shape, generator=generator, device=self.device)
        return self.centre + self.width * torch.where(share < _TAIL_SHARE, normal, uniform - 0.5)
