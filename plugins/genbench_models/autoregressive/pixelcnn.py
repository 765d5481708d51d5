"""PixelCNN: each pixel from those above it and to its left, by masked convolutions.

van den Oord et al. 2016, "Pixel Recurrent Neural Networks", https://arxiv.org/abs/1601.06759; for more than
32 levels with the likelihood of Salimans et al. 2017, PixelCNN++, https://arxiv.org/abs/1701.05517
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import DataSpec
from genbench_models.autoregressive.causal_images import (
    CausalImageModel,
    Dense,
    MaskedConv2d,
    Window,
    with_channels,
)
from genbench_models.layers.ranges import at_least, shares


class Residual(nn.Module):
    """1x1 down to half the width, masked 3x3, 1x1 back up, added to the input (figure 5 of the paper).
    apart: the dilation of the 3x3 convolution, in pixels."""

    def __init__(self, width: int, channels: int, dropout: float, apart: int) -> None:
        super().__init__()
        half = width // 2
        self.down = MaskedConv2d(width, half, 1, channels)
        self.look = MaskedConv2d(half, half, 3, channels, apart=apart)
        self.up = MaskedConv2d(half, width, 1, channels)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, h: Float[Tensor, "batch width height w"]) -> Float[Tensor, "batch width height w"]:
        seen: Tensor = self.up(F.relu(self.look(F.relu(self.down(self.dropout(F.relu(h)))))))
        return h + seen


class PixelCNN(CausalImageModel):
    """A first convolution that sees all around (mask A), then residual blocks (mask B, table 1 of the paper).

    dilation: the largest dilation of the 3x3 convolutions. 1 is the paper's; with 4, the blocks have dilations of
    1, 2, 4, 1, 2, 4... in turn, so that a few of them cover a whole digit at no cost (Yu & Koltun 2016,
    https://arxiv.org/abs/1511.07122).
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        width: int = 32,
        blocks: int = 4,
        dilation: int = 1,
        components: int = 3,
        dropout: float = 0.1,
        batch_size: int = 16,
        learning_rate: float = 4e-3,
    ) -> None:
        super().__init__(spec, components=components, batch_size=batch_size, learning_rate=learning_rate)
        at_least(1, width=width, blocks=blocks, dilation=dilation)
        shares(dropout=dropout)
        channels = spec.event_shape[0]
        width = with_channels(width, channels)
        self.first = MaskedConv2d(channels, width, 7, channels, strict=True)
        looks = dilation.bit_length()  # at distances 1, 2, 4...
        self.blocks = nn.Sequential(
            *(Residual(width, channels, dropout, 2 ** (number % looks)) for number in range(blocks))
        )
        self.last = nn.Sequential(
            nn.ReLU(),
            MaskedConv2d(width, width, 1, channels),
            nn.ReLU(),
            MaskedConv2d(width, self.conditional.per_element * channels, 1, channels),
        )

    def outputs(self, y: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w per"]:
        """The parameters of the conditional of each pixel and channel, from standardised images."""
        outputs: Tensor = self.last(self.blocks(self.first(y)))
        return self.by_channel(outputs)

    def last_bias(self) -> Float[Tensor, " outputs"]:
        final = self.last[-1]
        assert isinstance(final, MaskedConv2d)
        assert final.bias is not None
        return final.bias

    def walk(self, count: int) -> CachedWalk:
        return CachedWalk(self, count)


class CachedWalk:
    """The network evaluated at one pixel after the other.

    Only the convolutions larger than 1x1 look at other pixels: their inputs are stored, padded with zeros.
    A pixel costs as much as it would in one pass over the whole image.
    """

    def __init__(self, model: PixelCNN, count: int) -> None:
        _, height, width = model.spec.event_shape
        self._first = Window(model.first, count, height, width)
        self._blocks = [
            (Dense(block.down), Window(block.look, count, height, width), Dense(block.up))
            for block in model.blocks
            if isinstance(block, Residual)
        ]
        self._last = [Dense(layer) for layer in model.last if isinstance(layer, MaskedConv2d)]

    def put(self, row: int, column: int, channel: int, value: Float[Tensor, " batch"]) -> None:
        """A standardised value that was drawn."""
        self._first.put(row, column, value.unsqueeze(1), channel)

    def outputs_at(self, row: int, column: int) -> Float[Tensor, "batch outputs"]:
        """The network's outputs at a pixel, from all values that were put so far."""
        h = self._first.at(row, column)
        for down, look, up in self._blocks:
            look.put(row, column, down(h.relu()).relu_())
            h = h + up(look.at(row, column).relu_())
        for layer in self._last:
            h = layer(h.relu())
        return h
