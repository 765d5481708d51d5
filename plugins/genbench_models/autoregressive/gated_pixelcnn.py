"""Gated PixelCNN: two stacks of convolutions, one for the rows above and one for the row itself, so that no pixel
above is out of sight; gates in place of rectifiers.

van den Oord et al. 2016, "Conditional Image Generation with PixelCNN Decoders", https://arxiv.org/abs/1606.05328
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import DataSpec
from genbench_models.autoregressive.causal_images import (
    CausalImageModel,
    Dense,
    MaskedConv2d,
    RowsAbove,
    shifted_down,
    with_channels,
)
from genbench_models.layers.ranges import at_least, shares

_SIZE = 3
_FIRST_SIZE = 7


class LeftInRow(MaskedConv2d):
    """A masked convolution over a single row."""

    def __init__(self, inputs: int, outputs: int, size: int, channels: int, *, strict: bool = False) -> None:
        super().__init__(inputs, outputs, size, channels, strict=strict)
        self.weight = nn.Parameter(self.weight[:, :, size // 2 : size // 2 + 1].detach().clone())
        self.mask = self.mask[:, :, size // 2 : size // 2 + 1]

    def forward(self, h: Float[Tensor, "batch inputs height width"]) -> Tensor:
        return F.conv2d(h, self.masked_weight(), self.bias, padding=(0, self.size // 2))

    def row_that_sees(self) -> Float[Tensor, "seen outputs"]:
        """The kernel's left half and its middle, (inputs * (size // 2 + 1), outputs)."""
        return self.masked_weight()[:, :, 0, : self.size // 2 + 1].flatten(1).T.contiguous()


def gated(h: Float[Tensor, "batch double *place"]) -> Float[Tensor, "batch single *place"]:
    """tanh(a) * sigmoid(b) (eq. 2). The features of a colour channel lie together, so a and b alternate."""
    return h[:, 0::2].tanh() * h[:, 1::2].sigmoid()


class Layer(nn.Module):
    """One layer of both stacks (figure 2). The vertical one does not depend on the horizontal one, which takes its
    outputs as well and is residual except in the first layer."""

    def __init__(self, inputs: int, width: int, size: int, channels: int, *, first: bool) -> None:
        super().__init__()
        self.first = first
        self.vertical = RowsAbove(inputs, 2 * width, size)
        self.horizontal = LeftInRow(inputs, 2 * width, size, channels, strict=first)
        self.link = nn.Conv2d(2 * width, 2 * width, 1)
        self.out = MaskedConv2d(width, width, 1, channels)

    def forward(self, v: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.vertical(v)
        linked = self.horizontal(h) + self.link(shifted_down(seen))
        out = self.out(gated(linked))
        return gated(seen), out if self.first else h + out


class GatedPixelCNN(CausalImageModel):
    """Layers of both stacks, then two 1x1 convolutions on the horizontal one."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        width: int = 24,
        layers: int = 4,
        components: int = 3,
        dropout: float = 0.1,
        batch_size: int = 16,
        learning_rate: float = 3e-3,
    ) -> None:
        super().__init__(spec, components=components, batch_size=batch_size, learning_rate=learning_rate)
        at_least(1, width=width, layers=layers)
        shares(dropout=dropout)
        channels = spec.event_shape[0]
        width = with_channels(width, channels)
        self.layers = nn.ModuleList(
            Layer(
                width if number else channels,
                width,
                _SIZE if number else _FIRST_SIZE,
                channels,
                first=not number,
            )
            for number in range(layers)
        )
        self.dropout = nn.Dropout2d(dropout)
        self.last = nn.Sequential(
            nn.ReLU(),
            MaskedConv2d(width, width, 1, channels),
            nn.ReLU(),
            MaskedConv2d(width, self.conditional.per_element * channels, 1, channels),
        )

    def outputs(self, y: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w per"]:
        v = h = y
        for layer in self.layers:
            v, h = layer(v, h)
            h = self.dropout(h)
        return self.by_channel(self.last(h))

    def last_bias(self) -> Float[Tensor, " outputs"]:
        final = self.last[-1]
        assert isinstance(final, MaskedConv2d)
        assert final.bias is not None
        return final.bias

    def walk(self, count: int) -> GatedWalk:
        return GatedWalk(self, count)


class GatedWalk:
    """A row of the vertical stack at once, when the row above is complete; the horizontal stack pixel by pixel."""

    def __init__(self, model: GatedPixelCNN, count: int) -> None:
        channels, self._height, self._width = model.spec.event_shape
        self._layers = [layer for layer in model.layers if isinstance(layer, Layer)]
        self._out = [Dense(layer.out) for layer in self._layers]
        self._left = [layer.horizontal.row_that_sees() for layer in self._layers]
        self._last = [Dense(layer) for layer in model.last if isinstance(layer, MaskedConv2d)]
        device = model.device

        def inputs(layer: Layer) -> int:
            return layer.vertical.in_channels

        # the inputs of each layer: in the vertical stack the rows it can still see, in the horizontal one the row
        self._rows = [
            torch.zeros(count, inputs(layer), layer.vertical.reach + 1, self._width, device=device)
            for layer in self._layers
        ]
        self._row = [
            torch.zeros(count, inputs(layer), self._width + layer.horizontal.size // 2, device=device)
            for layer in self._layers
        ]
        self._linked = [
            layer.link.bias.new_zeros(()) for layer in self._layers if layer.link.bias is not None
        ]
        self._pixels = torch.zeros(count, channels, self._width, device=device)  # of the current row
        self._at_row = -1

    def put(self, row: int, column: int, channel: int, value: Float[Tensor, " batch"]) -> None:
        self._pixels[:, channel, column] = value
        first = self._layers[0].horizontal.size // 2
        self._row[0][:, channel, column + first] = value

    def outputs_at(self, row: int, column: int) -> Float[Tensor, "batch outputs"]:
        if row != self._at_row:
            self._begin_row(row)
        h = self._pixels[:, :, column]
        for layer, seen, left, linked, out in zip(
            self._layers, self._row, self._left, self._linked, self._out, strict=True
        ):
            reach = layer.horizontal.size // 2
            if not layer.first:
                seen[:, :, column + reach] = h
            window = seen[:, :, column : column + reach + 1].flatten(1)
            assert layer.horizontal.bias is not None
            here = torch.addmm(layer.horizontal.bias, window, left) + linked[:, :, column]
            residual = out(gated(here))
            h = residual if layer.first else h + residual
        for dense in self._last:
            h = dense(h.relu())
        return h

    def _begin_row(self, row: int) -> None:
        """Carry the completed row through the vertical stack, whose outputs the next row takes."""
        self._at_row = row
        v = self._pixels.unsqueeze(2)  # B, inputs, 1, W
        for number, layer in enumerate(self._layers):
            kept = self._rows[number]
            if row:
                kept = self._rows[number] = torch.cat([kept[:, :, 1:], v], dim=2)
            seen = layer.vertical.last_row(kept)  # B, 2 width, 1, W
            # the first row has nothing above it: the padding of `shifted_down`
            self._linked[number] = layer.link(seen if row else torch.zeros_like(seen))[:, :, 0]
            v = gated(seen)
        for seen_row in self._row:
            seen_row.zero_()
        self._pixels = torch.zeros_like(self._pixels)
