"""GPT over pixels, symbols, frames or moments: a transformer whose every position sees those before it.

Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training"; over pixels: Chen et al. 2020,
"Generative Pretraining from Pixels", ICML
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import DataSpec
from genbench_models.autoregressive.sequences.sequence_model import SequenceModel, Step, Steps, steps_of
from genbench_models.layers.networks import evaluation_mode
from genbench_models.layers.ranges import at_least
from genbench_models.layers.transformer import Block


class GPT(SequenceModel):
    """Learned places, blocks with causal attention, layer normalisation before the conditionals.

    Sampling keeps the keys and values of what it has seen, so that a step costs one position, not all.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        width: int = 64,
        layers: int = 2,
        heads: int = 4,
        within: str = "autoregressive",
        components: int = 3,
        dropout: float = 0.1,
        batch_size: int = 16,
        learning_rate: float = 3e-3,
    ) -> None:
        at_least(1, width=width, layers=layers, heads=heads)
        super().__init__(
            spec,
            hidden=width,
            places=steps_of(spec)[0],
            within=within,
            components=components,
            dropout=dropout,
            batch_size=batch_size,
            learning_rate=learning_rate,
        )
        self.blocks = nn.Sequential(
            *(Block(width, heads, causal=True, dropout=dropout) for _ in range(layers))
        )
        self.normalise = nn.LayerNorm(width)
        for name, parameter in self.blocks.named_parameters():
            # so that the residual path has the same scale at any depth (GPT-2)
            if name.endswith(("out.weight", "mlp.2.weight")):
                nn.init.normal_(parameter, std=0.02 / (2 * layers) ** 0.5)

    def states(self, inputs: Float[Tensor, "batch length width"]) -> Float[Tensor, "batch length width"]:
        states: Tensor = self.normalise(self.blocks(inputs))
        return states

    @torch.no_grad()
    def attention(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, "batch step read"]:
        """How much the last block looked at each earlier step before it gave the distribution of a step, mean over
        heads: [:, i, j] is 0 unless j < i. What is missing to 1 went to the mark of the beginning."""
        steps = self.read(x)
        length = steps.x.shape[1]
        before = self._embed(Steps(steps.x[:, :-1], steps.y[:, :-1]))
        place = torch.arange(length, device=x.device) % self.places
        h = torch.cat([self._start(len(x), None), before], 1) + self.place_in(place)
        with evaluation_mode(self):
            *earlier, last = self.blocks
            for block in earlier:
                h = block(h)
            assert isinstance(last, Block)
            query, key, _ = last.attention.split(last.before_attention(h))
            later = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
            scores = (query @ key.transpose(2, 3) / query.shape[3] ** 0.5).masked_fill(later, -torch.inf)
            looked = scores.softmax(3).mean(1)
        # input j + 1 is step j; input 0 is the mark of the beginning
        return F.pad(looked[:, :, 1:], (0, 1))

    def walk(self, count: int) -> Step:
        caches = [KeyValueCache(block, count, self.steps) for block in self.blocks]

        def step(inputs: Float[Tensor, "batch 1 width"]) -> Float[Tensor, "batch width"]:
            h = inputs
            for cache in caches:
                h = cache.step(h)
            state: Tensor = self.normalise(h[:, 0])
            return state

        return step


class KeyValueCache:
    """A block evaluated at one position after the other, with the keys and values of earlier positions stored."""

    def __init__(self, block: nn.Module, count: int, length: int) -> None:
        assert isinstance(block, Block)
        self._block = block
        weight = block.attention.out.weight
        heads, width = block.attention.heads, weight.shape[0]
        self._keys = weight.new_empty(count, heads, length, width // heads)
        self._values = torch.empty_like(self._keys)
        self._seen = 0

    def step(self, h: Float[Tensor, "batch 1 width"]) -> Float[Tensor, "batch 1 width"]:
        block, at = self._block, self._seen
        query, key, value = block.attention.split(block.before_attention(h))  # B, heads, 1, part
        self._keys[:, :, at : at + 1] = key
        self._values[:, :, at : at + 1] = value
        self._seen = at + 1
        seen = slice(0, self._seen)
        attended = F.scaled_dot_product_attention(query, self._keys[:, :, seen], self._values[:, :, seen])
        h = h + block.attention.join(attended)
        stepped: Tensor = h + block.mlp(block.before_mlp(h))
        return stepped
