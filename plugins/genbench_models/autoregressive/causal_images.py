"""What causal networks on images share: masked convolutions, and sampling that keeps what it computed.

The networks are in their own files.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench_models.autoregressive.conditionals import conditional_for
from genbench_models.autoregressive.given_first import require_given_first
from genbench_models.layers.networks import adam, evaluation_mode, set_learning_rate
from genbench_models.layers.ranges import at_least, positive
from genbench_models.layers.standardise import Standardise

_FIRST_GUESS_EXAMPLES = 512
# Samples drawn side by side: few enough for their stored features to fit into the processor's cache.
_DRAWN_AT_ONCE = 250


def causal_mask(
    outputs: int, inputs: int, size: int, channels: int, *, strict: bool
) -> Bool[Tensor, "{outputs} {inputs} {size} {size}"]:
    """Which weights of a convolution may see: the rows above, the pixels to the left, and of the pixel itself
    the colour channels before an output's own (mask A, strict), or up to it (mask B).

    Feature k of n belongs to colour channel k * channels // n.
    """
    mask = torch.zeros(outputs, inputs, size, size, dtype=torch.bool)
    middle = size // 2
    mask[:, :, :middle] = True
    mask[:, :, middle, :middle] = True
    of_output = (torch.arange(outputs) * channels // outputs).unsqueeze(1)
    of_input = (torch.arange(inputs) * channels // inputs).unsqueeze(0)
    mask[:, :, middle, middle] = of_input < of_output if strict else of_input <= of_output
    return mask


class MaskedConv2d(nn.Conv2d):
    """A convolution that keeps the image's size and sees only what `causal_mask` lets it.

    apart: the dilation, in pixels: how far apart the pixels of neighbouring weights are.
    """

    mask: Tensor

    def __init__(
        self, inputs: int, outputs: int, size: int, channels: int, *, strict: bool = False, apart: int = 1
    ) -> None:
        super().__init__(inputs, outputs, size, padding=apart * (size // 2), dilation=apart)
        self.size = size
        self.apart = apart
        mask = causal_mask(outputs, inputs, size, channels, strict=strict)
        self.hides = not mask.all()  # a 1x1 convolution on images of one channel hides nothing
        # as floats: a product with booleans takes longer
        self.register_buffer("mask", mask.to(self.weight.dtype), persistent=False)
        with torch.no_grad():
            self.weight.mul_(self.mask)

    def masked_weight(self) -> Tensor:
        return self.weight * self.mask if self.hides else self.weight

    def forward(self, x: Float[Tensor, "batch inputs height width"]) -> Float[Tensor, "batch outputs h w"]:
        padding = self.apart * (self.size // 2)
        return F.conv2d(x, self.masked_weight(), self.bias, padding=padding, dilation=self.apart)

    def rows_that_see(self) -> Tensor:
        """The kernel's rows from the top to the middle one, as a matrix (inputs * rows * size, outputs): the
        inputs that `window` cuts out, times this matrix, are the convolution at one place."""
        upper = self.masked_weight()[:, :, : self.size // 2 + 1]
        return upper.flatten(1).T.contiguous()


class RowsAbove(nn.Conv2d):
    """A convolution over a place's own row and those above it, of the image's size. The vertical stack sees its
    whole row, so its outputs are passed on one row further down."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__(inputs, outputs, (size // 2 + 1, size))
        self.reach = size // 2

    def forward(self, v: Float[Tensor, "batch inputs height width"]) -> Tensor:
        return super().forward(F.pad(v, (self.reach, self.reach, self.reach, 0)))

    def last_row(self, v: Float[Tensor, "batch inputs rows width"]) -> Float[Tensor, "batch outputs 1 width"]:
        """The output at the last row alone. v: this row and the `reach` rows above it."""
        return super().forward(F.pad(v, (self.reach, self.reach, 0, 0)))


def shifted_down(v: Float[Tensor, "batch features height width"]) -> Tensor:
    """Row r of the result is row r - 1; the first is zeros."""
    return F.pad(v, (0, 0, 1, 0))[:, :, :-1]


def with_channels(width: int, channels: int) -> int:
    """At least `width` features: the same even number, two or more, for each colour channel."""
    return max(2, -(-width // (2 * channels)) * 2) * channels


@runtime_checkable
class PixelWalk(Protocol):
    """A network evaluated at one pixel after the other, row by row."""

    def put(self, row: int, column: int, channel: int, value: Tensor) -> None:
        """A standardised value (B,) that was drawn or given."""

    def outputs_at(self, row: int, column: int) -> Tensor:
        """(B, per * channels), the network's outputs at a pixel, from all values that were put so far."""


class PixelByPixel(GenerativeModel):
    """p(x) = prod_i p(x_i | x_1..x_{i-1}), pixels row by row, the colour channels of a pixel in turn."""

    def __init__(self, spec: DataSpec, *, batch_size: int, learning_rate: float) -> None:
        super().__init__(spec)
        at_least(1, batch_size=batch_size)
        positive(learning_rate=learning_rate)
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.standardise = Standardise(spec)

    @abstractmethod
    def log_prob(self, x: Shaped[Tensor, "batch c h w"]) -> Float[Tensor, " batch"]:
        """(N, C, H, W) -> (N,) nats, exact."""

    @abstractmethod
    def walk(self, count: int) -> PixelWalk:
        """The network, evaluated pixel by pixel for `count` samples."""

    @abstractmethod
    def draw_channel(
        self,
        outputs: Float[Tensor, "batch outputs"],
        before: Float[Tensor, "batch c"],
        channel: int,
        generator: torch.Generator,
    ) -> Shaped[Tensor, " batch"]:
        """One channel of a pixel, from the network's outputs there; standardised where it is real.
        before: the pixel as drawn so far, standardised; its values from `channel` on are not used."""

    @abstractmethod
    def start_from(self, pixels: Shaped[Tensor, "n c"]) -> None:
        """Set the biases of the outputs to the marginal distribution of pixels, the same at all places, so that
        only the differences from it have to be learned. pixels: standardised if real."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        self._start_from_marginals(train)
        optimiser = adam(self.parameters(), self.learning_rate)
        for batch in meter.batches(train, self.batch_size):
            set_learning_rate(optimiser, self.learning_rate, meter.fraction)
            loss = -self.log_prob(batch.x).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            meter.log(loss=loss)

    @torch.no_grad()
    def _start_from_marginals(self, train: Split) -> None:
        x = train.random_subset(_FIRST_GUESS_EXAMPLES, seed=0).tensor().to(self.device)
        given = x if self.spec.is_discrete else self.standardise(x)
        self.start_from(given.movedim(1, -1).flatten(0, 2))

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, C, H, W), pixel by pixel; the features of a pixel are stored for the pixels that depend on it."""
        with evaluation_mode(self):
            sizes = [min(_DRAWN_AT_ONCE, count - start) for start in range(0, count, _DRAWN_AT_ONCE)]
            return torch.cat([self._draw(size, generator, None) for size in sizes])

    def require_possible(self, mask: Bool[Tensor, "batch c h w"]) -> None:
        """Raises UnsupportedMask where the given pixels do not all come before the missing ones."""
        require_given_first(mask.movedim(1, -1).flatten(1))

    @torch.no_grad()
    def complete(
        self,
        x: Shaped[Tensor, "batch c h w"],
        mask: Bool[Tensor, "batch c h w"],
        generator: torch.Generator,
    ) -> Shaped[Tensor, "batch c h w"]:
        """What is missing (mask False) drawn in order; exact. Raises UnsupportedMask unless all that is given comes
        first, as the upper half does."""
        self.require_possible(mask)
        with evaluation_mode(self):
            parts = zip(x.split(_DRAWN_AT_ONCE), mask.split(_DRAWN_AT_ONCE), strict=True)
            return torch.cat([self._draw(len(part[0]), generator, part) for part in parts])

    def _draw(self, count: int, generator: torch.Generator, given: tuple[Tensor, Tensor] | None) -> Tensor:
        channels, height, width = self.spec.event_shape
        walk = self.walk(count)
        x = torch.zeros(
            (count, channels, height, width),
            dtype=torch.int64 if self.spec.is_discrete else torch.float32,
            device=self.device,
        )
        mean, scale = self.standardise.mean.flatten(), self.standardise.scale.flatten()
        mean, scale = mean.expand(channels), scale.expand(channels)
        for row in range(height):
            for column in range(width):
                pixel = torch.zeros(count, channels, device=self.device)
                for channel in range(channels):
                    drawn = self.draw_channel(walk.outputs_at(row, column), pixel, channel, generator)
                    if not self.spec.is_discrete:
                        drawn = drawn * scale[channel] + mean[channel]
                    if given is not None:
                        known, stays = (part[:, channel, row, column] for part in given)
                        drawn = torch.where(stays, known, drawn)
                    x[:, channel, row, column] = drawn
                    pixel[:, channel] = (drawn - mean[channel]) / scale[channel]
                    walk.put(row, column, channel, pixel[:, channel])
        return x


class CausalImageModel(PixelByPixel):
    """With one conditional for each channel of each pixel: each feature belongs to a channel, and sees those before
    it."""

    def __init__(self, spec: DataSpec, *, components: int, batch_size: int, learning_rate: float) -> None:
        super().__init__(spec, batch_size=batch_size, learning_rate=learning_rate)
        at_least(1, components=components)
        self.conditional = conditional_for(spec, components)

    @abstractmethod
    def outputs(self, y: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w per"]:
        """The parameters of the conditional of each pixel and channel, from standardised images."""

    @abstractmethod
    def last_bias(self) -> Float[Tensor, " outputs"]:
        """The bias of the layer that gives the outputs."""

    def by_channel(self, outputs: Float[Tensor, "batch all *place"]) -> Tensor:
        by_channel: Tensor = outputs.unflatten(1, (self.spec.event_shape[0], -1))
        return by_channel.movedim(2, -1)

    def log_prob(
        self, x: Int[Tensor, "batch c h w"] | Float[Tensor, "batch c h w"]
    ) -> Float[Tensor, " batch"]:
        """(N, C, H, W) -> (N,) nats, exact."""
        y = self.standardise(x)
        given = x if self.spec.is_discrete else y
        total = self.conditional.log_prob(given, self.outputs(y)).flatten(1).sum(1)
        return total if self.spec.is_discrete else total + self.standardise.log_abs_det_jacobian()

    def missing_log_prob(
        self, x: Shaped[Tensor, "batch c h w"], mask: Bool[Tensor, "batch c h w"]
    ) -> Float[Tensor, " batch"]:
        """(N,) nats of what is missing given the rest, exact. Raises UnsupportedMask as `complete` does."""
        self.require_possible(mask)
        y = self.standardise(x)
        each = self.conditional.log_prob(x if self.spec.is_discrete else y, self.outputs(y))
        if not self.spec.is_discrete:
            each = each - self.standardise.scale.log()
        return each.masked_fill(mask, 0.0).flatten(1).sum(1)

    def predictive_entropy(self, x: Shaped[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        """Nats of each channel of each pixel given what comes before it."""
        entropy = self.conditional.entropy(self.outputs(self.standardise(x)))
        return entropy if self.spec.is_discrete else entropy + self.standardise.scale.log()

    def draw_channel(
        self,
        outputs: Float[Tensor, "batch outputs"],
        before: Float[Tensor, "batch c"],
        channel: int,
        generator: torch.Generator,
    ) -> Shaped[Tensor, " batch"]:
        return self.conditional.sample(self.by_channel(outputs)[:, channel], generator)

    def start_from(self, pixels: Shaped[Tensor, "n c"]) -> None:
        self.last_bias().copy_(self.conditional.first_guess(pixels).flatten())


class Dense:
    """A 1x1 convolution at one place."""

    def __init__(self, layer: MaskedConv2d) -> None:
        assert layer.bias is not None
        self._weight, self._bias = layer.rows_that_see(), layer.bias

    def __call__(self, h: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch outputs"]:
        return torch.addmm(self._bias, h, self._weight)


class Window:
    """A larger convolution at one place, with the inputs that it needs from other places."""

    def __init__(self, layer: MaskedConv2d, count: int, height: int, width: int) -> None:
        assert layer.bias is not None
        self._weight, self._bias = layer.rows_that_see(), layer.bias
        self._apart, self._reach = layer.apart, layer.apart * (layer.size // 2)
        self._kept = layer.weight.new_zeros(
            count, layer.in_channels, height + self._reach, width + 2 * self._reach
        )

    def put(self, row: int, column: int, value: Float[Tensor, "batch features"], first: int = 0) -> None:
        self._kept[:, first : first + value.shape[1], row + self._reach, column + self._reach] = value

    def at(self, row: int, column: int) -> Float[Tensor, "batch outputs"]:
        rows = slice(row, row + self._reach + 1, self._apart)
        columns = slice(column, column + 2 * self._reach + 1, self._apart)
        window = self._kept[:, :, rows, columns]
        return torch.addmm(self._bias, window.flatten(1), self._weight)
