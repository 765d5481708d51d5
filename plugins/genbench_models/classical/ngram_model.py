"""What the n-gram models share: they count once, choose the length of contexts on the validation split, and draw symbol
by symbol."""

from __future__ import annotations

from abc import abstractmethod

import torch
from jaxtyping import Bool, Float64, Int
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api import check_lengths, check_prompt, step_mask, zero_padding
from genbench.errors import DataError
from genbench_models.autoregressive.given_first import require_given_first
from genbench_models.classical.ngram_tables import Counts, NGramTables
from genbench_models.layers.finite import require_finite
from genbench_models.layers.ranges import at_least
from genbench_models.layers.segments import segments_of

_MAX_JUDGED_EXAMPLES = 2048  # that the length of contexts is chosen by


class NGramModel(GenerativeModel):
    """p(x) = prod_t p(x_t | up to `context` symbols before it), exact.

    Examples that are whole texts begin with a mark, which is part of contexts, so that the first symbols have counts of
    their own. Windows of a longer text have no such mark: their first symbols are predicted from what few symbols they
    have before them, and the windows are joined where they touch before anything is counted. `context` is the length up
    to `max_context` under which the validation split is likeliest. Of a training text longer than `max_symbols` the
    last ones are counted.
    """

    by_continuation = False
    """Whether shorter contexts count in how many ways an n-gram is extended to the left."""
    context: Tensor
    begins: Tensor

    def __init__(self, spec: DataSpec, *, max_context: int = 8, max_symbols: int = 2_000_000) -> None:
        super().__init__(spec)
        at_least(0, max_context=max_context)
        at_least(1, max_symbols=max_symbols)
        assert spec.levels is not None
        self.levels = spec.levels
        self.max_context = max_context
        self.max_symbols = max_symbols
        self.tables = NGramTables(spec.levels, by_continuation=self.by_continuation)
        self.register_buffer("context", torch.zeros((), dtype=torch.int64))
        # whether an example begins with the mark
        self.register_buffer("begins", torch.zeros((), dtype=torch.bool))

    @abstractmethod
    def smoothed(self, counts: Counts) -> tuple[Float64[Tensor, " grams"], Float64[Tensor, " contexts"]]:
        """The share of each n-gram, and the weight of the shorter context in each context."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        meter.start()
        require_finite(train)
        pieces = segments_of(train.to(self.device))
        symbols, past = pieces.steps[-self.max_symbols :], pieces.past[-self.max_symbols :]
        past = torch.minimum(past, torch.arange(len(past), device=past.device))
        self._check(symbols.unsqueeze(0))
        self.begins.fill_(pieces.are_whole)
        if pieces.are_whole:
            symbols, past = _with_marks(symbols, past, self.levels)
        self.tables.count(symbols, past, self.max_context, self.smoothed)
        valid = meter.valid.random_subset(_MAX_JUDGED_EXAMPLES, seed=0).to(self.device)
        likelihoods = []
        for context in range(self.tables.longest + 1):
            self.context.fill_(context)
            likelihoods.append(self.log_prob(valid.tensor(), lengths=valid.lengths).mean().item())
        best = max(range(len(likelihoods)), key=likelihoods.__getitem__)
        self.context.fill_(best)
        self.tables.keep(best)
        meter.charge(steps=1, examples=len(train), flops=2.0 * len(symbols) * (self.max_context + 1))
        meter.log(negative_log_likelihood=-likelihoods[best])

    @torch.no_grad()
    def log_prob(
        self, x: Int[Tensor, "n time"], lengths: Int[Tensor, " n"] | None = None
    ) -> Float64[Tensor, " n"]:
        """(N, T) -> (N,) nats, exact. lengths: of pieces that are padded. Raises DataError for symbols outside of the
        alphabet."""
        if lengths is None:
            return self.log_prob_each(x).sum(1)
        return zero_padding(self.log_prob_each(zero_padding(x, lengths)), lengths).sum(1)

    @torch.no_grad()
    def log_prob_each(self, x: Int[Tensor, "n time"]) -> Float64[Tensor, "n time"]:
        """Nats of each symbol given those before it."""
        self._check(x)
        return self.tables.log_prob(x, self._start(len(x)), int(self.context))

    def missing_log_prob(
        self, x: Int[Tensor, "n time"], mask: Bool[Tensor, "n time"]
    ) -> Float64[Tensor, " n"]:
        """(N,) nats of what is missing given the rest, exact. Raises UnsupportedMask unless all that is given comes
        first."""
        require_given_first(mask, "one symbol after the other")
        return self.log_prob_each(x).masked_fill(mask, 0.0).sum(1)

    def sample(
        self, count: int, generator: torch.Generator, *, lengths: Int[Tensor, " count"] | None = None
    ) -> Int[Tensor, "count time"]:
        """(count, T), one symbol after the other; with `lengths`, (count, longest)."""
        (length,) = self.spec.event_shape
        if lengths is not None:
            check_lengths(lengths, count, length, self.spec.name)
            length = int(lengths.max())
        nothing = torch.zeros(count, length, dtype=torch.int64, device=self.device)
        drawn = self._draw(nothing, torch.zeros_like(nothing, dtype=torch.bool), generator)
        return drawn if lengths is None else zero_padding(drawn, lengths)

    def continue_from(
        self, x: Int[Tensor, "n time"], lengths: Int[Tensor, " n"], generator: torch.Generator
    ) -> Int[Tensor, "n time"]:
        """x with the symbols after the first `lengths[i]` of each row drawn; exact."""
        check_prompt(x, lengths, self.spec)
        return self._draw(x, step_mask(lengths, x.shape[1]), generator)

    def complete(
        self, x: Int[Tensor, "n time"], mask: Bool[Tensor, "n time"], generator: torch.Generator
    ) -> Int[Tensor, "n time"]:
        """What is missing (mask False) drawn in order; exact. Raises UnsupportedMask unless all that is given comes
        first."""
        require_given_first(mask, "one symbol after the other")
        return self._draw(x, mask, generator)

    @torch.no_grad()
    def _draw(
        self, x: Int[Tensor, "n time"], given: Bool[Tensor, "n time"], generator: torch.Generator
    ) -> Int[Tensor, "n time"]:
        context = int(self.context)
        draw = self.tables.drawing(context)
        start = self._start(len(x))
        whole = torch.cat([start, x], 1)
        for t in range(x.shape[1]):
            now = t + start.shape[1]
            drawn = draw(whole[:, max(0, now - context) : now], generator)
            whole[:, now] = torch.where(given[:, t], x[:, t], drawn)
        return whole[:, start.shape[1] :]

    def _start(self, count: int) -> Int[Tensor, "count start"]:
        """What comes before the first symbol: the mark, or nothing."""
        marks = int(self.begins)
        return torch.full((count, marks), self.levels, dtype=torch.int64, device=self.device)

    def _check(self, x: Int[Tensor, "n time"]) -> None:
        wrong = ((x < 0) | (x >= self.levels)).nonzero()
        if len(wrong) > 0:
            example, place = wrong[0].tolist()
            raise DataError(
                f"{self.spec.name}: symbol {int(x[example, place])} of example {example} at place {place}: expected"
                f" 0 to {self.levels - 1}"
            )


def _with_marks(
    symbols: Int[Tensor, " n"], past: Int[Tensor, " n"], mark: int
) -> tuple[Int[Tensor, " m"], Int[Tensor, " m"]]:
    """Put the mark before the first symbol of each piece."""
    first = past == 0
    place = torch.arange(len(symbols), device=symbols.device) + first.long().cumsum(0)
    size = len(symbols) + int(first.sum())
    marked = torch.full((size,), mark, dtype=symbols.dtype, device=symbols.device)
    counted = torch.zeros_like(marked)
    marked[place] = symbols
    counted[place] = past + 1
    return marked, counted
