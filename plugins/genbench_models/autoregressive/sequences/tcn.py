"""TCN: causal convolutions, dilated more and more, see as far back as their depth allows.

Bai, Kolter & Koltun 2018, "An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence
Modeling", https://arxiv.org/abs/1803.01271
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from genbench import DataSpec
from genbench_models.autoregressive.sequences.sequence_model import SequenceModel, Step
from genbench_models.layers.ranges import at_least, shares


class TCN(SequenceModel):
    """Blocks of two causal convolutions with weight normalisation, ReLU and dropout, around which the input passes
    (figure 1); block b has the dilation 2^b, so that the last one sees 1 + 2 (kernel - 1)(2^blocks - 1) steps.

    hidden: None means 24 for series, which tend to be few, and 96 for the rest. dropout: of the states. block_dropout:
    inside the blocks, of whole channels.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: int | None = None,
        blocks: int = 3,
        kernel: int = 4,
        within: str = "autoregressive",
        components: int = 2,
        dropout: float = 0.2,
        block_dropout: float = 0.1,
        batch_size: int = 8,
        learning_rate: float = 4e-3,
    ) -> None:
        if hidden is None:
            hidden = 24 if spec.modality == "series" else 96
        at_least(1, hidden=hidden, blocks=blocks)
        at_least(2, kernel=kernel)
        shares(block_dropout=block_dropout)
        super().__init__(
            spec,
            hidden=hidden,
            places=1,
            within=within,
            components=components,
            dropout=dropout,
            batch_size=batch_size,
            learning_rate=learning_rate,
        )
        self.blocks = nn.ModuleList(
            CausalBlock(hidden, kernel, 2**depth, block_dropout) for depth in range(blocks)
        )

    def states(self, inputs: Float[Tensor, "batch steps hidden"]) -> Float[Tensor, "batch steps hidden"]:
        h = inputs.transpose(1, 2)
        for block in self.blocks:
            h = block(h)
        return h.transpose(1, 2)

    def walk(self, count: int) -> Step:
        layers: list[list[CausalConvolution]] = [
            [block.first, block.second] for block in self.blocks if isinstance(block, CausalBlock)
        ]
        pasts = [[layer.past(count) for layer in pair] for pair in layers]

        def step(inputs: Float[Tensor, "batch 1 hidden"]) -> Float[Tensor, "batch hidden"]:
            h = inputs.transpose(1, 2)
            for pair, past in zip(layers, pasts, strict=True):
                inside = h
                for i, layer in enumerate(pair):
                    seen = torch.cat([past[i], inside], 2)  # all that the kernel spans
                    past[i] = seen[:, :, 1:]
                    inside = layer.of_seen(seen).relu()
                h = (h + inside).relu()
            last: Tensor = h[:, :, 0]
            return last

        return step


class CausalConvolution(nn.Module):
    """A convolution over time that sees the present step and earlier ones."""

    def __init__(self, width: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.reach = (kernel - 1) * dilation
        self.convolution = weight_norm(nn.Conv1d(width, width, kernel, dilation=dilation))

    def forward(self, h: Float[Tensor, "batch width steps"]) -> Float[Tensor, "batch width steps"]:
        return self.of_seen(F.pad(h, (self.reach, 0)))

    def of_seen(self, h: Float[Tensor, "batch width seen"]) -> Float[Tensor, "batch width steps"]:
        """h: with the `reach` steps before the first one."""
        convolved: Tensor = self.convolution(h)
        return convolved

    def past(self, count: int) -> Float[Tensor, "count width reach"]:
        """What is before the first step: zeros."""
        weight: Tensor = self.convolution.weight
        return weight.new_zeros(count, weight.shape[1], self.reach)


class CausalBlock(nn.Module):
    """relu(h + two convolutions of h)."""

    def __init__(self, width: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.first = CausalConvolution(width, kernel, dilation)
        self.second = CausalConvolution(width, kernel, dilation)
        self.dropout = nn.Dropout1d(dropout)

    def forward(self, h: Float[Tensor, "batch width steps"]) -> Float[Tensor, "batch width steps"]:
        inside = self.dropout(self.first(h).relu())
        inside = self.dropout(self.second(inside).relu())
        both: Tensor = (h + inside).relu()
        return both
