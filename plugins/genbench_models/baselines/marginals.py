"""Independent marginals: the distribution of each dimension by itself, without any dependence between them."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api import check_lengths, gaussian_mixture_log_prob, step_mask, zero_padding

# Dimensions of real data are described by kernels at this many of their quantiles.
_QUANTILES = 128
# Silverman's rule assumes one mode; where data have several, a share of its width fits better.
_SHARES_OF_SILVERMAN = (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125)
_MAX_JUDGED_EXAMPLES = 2048
_COUNTED_AT_ONCE = 4096  # examples
_TAIL_WEIGHT = 0.01
# A dimension that is constant keeps a density: kernels are at least this wide, relative to its size.
_MIN_RELATIVE_BANDWIDTH = 1e-3


class Marginals(GenerativeModel):
    """p(x) = prod_d p_d(x_d).

    Data with levels: the frequencies of each dimension's values, `smoothing` added to every count (Lidstone)
    so that no value is impossible. Real data: Gaussian kernels of equal weight at evenly spaced quantiles,
    their width a share of Silverman's rule (1986, eq. 3.31) chosen by cross-validation; and one kernel of
    weight 1 % with the data's own mean and standard deviation, for what lies between and beyond. Of pieces of
    different lengths, the dimensions are those of a step, and all steps are alike.
    """

    log_frequencies: Tensor
    centres: Tensor
    log_scales: Tensor

    def __init__(self, spec: DataSpec, *, smoothing: float = 0.1) -> None:
        super().__init__(spec)
        self.smoothing = smoothing
        self.dimensions = math.prod(spec.step_shape) if spec.variable_length else spec.dimension
        if spec.levels is None:
            self.register_buffer("centres", torch.zeros(self.dimensions, _QUANTILES + 1))
            self.register_buffer("log_scales", torch.zeros(self.dimensions, _QUANTILES + 1))
        else:
            uniform = torch.full((self.dimensions, spec.levels), -math.log(spec.levels))
            self.register_buffer("log_frequencies", uniform)

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        meter.start()
        x = train.x if train.lengths is None else train.x[step_mask(train.lengths, train.x.shape[1])]
        x = x.reshape(-1, self.dimensions).T.to(self.device)  # D, N
        if self.spec.levels is None:
            self._fit_kernels(x)
        else:
            self._count(x)
        meter.charge(steps=1, examples=len(train), flops=float(x.numel()))

    def _count(self, x: Shaped[Tensor, "dimension n"]) -> None:
        counts = torch.zeros_like(self.log_frequencies)
        for part in x.split(_COUNTED_AT_ONCE, 1):  # as indices, values take eight times the memory
            counts.scatter_add_(1, part.long(), torch.ones(part.shape, device=x.device))
        self.log_frequencies.copy_((counts + self.smoothing).log().log_softmax(1))

    def _fit_kernels(self, x: Float[Tensor, "dimension n"]) -> None:
        """Each dimension's share of Silverman's width is the one under which, with the kernels of one half of
        the examples, the other half is likeliest."""
        here, there = (x[:, ::2], x[:, 1::2]) if x.shape[1] > 1 else (x, x)
        judged = there[
            :, :: -(-there.shape[1] // _MAX_JUDGED_EXAMPLES)
        ].T  # evenly spaced, since some data are sorted
        likelihoods = []
        for share in _SHARES_OF_SILVERMAN:
            self._place_kernels(here, torch.full((len(x),), share, device=x.device))
            likelihoods.append(self._log_density(judged).mean(0))  # D
        best = torch.stack(likelihoods).argmax(0)  # D
        self._place_kernels(x, torch.tensor(_SHARES_OF_SILVERMAN, device=x.device)[best])

    def _place_kernels(self, x: Float[Tensor, "dimension n"], share: Float[Tensor, " dimension"]) -> None:
        at = (torch.arange(_QUANTILES, device=x.device) + 0.5) / _QUANTILES
        quartiles = torch.quantile(x, torch.tensor([0.25, 0.75], device=x.device), dim=1)
        spread = torch.minimum(x.std(1, correction=0), (quartiles[1] - quartiles[0]) / 1.34)
        floor = _MIN_RELATIVE_BANDWIDTH * x.abs().amax(1).clamp(min=1.0)
        width = torch.maximum(share * 0.9 * spread * _QUANTILES**-0.2, floor)  # D
        self.centres[:, :-1] = torch.quantile(x, at, dim=1).T
        self.centres[:, -1] = x.mean(1)
        self.log_scales[:, :-1] = width.log().unsqueeze(1)
        self.log_scales[:, -1] = torch.maximum(x.std(1, correction=0), floor).log()

    @property
    def _weights(self) -> Float[Tensor, " kernels"]:
        kernels = torch.full((_QUANTILES,), (1 - _TAIL_WEIGHT) / _QUANTILES, device=self.device)
        return torch.cat([kernels, torch.tensor([_TAIL_WEIGHT], device=self.device)])

    def _log_density(self, x: Float[Tensor, "n dimension"]) -> Float[Tensor, "n dimension"]:
        first = slice(x.shape[1])  # of the dimensions, where x ends early
        centres = self.centres[first].expand(len(x), -1, -1)  # N, D, kernels
        log_weights = self._weights.log().expand_as(centres)
        return gaussian_mixture_log_prob(x, log_weights, centres, self.log_scales[first].expand_as(centres))

    def log_prob(
        self, x: Shaped[Tensor, "n *event"], lengths: Int[Tensor, " n"] | None = None
    ) -> Float[Tensor, " n"]:
        """(N, *event_shape) -> (N,) nats, exact. lengths: of pieces that are padded."""
        each = self._log_prob_each(x)
        return (each if lengths is None else zero_padding(each, lengths)).flatten(1).sum(1)

    def _log_prob_each(self, x: Shaped[Tensor, "n *event"]) -> Float[Tensor, "n *event"]:
        flat = x.reshape(-1, self.dimensions) if self.spec.variable_length else x.flatten(1)  # N, D
        if self.spec.levels is None:
            return self._log_density(flat).reshape(x.shape)
        # value, dimension -> N, D; where x ends early, the first dimensions
        return self.log_frequencies[: flat.shape[1]].T.gather(0, flat).reshape(x.shape)

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
        """(count, *event_shape), every dimension drawn by itself; with `lengths`, (count, longest, *step_shape)."""
        steps = self.spec.event_shape[0]
        if lengths is not None:
            check_lengths(lengths, count, steps, self.spec.name)
            steps = int(lengths.max())
        if self.spec.variable_length:
            return self._of_lengths(
                self._draw(count * steps, generator).reshape(count, steps, *self.spec.step_shape), lengths
            )
        return self._of_lengths(self._draw(count, generator).unflatten(1, self.spec.event_shape), lengths)

    def _of_lengths(self, x: Tensor, lengths: Int[Tensor, " count"] | None) -> Tensor:
        return x if lengths is None else zero_padding(x[:, : int(lengths.max())], lengths)

    def _draw(self, count: int, generator: torch.Generator) -> Shaped[Tensor, "{count} dimension"]:
        if self.spec.levels is None:
            weights = self._weights.expand(self.dimensions, -1)
            kernel = torch.multinomial(weights, count, replacement=True, generator=generator)  # D, count
            noise = torch.randn(kernel.shape, generator=generator, device=self.device)
            drawn = self.centres.gather(1, kernel) + self.log_scales.gather(1, kernel).exp() * noise
        else:
            frequencies = self.log_frequencies.exp()
            drawn = torch.multinomial(frequencies, count, replacement=True, generator=generator)  # D, count
        return drawn.T
