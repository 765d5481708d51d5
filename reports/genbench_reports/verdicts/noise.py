"""How much values vary between seeds: measured once, and used for runs of one seed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from genbench.api import MetricCard
from genbench.errors import UsageError
from genbench.util.untrusted_text import decode_json, read_bounded
from genbench_reports.statistics.seeds import standard_deviation
from genbench_reports.verdicts.difference import Spread, compared_by_logarithm
from genbench_reports.verdicts.sides import Entry

MAX_NOISE_BYTES = 1 << 24


class NoiseRow(msgspec.Struct, frozen=True, kw_only=True):
    """The spread of one model on one data set."""

    dataset: str
    """The data set."""
    model: str
    """The model with the settings that the user chose."""
    metric: str
    """The metric that ranks the data set."""
    seeds: int
    """How many seeds it was measured from."""
    deviation: float
    """Standard deviation over seeds; of the natural logarithm of the values where `is_relative`, so that 0.1 is about
    ten per cent."""
    is_relative: bool
    """Whether values are compared by their logarithms."""


class Noise(msgspec.Struct, frozen=True, kw_only=True):
    """The spreads of a run, as `genai-bench noise RUN --format json` prints them."""

    rows: list[NoiseRow]
    """One per model and data set with two seeds or more."""
    schema: int = 1
    """Version of this record."""

    def spread(self, dataset: str, metric: str, models: Iterable[str], *, is_relative: bool) -> Spread | None:
        """That of these models on the data set, or where they are not in it of all models on it; pooled. None where
        nothing is known."""
        known = [
            row
            for row in self.rows
            if (row.dataset, row.metric, row.is_relative) == (dataset, metric, is_relative)
        ]
        wanted = set(models)
        rows = [row for row in known if row.model in wanted] or known
        freedom = sum(row.seeds - 1 for row in rows)
        if freedom < 1:
            return None
        pooled = math.fsum((row.seeds - 1) * row.deviation**2 for row in rows) / freedom
        return Spread(math.sqrt(pooled), freedom)


def noise_of(entries: Iterable[Entry], cards: Mapping[str, MetricCard]) -> Noise:
    """The spread of every entry with two seeds or more."""
    rows = []
    for entry in entries:
        card = cards.get(entry.metric)
        if len(entry.values) < 2 or card is None:
            continue
        relative = compared_by_logarithm(
            entry.values, minimum=card.minimum, is_logarithmic=card.is_logarithmic
        )
        values = [math.log(value) if relative else value for value in entry.values.values()]
        rows.append(
            NoiseRow(
                dataset=entry.dataset,
                model=entry.variant,
                metric=entry.metric,
                seeds=len(values),
                deviation=standard_deviation(values),
                is_relative=relative,
            )
        )
    return Noise(rows=rows)


def read_noise(path: Path) -> Noise:
    """A file that `genai-bench noise` wrote. Raises UsageError."""
    try:
        noise = decode_json(read_bounded(path, max_bytes=MAX_NOISE_BYTES), Noise)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise UsageError(f"{path} is no noise file of `genai-bench noise`: {error}") from None
    if not all(math.isfinite(row.deviation) and row.deviation >= 0 and row.seeds > 1 for row in noise.rows):
        raise UsageError(f"{path} has a spread that cannot be")
    return noise
