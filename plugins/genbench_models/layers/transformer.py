"""Transformer blocks (Vaswani et al. 2017), normalisation first (Xiong et al. 2020)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Multi-head self-attention.

    causal: a position sees itself and those before it. Written out where `twice_differentiable`: torch's fused
    kernels have no second derivative, which a gradient penalty needs.
    """

    def __init__(
        self, width: int, heads: int, *, causal: bool = False, twice_differentiable: bool = False
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width={width}: expected a multiple of heads={heads}")
        self.heads = heads
        self.causal = causal
        self.twice_differentiable = twice_differentiable
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch tokens width"]:
        q, k, v = self.split(x)
        if self.twice_differentiable:
            scores = q @ k.transpose(2, 3) / q.shape[3] ** 0.5  # B, H, T, T
            if self.causal:
                unseen = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
                scores = scores.masked_fill(unseen, -torch.inf)
            attended = scores.softmax(3) @ v
        else:
            attended = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.join(attended)

    def split(self, x: Float[Tensor, "batch tokens width"]) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (B, heads, T, width / heads)."""
        q, k, v = self.queries_keys_values(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return q, k, v

    def join(self, attended: Float[Tensor, "batch heads tokens part"]) -> Float[Tensor, "batch tokens width"]:
        joined: Tensor = self.out(attended.transpose(1, 2).flatten(2))
        return joined


class Block(nn.Module):
    """x + attention, then x + MLP of four times the width."""

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        causal: bool = False,
        twice_differentiable: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads, causal=causal, twice_differentiable=twice_differentiable)
        self.before_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch tokens width"]:
        x = x + self.dropout(self.attention(self.before_attention(x)))
        both: Tensor = x + self.dropout(self.mlp(self.before_mlp(x)))
        return both
