"""The transformer as it was first published: an encoder reads the source, a decoder writes its translation.

Vaswani et al. 2017, "Attention Is All You Need", NeurIPS; normalisation first, as Xiong et al. 2020
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench_models.layers.networks import adam, evaluation_mode, set_learning_rate
from genbench_models.layers.ranges import at_least, positive, shares
from genbench_models.layers.transformer import Attention, Block


class EncoderDecoder(GenerativeModel):
    """p(source) p(target | source), each symbol given those before it.

    The source has a distribution too, so that pairs have a likelihood like any other example, and can be sampled. The
    same decoder writes it: it then attends to a learned vector that stands for no source. What the decoder writes does
    not tell the encoder anything.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        width: int = 64,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
        batch_size: int = 32,
        learning_rate: float = 3e-3,
    ) -> None:
        super().__init__(spec)
        at_least(1, width=width, layers=layers, heads=heads, batch_size=batch_size)
        positive(learning_rate=learning_rate)
        shares(dropout=dropout)
        if spec.source_steps is None or spec.levels is None:
            raise ValueError(f"{spec.name} has no pairs of source and target")
        self.batch_size, self.learning_rate = batch_size, learning_rate
        self.source, self.levels = spec.source_steps, spec.levels
        longest = max(self.source, spec.event_shape[0] - self.source)
        self.symbols = nn.Embedding(spec.levels, width)
        self.places = nn.Embedding(longest, width)
        self.starts = nn.Embedding(2, width)  # of a source, of a target
        self.no_source = nn.Parameter(torch.randn(1, 1, width))
        self.encoder = nn.Sequential(*(Block(width, heads, dropout=dropout) for _ in range(layers)))
        self.encoded = nn.LayerNorm(width)
        self.decoder = nn.ModuleList(DecoderBlock(width, heads, dropout) for _ in range(layers))
        self.decoded = nn.LayerNorm(width)
        self.out = nn.Linear(width, spec.levels)
        for embedding in (self.symbols, self.places, self.starts):
            nn.init.normal_(embedding.weight, std=0.3)

    # ---- the network

    def encode_source(self, source: Int[Tensor, "batch steps"]) -> Float[Tensor, "batch steps width"]:
        """What the decoder attends to."""
        read: Tensor = self.encoded(
            self.encoder(self.symbols(source) + self.places.weight[: source.shape[1]])
        )
        return read

    def _read_nothing(self, count: int) -> Float[Tensor, "batch 1 width"]:
        return self.no_source.expand(count, 1, -1)

    def logits(
        self,
        written: Int[Tensor, "batch steps"],
        memory: Float[Tensor, "batch read width"],
        *,
        target: bool,
    ) -> Float[Tensor, "batch next levels"]:
        """Logits of each symbol given those before it, and of the one after the last."""
        h = self._begin(written, target=target)
        for block in self.decoder:
            h = block(h, memory)
        logits: Tensor = self.out(self.decoded(h))
        return logits

    def _begin(
        self, written: Int[Tensor, "batch steps"], *, target: bool
    ) -> Float[Tensor, "batch next width"]:
        """The decoder's input: a mark of the beginning, then what is written."""
        start = self.starts.weight[int(target)].expand(len(written), 1, -1)
        h = torch.cat([start, self.symbols(written)], 1)
        return h + self.places.weight[: h.shape[1]]

    def _parts(self, x: Int[Tensor, "batch steps"]) -> tuple[Tensor, Tensor]:
        return x[:, : self.source], x[:, self.source :]

    def log_prob(self, x: Int[Tensor, "batch steps"]) -> Float[Tensor, " batch"]:
        """(N,) nats of source and target, exact."""
        source, target = self._parts(x)
        of_source = self._log_prob(source, self._read_nothing(len(x)), target=False)
        return of_source + self._log_prob(target, self.encode_source(source), target=True)

    def _log_prob(
        self, symbols: Int[Tensor, "batch steps"], memory: Float[Tensor, "batch read width"], *, target: bool
    ) -> Float[Tensor, " batch"]:
        logits = self.logits(symbols[:, :-1], memory, target=target)
        return -F.cross_entropy(logits.movedim(2, 1), symbols, reduction="none").sum(1)

    # ---- training

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self._start_from_marginals(train)
        optimiser = adam(self.parameters(), self.learning_rate)
        for batch in meter.batches(train, self.batch_size):
            set_learning_rate(optimiser, self.learning_rate, meter.fraction)
            loss = -self.log_prob(batch.x).mean()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), math.sqrt(batch.x[0].numel()))
            optimiser.step()
            meter.log(loss=loss)

    @torch.no_grad()
    def _start_from_marginals(self, train: Split) -> None:
        counts = train.tensor().flatten().bincount(minlength=self.levels).float()
        self.out.bias.copy_(((counts + 1) / (counts + 1).sum()).log())

    # ---- samples and translations

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Int[Tensor, "count steps"]:
        """(count, T): a source, then a translation of it, symbol by symbol."""
        with evaluation_mode(self):
            source = self._write(self._read_nothing(count), self.source, generator, target=False)
            steps = self.spec.event_shape[0] - self.source
            return torch.cat([source, self._write(self.encode_source(source), steps, generator)], 1)

    @torch.no_grad()
    def translate(self, x: Int[Tensor, "batch steps"]) -> Int[Tensor, "batch steps"]:
        """The source, and after it the most probable symbol at each step, given the source and those before."""
        source = x[:, : self.source]
        with evaluation_mode(self):
            steps = self.spec.event_shape[0] - self.source
            return torch.cat([source, self._write(self.encode_source(source), steps, None)], 1)

    def _write(
        self,
        memory: Float[Tensor, "batch read width"],
        steps: int,
        generator: torch.Generator | None,
        *,
        target: bool = True,
    ) -> Int[Tensor, "batch steps"]:
        """generator: draws each symbol; None: takes the most probable one."""
        written = torch.zeros(len(memory), 0, dtype=torch.int64, device=memory.device)
        for _ in range(steps):
            logits = self.logits(written, memory, target=target)[:, -1]
            if generator is None:
                symbol = logits.argmax(1, keepdim=True)
            else:
                symbol = torch.multinomial(logits.softmax(1), 1, generator=generator)
            written = torch.cat([written, symbol], 1)
        return written

    @torch.no_grad()
    def attention(self, x: Int[Tensor, "batch steps"]) -> Float[Tensor, "batch step read"]:
        """How much the last block of the decoder looked at each step of the source before it wrote a step of the
        target, mean over heads: [:, i, j] is 0 unless i is in the target and j in the source."""
        source, target = self._parts(x)
        with evaluation_mode(self):
            memory, h = self.encode_source(source), self._begin(target[:, :-1], target=True)
            weights = h
            for block in self.decoder:
                assert isinstance(block, DecoderBlock)
                weights, h = block.looked_at(h, memory), block(h, memory)
        looked = x.new_zeros(len(x), x.shape[1], x.shape[1], dtype=weights.dtype)
        looked[:, self.source :, : self.source] = weights
        return looked


class DecoderBlock(nn.Module):
    """Causal self-attention, attention to what the encoder read, and an MLP, each added to its input."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.attention = Attention(width, heads, causal=True)
        self.before_reading = nn.LayerNorm(width)
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.before_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, h: Float[Tensor, "batch steps width"], memory: Float[Tensor, "batch read width"]
    ) -> Float[Tensor, "batch steps width"]:
        h = h + self.dropout(self.attention(self.before_attention(h)))
        query, key, value = self._split(h, memory)
        read = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        h = h + self.dropout(self.out(read))
        all_three: Tensor = h + self.dropout(self.mlp(self.before_mlp(h)))
        return all_three

    def looked_at(
        self, h: Float[Tensor, "batch steps width"], memory: Float[Tensor, "batch read width"]
    ) -> Float[Tensor, "batch steps read"]:
        """The weights of the attention to what the encoder read, mean over heads."""
        query, key, _ = self._split(h + self.attention(self.before_attention(h)), memory)
        weights: Tensor = (query @ key.transpose(2, 3) / query.shape[3] ** 0.5).softmax(3).mean(1)
        return weights

    def _split(
        self, h: Float[Tensor, "batch steps width"], memory: Float[Tensor, "batch read width"]
    ) -> tuple[Tensor, Tensor, Tensor]:
        query = self.query(self.before_reading(h)).unflatten(2, (self.heads, -1)).transpose(1, 2)
        key, value = self.key_value(memory).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return query, key, value
