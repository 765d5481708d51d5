"""The statistics over data sets besides scores: Friedman's test, pairs of models, performance profiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from genbench_reports.analysis.pairs_of_models import all_wins
from genbench_reports.analysis.part import NO_TABLE, StatisticsPart, count_pairs, format_p
from genbench_reports.analysis.performance_profiles import FACTORS, can_have_ratios, profiles_of
from genbench_reports.analysis.score_matrix import ScoreMatrix
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import MISSING, clean, plural
from genbench_reports.statistics.friedman import MIN_DATASETS, MIN_MODELS, Friedman, friedman
from genbench_reports.statistics.resampling import few_pairs
from genbench_reports.statistics.seeds import MIN_SEEDS, SIGNIFICANCE

BY_SEEDS = "†"
"""Marks a pair of models that a test over seeds tells apart on these data sets."""


def friedman_of(matrix: ScoreMatrix) -> Friedman | None:
    """Compare the models that were run on all data sets; None where there are fewer than three models or data sets."""
    models = matrix.complete_models
    if len(models) < MIN_MODELS or len(matrix.datasets) < MIN_DATASETS:
        return None
    return friedman(matrix.means(models, matrix.datasets), models)


def over_datasets(matrix: ScoreMatrix, suffix: str, order: Sequence[str]) -> Iterable[StatisticsPart]:
    """The tables for three data sets or more. suffix: ends their titles where there are several settings. order: the
    models in the order of their scores, which the tables follow."""
    if (found := friedman_of(matrix)) is not None:
        yield _other_datasets(matrix, found, suffix)
        yield _wins(matrix, in_order(matrix.complete_models, order), suffix)
    else:
        note = (
            f"No test over data sets: it takes {MIN_MODELS} models that were run on all"
            f" {len(matrix.datasets)} of them; here it is {len(matrix.complete_models)}."
        )
        yield StatisticsPart(f"would other data sets show an order{suffix}", NO_TABLE, (note,))
    yield from _profiles(matrix, suffix, order)


def in_order(models: Sequence[str], order: Sequence[str]) -> list[str]:
    """The models in the given order, then those that it does not name."""
    places = {model: place for place, model in enumerate(order)}
    return sorted(models, key=lambda model: places.get(model, len(places)))


def _other_datasets(matrix: ScoreMatrix, found: Friedman, suffix: str) -> StatisticsPart:
    """What the ranks on these data sets say about data sets of their kind; the scores are about these alone."""
    sign = format_p(found.p) if found.p < 0.001 else f"= {format_p(found.p)}"
    how = "all permutations" if found.exact else "permutations"
    said = (
        f"the order of some models can be expected on other data sets too: two mean ranks that are"
        f" {found.critical_difference:.2f} apart differ, by Nemenyi's test, which corrects for all"
        f" {count_pairs(len(found.p_values))}."
        if found.differs
        else "too few data sets, or too unlike ones, to expect the same order on others."
    )
    left = [model for model in matrix.models if model not in found.mean_ranks]
    notes = [
        f"Friedman's test of {plural(len(found.mean_ranks), 'model')} on {plural(found.blocks, 'data set')}:"
        f" χ² = {found.statistic:.2f}, p {sign} by {how} within data sets: {said}",
    ]
    if left:
        notes.append(f"Not run on all data sets, so not compared: {', '.join(map(clean, left))}.")
    notes += left_out(matrix)
    return StatisticsPart(f"would other data sets show an order{suffix}", NO_TABLE, tuple(notes))


def _wins(matrix: ScoreMatrix, models: Sequence[str], suffix: str) -> StatisticsPart:
    wins = all_wins(matrix, models)
    enough_seeds = matrix.min_seeds >= MIN_SEEDS
    shares = {pair: found.share for pair, found in wins.items()}
    shares |= {(second, first): 1 - share for (first, second), share in shares.items()}
    rows = []
    for row in models:
        cells = [Cell(clean(row))]
        for column in models:
            if row == column:
                cells.append(Cell(MISSING))
                continue
            found = wins.get((row, column)) or wins[column, row]
            share = shares[row, column]
            marked = BY_SEEDS if enough_seeds and found.p_new_seeds < SIGNIFICANCE else ""
            cells.append(
                Cell(
                    f"{share:.2f}{marked}",
                    value=share,
                    best=share > 0.5 and found.p_new_datasets < SIGNIFICANCE,
                )
            )
        rows.append(tuple(cells))
    columns = (Column("model", numeric=False, essential=True), *(Column(clean(model)) for model in models))
    notes = [
        "How often the model of the row is better than that of the column: share of common seeds, mean over data sets.",
        (f"{BY_SEEDS}: significant over seeds on these data sets; bold" if enough_seeds else "Bold")
        + f": significant over data sets. By paired permutation tests, p < {SIGNIFICANCE} after Holm's correction for"
        f" all {count_pairs(len(wins))}.",
    ]
    cannot = few_pairs(len(matrix.datasets), "data set", len(wins))
    if cannot is not None:
        notes.append(cannot)
    return StatisticsPart(
        f"how often each model is better{suffix}", Table(columns, tuple(rows)), tuple(notes)
    )


def _profiles(matrix: ScoreMatrix, suffix: str, order: Sequence[str]) -> Iterable[StatisticsPart]:
    names = can_have_ratios(matrix)
    if len(names) < MIN_DATASETS:
        return
    profiles = profiles_of(matrix, names)
    bests = [max(profile.share(factor) for profile in profiles.values()) for factor in FACTORS]
    rows = tuple(
        (
            Cell(clean(model)),
            *(
                Cell(f"{share:.2f}", value=share, best=share == best)
                for factor, best in zip(FACTORS, bests, strict=True)
                for share in [profiles[model].share(factor)]
            ),
            Cell(str(sum(model in matrix.run[name] for name in names))),
        )
        for model in in_order(list(profiles), order)
    )
    columns = (
        Column("model", numeric=False, essential=True),
        *(
            Column("best" if factor == 1 else f"within ×{factor:g}", essential=factor in (1, 2))
            for factor in FACTORS
        ),
        Column("run on"),
    )
    notes = [
        f"Performance profiles: on which share of {plural(len(names), 'data set')} the value that ranks is within a"
        " factor of the best model's. Failures, and data sets that a model cannot take, count as infinite.",
    ]
    without = [name for name in matrix.datasets if name not in names]
    if without:
        notes.append(f"Without {', '.join(map(clean, without))}, where ratios of values mean nothing.")
    yield StatisticsPart(f"performance profiles{suffix}", Table(columns, rows), tuple(notes))


def left_out(matrix: ScoreMatrix) -> Iterable[str]:
    """The data sets that have no ranks, and why."""
    for name, why in matrix.left_out.items():
        yield f"Without {clean(name)}. {clean(why)}"
