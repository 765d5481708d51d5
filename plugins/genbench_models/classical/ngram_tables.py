"""Counts of n-grams, smoothed by interpolation, as sorted tables: a lookup is a binary search, for all symbols at once.

A context of length d is the d symbols before a symbol. It has a number: its rank among the observed pairs of the number
of the shorter context (the d - 1 symbols nearest to the symbol) and the symbol before it. Numbers stay below the length
of the training text, so that no alphabet and no length is too large for 64 bits.

In a context c of length d, with c' the context shorter by one,

    p_d(v | c) = share(c, v) + back(c) p_{d-1}(v | c')

and p_{-1} is uniform. In a context that was not observed p_d = p_{d-1}. What the shares are is the smoothing's affair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float64, Int
from torch import Tensor

from genbench_models.layers.data_buffers import DataBuffers

_NONE = -1
"""The number of a context that was not observed."""


@dataclass(frozen=True)
class Counts:
    """How often each n-gram of one length was counted."""

    keys: Int[Tensor, " grams"]
    """Number of the context times `levels` plus the symbol, ascending."""
    times: Int[Tensor, " grams"]
    """The counts, 1 or more."""
    owners: Int[Tensor, " grams"]
    """Number of each n-gram's context."""
    contexts: int
    """How many contexts of this length were observed."""

    @property
    def totals(self) -> Float64[Tensor, " contexts"]:
        """Sum of the counts in each context."""
        return torch.bincount(self.owners, self.times.double(), minlength=self.contexts)

    @property
    def different(self) -> Float64[Tensor, " contexts"]:
        """How many different symbols follow each context."""
        return torch.bincount(self.owners, minlength=self.contexts).double()


Smoothing = Callable[[Counts], tuple[Float64[Tensor, " grams"], Float64[Tensor, " contexts"]]]
"""From counts to the shares of n-grams, and to the weight of the shorter context in each context. A context's shares
and this weight sum to 1."""
Draw = Callable[[Int[Tensor, "count past"], torch.Generator], Int[Tensor, " count"]]
"""From what came before, (count, past), to the next symbols, (count,)."""


class NGramTables(DataBuffers):
    """Smoothed n-grams of contexts up to a length.

    Every symbol has a longest context: `longest` symbols, fewer near the beginning of its piece. In it occurrences are
    counted. Shorter contexts, into which it backs off, count occurrences too (`by_continuation` False), or in how many
    different ways an n-gram is extended to the left (Kneser and Ney 1995).
    """

    sized_by_data = ("contexts", "context_sizes", "keys", "shares", "gram_sizes", "backs")
    contexts: Tensor
    context_sizes: Tensor
    keys: Tensor
    shares: Tensor
    gram_sizes: Tensor
    backs: Tensor

    def __init__(self, levels: int, *, by_continuation: bool) -> None:
        super().__init__()
        self.levels = levels
        self.by_continuation = by_continuation
        # one context of length 0, in which nothing was counted: everything is equally likely
        self.register_buffer("contexts", torch.zeros(1, dtype=torch.int64))
        self.register_buffer("context_sizes", torch.ones(1, dtype=torch.int64))
        self.register_buffer("keys", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("shares", torch.zeros(0, dtype=torch.float64))
        self.register_buffer("gram_sizes", torch.zeros(1, dtype=torch.int64))
        self.register_buffer("backs", torch.ones(1, dtype=torch.float64))

    @property
    def longest(self) -> int:
        """Length of the longest contexts."""
        return len(self.context_sizes) - 1

    def count(
        self, symbols: Int[Tensor, " n"], past: Int[Tensor, " n"], longest: int, smoothing: Smoothing
    ) -> None:
        """Count a text. symbols: 0..levels-1, and `levels` for a mark that is context but is never predicted.
        past: how many symbols of its piece come before each one."""
        number = torch.zeros_like(symbols)
        contexts, tables, previous = [torch.zeros(1, dtype=torch.int64, device=symbols.device)], [], None
        lower: list[Counts] = []
        predicted = symbols < self.levels
        for length in range(longest + 1):
            if length > 0:
                has = past >= length
                keys = number[has] * (self.levels + 1) + symbols[has.nonzero().squeeze(1) - length]
                observed, ranks = torch.unique(keys, return_inverse=True)
                if len(observed) == 0:
                    break
                contexts.append(observed)
                number = number.new_full(number.shape, _NONE).masked_scatter(has, ranks)
            at = (past >= length) & predicted
            grams, times = torch.unique(number[at] * self.levels + symbols[at], return_counts=True)
            plain = Counts(grams, times, grams // self.levels, len(contexts[-1]))
            if previous is not None and self.by_continuation:
                parents = contexts[-1] // (self.levels + 1)
                shorter = parents[plain.owners] * self.levels + grams % self.levels
                extended, ways = torch.unique(shorter, return_counts=True)
                lower.append(Counts(extended, ways, extended // self.levels, previous.contexts))
            previous = plain
            tables.append(plain)
        smoothed = [smoothing(table) for table in (*tables, *lower)]
        self.contexts = torch.cat(contexts)
        self.context_sizes = torch.tensor([len(each) for each in contexts], device=symbols.device)
        self.keys = torch.cat([table.keys for table in (*tables, *lower)])
        self.gram_sizes = torch.tensor(
            [len(table.keys) for table in (*tables, *lower)], device=symbols.device
        )
        self.shares = torch.cat([shares for shares, _ in smoothed])
        self.backs = torch.cat([backs for _, backs in smoothed])

    def keep(self, longest: int) -> None:
        """Forget contexts that are longer."""
        sizes = self.context_sizes.tolist()
        kept = list(range(longest + 1))
        if self.by_continuation:
            kept += [len(sizes) + length for length in range(longest)]
        keys, shares, backs = (
            torch.cat([parts[i] for i in kept])
            for parts in (self._by_table(self.keys), self._by_table(self.shares), self._backs())
        )
        self.keys, self.shares, self.backs = keys, shares, backs
        self.gram_sizes = self.gram_sizes[kept]
        self.contexts = self.contexts[: sum(sizes[: longest + 1])]
        self.context_sizes = self.context_sizes[: longest + 1]

    # ---- what was counted

    def log_prob(
        self,
        symbols: Int[Tensor, "count time"],
        history: Int[Tensor, "count history"],
        longest: int,
    ) -> Float64[Tensor, "count time"]:
        """Nats of each symbol given those before it, of which `history` are known before the first one."""
        whole = torch.cat([history, symbols], 1)
        given = history.shape[1]
        past = torch.arange(given, whole.shape[1], device=symbols.device)
        top = past.clamp(max=min(longest, self.longest)).expand_as(symbols)
        numbers = torch.zeros_like(symbols)
        p = torch.full(symbols.shape, 1 / self.levels, dtype=torch.float64, device=symbols.device)
        for length in range(min(longest, self.longest) + 1):
            if length > 0:
                before = torch.full_like(symbols, self.levels)
                first = max(0, length - given)
                before[:, first:] = whole[:, given + first - length : whole.shape[1] - length]
                numbers = self._longer(numbers, before, length)
                numbers[:, :first] = _NONE
            for table, here in self._tables(length, top):
                p = torch.where(here, self._interpolated(table, length, numbers, symbols, p), p)
        return p.log()

    def drawing(self, longest: int) -> Draw:
        """A function that draws the next symbol of each history: from the longest context's own n-grams, or with the
        weight of the shorter context from those of that one."""
        tables = len(self.gram_sizes)
        keys, backs = [self._keys(table) for table in range(tables)], self._backs()
        cumulative = [shares.cumsum(0) for shares in self._by_table(self.shares)]

        def draw(history: Int[Tensor, "count past"], generator: torch.Generator) -> Int[Tensor, " count"]:
            count, past = history.shape
            top = min(longest, self.longest, past)
            numbers = [torch.zeros(count, dtype=torch.int64, device=history.device)]
            for length in range(1, top + 1):
                numbers.append(self._longer(numbers[-1], history[:, past - length], length))
            drawn = torch.full_like(numbers[0], _NONE)
            for length in range(top, -1, -1):
                table = self._table(length, is_top=length == top)
                u = torch.rand(count, generator=generator, device=history.device, dtype=torch.float64)
                known = numbers[length].clamp(min=0)
                back = backs[table][known]
                here = (drawn == _NONE) & (numbers[length] != _NONE) & (u >= back)
                if len(keys[table]) == 0:
                    continue
                begin = torch.searchsorted(keys[table], known * self.levels)
                end = torch.searchsorted(keys[table], (known + 1) * self.levels)
                base = torch.where(begin > 0, cumulative[table][(begin - 1).clamp(min=0)], 0.0)
                at = torch.searchsorted(cumulative[table], base + (u - back), right=True)
                at = torch.minimum(torch.maximum(at, begin), end - 1).clamp(min=0)
                drawn = torch.where(here, keys[table][at] % self.levels, drawn)
            uniform = torch.randint(self.levels, (count,), generator=generator, device=history.device)
            return torch.where(drawn == _NONE, uniform, drawn)

        return draw

    def _tables(
        self, length: int, top: Int[Tensor, "count time"]
    ) -> list[tuple[int, Bool[Tensor, "count time"]]]:
        """The tables of a length, each with the symbols that it predicts."""
        if not self.by_continuation:
            return [(length, top >= length)]
        at_top = [(self._table(length, is_top=True), top == length)]
        return at_top + ([(self._table(length, is_top=False), top > length)] if length < self.longest else [])

    def _table(self, length: int, *, is_top: bool) -> int:
        return length if is_top or not self.by_continuation else len(self.context_sizes) + length

    def _interpolated(
        self, table: int, length: int, numbers: Tensor, symbols: Tensor, lower: Float64[Tensor, "*shape"]
    ) -> Float64[Tensor, "*shape"]:
        keys, shares = self._keys(table), self._by_table(self.shares)[table]
        known = numbers.clamp(min=0)
        share = torch.zeros_like(lower)
        if len(keys) > 0:
            wanted = known * self.levels + symbols
            at = torch.searchsorted(keys, wanted).clamp_(max=len(keys) - 1)
            share = torch.where(keys[at] == wanted, shares[at], 0.0)
        return torch.where(numbers == _NONE, lower, share + self._backs()[table][known] * lower)

    def _longer(self, numbers: Tensor, before: Tensor, length: int) -> Tensor:
        """The numbers of contexts that are longer by the symbol `before`."""
        observed = self.contexts.split(self.context_sizes.tolist())[length]
        wanted = numbers * (self.levels + 1) + before
        at = torch.searchsorted(observed, wanted).clamp_(max=len(observed) - 1)
        return torch.where((numbers != _NONE) & (observed[at] == wanted), at, _NONE)

    def _keys(self, table: int) -> Tensor:
        return self._by_table(self.keys)[table]

    def _by_table(self, values: Tensor) -> tuple[Tensor, ...]:
        parts: tuple[Tensor, ...] = values.split(self.gram_sizes.tolist())
        return parts

    def _backs(self) -> tuple[Tensor, ...]:
        sizes = self.context_sizes.tolist()
        parts: tuple[Tensor, ...] = self.backs.split([*sizes, *(sizes[: len(self.gram_sizes) - len(sizes)])])
        return parts
