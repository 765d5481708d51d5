"""PixelCNN++: whole pixels at once, by a mixture of discretised logistics over their channels; two streams of gated
residual blocks, with skip connections from the first half of the blocks to the second.

Salimans, Karpathy, Chen & Kingma 2017, "PixelCNN++: Improving the PixelCNN with Discretized Logistic Mixture Likelihood
and Other Modifications", https://arxiv.org/abs/1701.05517
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import DataSpec
from genbench.api import choose_component, discretised_logistic_log_prob, discretised_logistic_sample
from genbench.errors import UnsupportedMask
from genbench_models.autoregressive.causal_images import PixelByPixel, RowsAbove, shifted_down
from genbench_models.layers.ranges import at_least, shares

_INITIAL_LOG_SCALE = -1.0
_MIN_LOG_SCALE, _MAX_LOG_SCALE = -7.0, 3.0
_SMALL = 0.1  # the last convolution of a residual block starts at this share of its usual scale


class PixelMixture(nn.Module):
    """p(pixel) = sum_k pi_k prod_c P(x_c | mean_kc + sum_{j<c} a_kcj x_j, scale_kc), P a logistic discretised over the
    levels (eq. 2 and 3); one component draws all channels of a pixel. Units: the levels span [-1, 1].

    A pixel takes `per_pixel` numbers: K logits, K C means, K C log scales, K C (C - 1) / 2 coefficients.
    """

    offsets: Tensor

    def __init__(self, components: int, channels: int, levels: int) -> None:
        super().__init__()
        self.components, self.channels, self.levels = components, channels, levels
        self.coefficients = channels * (channels - 1) // 2
        self.per_pixel = components * (1 + 2 * channels + self.coefficients)
        # means start spread out: components that start alike would stay alike
        spread = torch.linspace(-1, 1, components) if components > 1 else torch.zeros(1)
        self.register_buffer("offsets", spread, persistent=False)

    def parts(self, outputs: Float[Tensor, "*shape per"]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits (*shape, K), means and log scales (*shape, C, K), coefficients (*shape, C (C - 1) / 2, K)."""
        by_component = outputs.unflatten(-1, (-1, self.components))
        logits, means, log_scales, coefficients = by_component.split(
            [1, self.channels, self.channels, self.coefficients], -2
        )
        log_scales = (log_scales + _INITIAL_LOG_SCALE).clamp(_MIN_LOG_SCALE, _MAX_LOG_SCALE)
        return logits.squeeze(-2), means + self.offsets, log_scales, coefficients.tanh()

    def means_given(self, outputs: Float[Tensor, "*shape per"], y: Float[Tensor, "*shape c"]) -> Tensor:
        """(*shape, C, K): each channel's means, moved by the channels before it, standardised in y."""
        _, means, _, coefficients = self.parts(outputs)
        moved = [means[..., 0, :]]
        for channel in range(1, self.channels):
            first = channel * (channel - 1) // 2
            of_channel = coefficients[..., first : first + channel, :]  # *shape, channel, K
            moved.append(means[..., channel, :] + (of_channel * y[..., :channel, None]).sum(-2))
        return torch.stack(moved, -2)

    def channel_log_probs(
        self, x: Int[Tensor, "*shape c"], y: Float[Tensor, "*shape c"], outputs: Float[Tensor, "*shape per"]
    ) -> Float[Tensor, "*shape c k"]:
        """log P of each channel under each component."""
        half_range = (self.levels - 1) / 2
        means = (self.means_given(outputs, y) + 1) * half_range
        log_scales = self.parts(outputs)[2] + math.log(half_range)
        return discretised_logistic_log_prob(x.unsqueeze(-1).expand_as(means), means, log_scales, self.levels)

    def log_prob(
        self, x: Int[Tensor, "*shape c"], y: Float[Tensor, "*shape c"], outputs: Float[Tensor, "*shape per"]
    ) -> Float[Tensor, "*shape"]:
        """Nats of each pixel. y: x, standardised."""
        log_shares = self.parts(outputs)[0].log_softmax(-1)
        return torch.logsumexp(log_shares + self.channel_log_probs(x, y, outputs).sum(-2), -1)

    def sample_channel(
        self,
        outputs: Float[Tensor, "batch per"],
        x: Int[Tensor, "batch c"],
        y: Float[Tensor, "batch c"],
        channel: int,
        generator: torch.Generator,
    ) -> Int[Tensor, " batch"]:
        """Draw one channel given those before it, which decide on the probability of each component and move its
        mean."""
        logits, _, log_scales, _ = self.parts(outputs)
        log_probs = self.channel_log_probs(x, y, outputs)  # B, C, K
        posterior = logits.log_softmax(-1) + log_probs[:, :channel].sum(1)
        mean, log_scale = choose_component(
            posterior, self.means_given(outputs, y)[:, channel], log_scales[:, channel], generator=generator
        )
        half_range = (self.levels - 1) / 2
        return discretised_logistic_sample(
            (mean + 1) * half_range, log_scale + math.log(half_range), self.levels, generator
        )

    def first_guess(self, x: Int[Tensor, "n c"]) -> Float[Tensor, " per"]:
        """The weight of each component is the share of the pixels that are nearest to it."""
        y = x * (2 / (self.levels - 1)) - 1
        nearest = (y.mean(1, keepdim=True) - self.offsets).abs().argmin(1)
        counts = torch.bincount(nearest, minlength=self.components) + 1.0
        guess = torch.zeros(self.per_pixel, device=x.device)
        guess[: self.components] = (counts / counts.sum()).log()
        return guess


class AboveAndLeft(nn.Conv2d):
    """A 2x2 convolution over a place, its left neighbour, and the two above them."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 2)

    def forward(self, h: Float[Tensor, "batch inputs height width"]) -> Tensor:
        return super().forward(F.pad(h, (1, 0, 1, 0)))


def all_above(inputs: int, outputs: int) -> RowsAbove:
    """The 2x3 convolution over a place's own row and the one above it."""
    return RowsAbove(inputs, outputs, 3)


def concat_elu(h: Float[Tensor, "batch features *place"]) -> Float[Tensor, "batch double *place"]:
    """The ELU of both signs of each feature."""
    return F.elu(torch.cat([h, -h], 1))


class GatedResidual(nn.Module):
    """Two causal convolutions and a gate, added to the input. context: features that come from another stream or by
    a skip connection."""

    def __init__(
        self, convolution: Callable[[int, int], nn.Conv2d], width: int, context: int, dropout: float
    ) -> None:
        super().__init__()
        self.first = convolution(2 * width, width)
        self.link = nn.Conv2d(2 * context, width, 1) if context else None
        self.dropout = nn.Dropout(dropout)
        self.second = convolution(2 * width, 2 * width)
        with torch.no_grad():
            self.second.weight.mul_(_SMALL)

    def forward(
        self,
        h: Float[Tensor, "batch width height w"],
        context: Float[Tensor, "batch context height w"] | None = None,
    ) -> Float[Tensor, "batch width height w"]:
        middle = self.with_context(self.first(concat_elu(h)), context)
        return self.added(h, self.second(self.dropout(concat_elu(middle))))

    def with_context(self, middle: Tensor, context: Tensor | None) -> Tensor:
        if self.link is None or context is None:
            return middle
        linked: Tensor = self.link(concat_elu(context))
        return middle + linked

    def added(self, h: Tensor, both: Float[Tensor, "batch double *place"]) -> Tensor:
        seen, gate = both.chunk(2, 1)
        return h + seen * gate.sigmoid()


class PixelCNNPlusPlus(PixelByPixel):
    """For images with levels. The downward stream sees all rows above, the other one also the row to the left. The
    first half of the network has `blocks` blocks of each, the second half as many (figure 2).

    Left out because the images are small: halving and doubling the resolution between blocks; weight normalisation.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        width: int = 16,
        blocks: int = 2,
        components: int = 5,
        dropout: float = 0.1,
        batch_size: int = 16,
        learning_rate: float = 3e-3,
    ) -> None:
        super().__init__(spec, batch_size=batch_size, learning_rate=learning_rate)
        if spec.levels is None:
            raise ValueError(f"pixelcnn-pp takes images with levels; {spec.name} is real-valued")
        at_least(1, width=width, blocks=blocks, components=components)
        shares(dropout=dropout)
        channels = spec.event_shape[0]
        self.mixture = PixelMixture(components, channels, spec.levels)
        # one more channel, of ones: it is 0 outside the image
        self.above = all_above(channels + 1, width)
        self.row_above = nn.Conv2d(channels + 1, width, (1, 3), padding=(0, 1))
        self.to_the_left = nn.Conv2d(channels + 1, width, (2, 1))

        def stack(convolution: Callable[[int, int], nn.Conv2d], *context: int) -> nn.ModuleList:
            return nn.ModuleList(
                GatedResidual(convolution, width, each * width, dropout)
                for each in context
                for _ in range(blocks)
            )

        self.blocks = blocks
        self.downward = stack(all_above, 0, 1)
        self.rightward = stack(AboveAndLeft, 1, 2)
        self.last = nn.Conv2d(width, self.mixture.per_pixel, 1)
        with torch.no_grad():
            self.last.weight.mul_(_SMALL)

    def outputs(self, y: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch h w per"]:
        """The parameters of the mixture of each pixel, from standardised images."""
        framed = torch.cat([y, torch.ones_like(y[:, :1])], 1)
        down = shifted_down(self.above(framed))
        left = F.pad(self.to_the_left(F.pad(framed, (0, 0, 1, 0))), (1, 0))[..., :-1]
        right = shifted_down(self.row_above(framed)) + left
        met: list[tuple[Tensor, Tensor]] = []
        for number, (below, beside) in enumerate(zip(self.downward, self.rightward, strict=True)):
            if number < self.blocks:
                met.append((down, right))
                down = below(down)
                right = beside(right, down)
            else:
                met_down, met_right = met.pop()
                down = below(down, met_down)
                right = beside(right, torch.cat([down, met_right], 1))
        outputs: Tensor = self.last(F.elu(right))
        return outputs.movedim(1, -1)

    def log_prob(self, x: Int[Tensor, "batch c h w"]) -> Float[Tensor, " batch"]:
        """(N, C, H, W) -> (N,) nats, exact."""
        y = self.standardise(x)
        pixels = self.mixture.log_prob(x.movedim(1, -1), y.movedim(1, -1), self.outputs(y))
        return pixels.flatten(1).sum(1)

    def missing_log_prob(
        self, x: Int[Tensor, "batch c h w"], mask: Bool[Tensor, "batch c h w"]
    ) -> Float[Tensor, " batch"]:
        """(N,) nats of what is missing given the rest, exact. Raises UnsupportedMask as `complete` does, and where
        a part of a pixel's channels is given."""
        self.require_possible(mask)
        if bool((mask != mask[:, :1]).any()):
            raise UnsupportedMask("knows the likelihood of whole pixels: all channels must be given, or none")
        y = self.standardise(x)
        pixels = self.mixture.log_prob(x.movedim(1, -1), y.movedim(1, -1), self.outputs(y))
        return pixels.masked_fill(mask[:, 0], 0.0).flatten(1).sum(1)

    def start_from(self, pixels: Shaped[Tensor, "n c"]) -> None:
        assert self.last.bias is not None
        self.last.bias.copy_(self.mixture.first_guess(pixels))

    def draw_channel(
        self,
        outputs: Float[Tensor, "batch outputs"],
        before: Float[Tensor, "batch c"],
        channel: int,
        generator: torch.Generator,
    ) -> Int[Tensor, " batch"]:
        x = self.standardise.inverse(before[..., None, None])[..., 0, 0].round().long()
        return self.mixture.sample_channel(outputs, x, before, channel, generator)

    def walk(self, count: int) -> StreamWalk:
        return StreamWalk(self, count)


class StreamWalk:
    """The downward stream a row at once, when the row above is complete; the other one pixel by pixel."""

    def __init__(self, model: PixelCNNPlusPlus, count: int) -> None:
        channels, _, width = model.spec.event_shape
        self._model = model
        # the current row and the two above it, with a column of zeros on the left; the last channel is 1 inside
        # the image
        self._pixels = torch.zeros(count, channels + 1, 3, width + 1, device=model.device)
        self._down = [_RowBlock(block, count, width) for block in model.downward]
        self._right = [_PlaceBlock(block, count, width) for block in model.rightward]
        self._left = model.to_the_left.weight.flatten(1).T.contiguous()
        self._context: list[Tensor] = []  # from the downward stream, for each block of the other: B, width, W
        # the first features of the other stream, from the row above: B, width, W
        self._begin = torch.zeros(())
        self._at_row = -1
        self._at: tuple[int, int] | None = None
        self._here = torch.zeros(())

    def put(self, row: int, column: int, channel: int, value: Tensor) -> None:
        self._pixels[:, channel, 2, column + 1] = value

    def outputs_at(self, row: int, column: int) -> Tensor:
        if row != self._at_row:
            self._begin_row(row)
        if self._at != (row, column):  # all channels of a pixel come from the same outputs
            self._at, self._here = (row, column), self._compute(column)
        return self._here

    def _compute(self, column: int) -> Tensor:
        right = self._begin[:, :, column]
        if column:
            assert self._model.to_the_left.bias is not None
            seen = self._pixels[:, :, 1:, column].flatten(1)
            right = right + torch.addmm(self._model.to_the_left.bias, seen, self._left)
        met: list[Tensor] = []
        for number, block in enumerate(self._right):
            context = self._context[number][:, :, column]
            if number < self._model.blocks:
                met.append(right)
            else:
                context = torch.cat([context, met.pop()], 1)
            right = block.at(column, right, context)
        last: Tensor = self._model.last(F.elu(right)[..., None, None])
        return last[..., 0, 0]

    def _begin_row(self, row: int) -> None:
        """Carry the completed row through the downward stream."""
        self._at_row = row
        model = self._model
        above = self._pixels[:, :, 1:, 1:]  # the row just completed, and the one above it
        self._begin = model.row_above(above[:, :, 1:])[:, :, 0]
        down = model.above.last_row(above)
        if not row:  # nothing is above the first row
            self._begin, down = torch.zeros_like(self._begin), torch.zeros_like(down)
        self._pixels = torch.cat([self._pixels[:, :, 1:], torch.zeros_like(self._pixels[:, :, :1])], 2)
        self._pixels[:, -1, 2, 1:] = 1
        met: list[Tensor] = []
        self._context = []
        for number, block in enumerate(self._down):
            if number < self._model.blocks:
                met.append(down)
                down = block.next_row(down, None)
            else:
                down = block.next_row(down, met.pop())
            self._context.append(down[:, :, 0])
        for place in self._right:
            place.begin_row()


class _RowBlock:
    """A block of the downward stream, a row at once: both convolutions see the row above, which is stored."""

    def __init__(self, block: nn.Module, count: int, width: int) -> None:
        assert isinstance(block, GatedResidual)
        self._block = block
        self._kept = [
            block.first.weight.new_zeros(count, convolution.in_channels, 1, width)
            for convolution in (block.first, block.second)
        ]

    def next_row(self, h: Tensor, context: Tensor | None) -> Tensor:
        middle = self._block.with_context(self._convolved(0, self._block.first, concat_elu(h)), context)
        return self._block.added(h, self._convolved(1, self._block.second, concat_elu(middle)))

    def _convolved(self, number: int, convolution: nn.Module, row: Tensor) -> Tensor:
        assert isinstance(convolution, RowsAbove)
        both = torch.cat([self._kept[number], row], 2)
        self._kept[number] = row
        return convolution.last_row(both)


class _PlaceBlock:
    """A block of the other stream at one place. The inputs of its convolutions in this row and the one above are
    stored, with a column of zeros on the left."""

    def __init__(self, block: nn.Module, count: int, width: int) -> None:
        assert isinstance(block, GatedResidual)
        self._block = block
        convolutions = (block.first, block.second)
        self._weights = [each.weight.flatten(1).T.contiguous() for each in convolutions]
        self._biases = [each.bias for each in convolutions]
        self._kept = [each.weight.new_zeros(count, each.in_channels, 2, width + 1) for each in convolutions]

    def begin_row(self) -> None:
        self._kept = [torch.cat([kept[:, :, 1:], torch.zeros_like(kept[:, :, :1])], 2) for kept in self._kept]

    def at(self, column: int, h: Tensor, context: Tensor) -> Tensor:
        place = context[..., None, None]
        middle = self._convolved(0, column, concat_elu(h))
        middle = self._block.with_context(middle[..., None, None], place)[..., 0, 0]
        return self._block.added(h, self._convolved(1, column, concat_elu(middle)))

    def _convolved(self, number: int, column: int, here: Tensor) -> Tensor:
        kept, bias = self._kept[number], self._biases[number]
        assert bias is not None
        kept[:, :, 1, column + 1] = here
        return torch.addmm(bias, kept[:, :, :, column : column + 2].flatten(1), self._weights[number])
