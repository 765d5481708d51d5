"""The statistics over data sets: mean ranks with their groups, pairs of models, performance profiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from genbench_reports.analysis.mean_ranks import all_wins, mean_rank_intervals
from genbench_reports.analysis.part import NO_TABLE, StatisticsPart, count_pairs, format_p, short_intervals
from genbench_reports.analysis.performance_profiles import FACTORS, can_have_ratios, profiles_of
from genbench_reports.analysis.score_matrix import ScoreMatrix
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import MISSING, clean, plural
from genbench_reports.statistics.friedman import MIN_DATASETS, MIN_MODELS, Friedman, friedman
from genbench_reports.statistics.letter_display import letters_of
from genbench_reports.statistics.resampling import CONFIDENCE, bootstrap_interval, few_pairs
from genbench_reports.statistics.seeds import MIN_SEEDS, SIGNIFICANCE

BY_SEEDS = "†"
"""Marks a pair of models that a test over seeds tells apart on these data sets."""


def friedman_of(matrix: ScoreMatrix) -> Friedman | None:
    """Compare the models that were run on all data sets; None where there are fewer than three models or data sets."""
    models = matrix.complete_models
    if len(models) < MIN_MODELS or len(matrix.datasets) < MIN_DATASETS:
        return None
    return friedman(matrix.means(models, matrix.datasets), models)


def over_datasets(matrix: ScoreMatrix, suffix: str) -> Iterable[StatisticsPart]:
    """The tables for three data sets or more. suffix: ends their titles where there are several settings."""
    models = matrix.complete_models
    if (found := friedman_of(matrix)) is not None:
        yield _mean_ranks(matrix, found, suffix)
        yield _wins(matrix, list(found.mean_ranks), suffix)
    else:
        note = (
            f"No test over data sets: it takes {MIN_MODELS} models that were run on all"
            f" {len(matrix.datasets)} of them; here it is {len(models)}."
        )
        yield StatisticsPart(f"mean ranks over data sets{suffix}", NO_TABLE, (note,))
    yield from _profiles(matrix, suffix)


def _mean_ranks(matrix: ScoreMatrix, found: Friedman, suffix: str) -> StatisticsPart:
    models = list(found.mean_ranks)
    means = matrix.means(models, matrix.datasets)
    by_model = {model: _ranks_of(means, index) for index, model in enumerate(models)}
    nested = mean_rank_intervals(matrix, models)
    letters = dict.fromkeys(models, "")
    for number, group in enumerate(found.groups, 1):
        for model in group:
            letters[model] += letters_of(number)
    rows = []
    for model, rank in found.mean_ranks.items():
        interval, both = bootstrap_interval(by_model[model]), nested[model]
        rows.append(
            (
                Cell(f"{rank:.2f}", value=rank),
                Cell(clean(model)),
                Cell(letters[model]),
                Cell(f"{interval.low:.2f} to {interval.high:.2f}"),
                Cell(f"{both.low:.2f} to {both.high:.2f}" if matrix.min_seeds >= MIN_SEEDS else MISSING),
            )
        )
    table = Table(
        (
            Column("mean rank", essential=True),
            Column("model", numeric=False, essential=True),
            Column("group", numeric=False, essential=True),
            Column(f"{CONFIDENCE:.0%}, data sets"),
            Column(f"{CONFIDENCE:.0%}, data sets and seeds"),
        ),
        tuple(rows),
    ).without_empty_columns()
    sign = format_p(found.p) if found.p < 0.001 else f"= {format_p(found.p)}"
    how = "all permutations" if found.exact else "permutations"
    verdict = (
        f"models in a common group cannot be told apart: Nemenyi's test, which corrects for all"
        f" {count_pairs(len(found.p_values))}, critical difference {found.critical_difference:.2f} ranks."
        if found.differs
        else f"no model is told from another; Nemenyi's critical difference would be"
        f" {found.critical_difference:.2f} ranks."
    )
    left = [model for model in matrix.models if model not in found.mean_ranks]
    notes = [
        f"Friedman's test of {plural(len(models), 'model')} on {plural(found.blocks, 'data set')}:"
        f" χ² = {found.statistic:.2f}, p {sign} by {how} within data sets: {verdict}",
        "Ranks are among the models of this table; a model that failed on a data set is last there.",
    ]
    if left:
        notes.append(f"Not run on all data sets, so not compared: {', '.join(map(clean, left))}.")
    notes += [*left_out(matrix), *short_intervals(found.blocks, "data set")]
    return StatisticsPart(f"mean ranks over data sets{suffix}", table, tuple(notes))


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


def _profiles(matrix: ScoreMatrix, suffix: str) -> Iterable[StatisticsPart]:
    names = can_have_ratios(matrix)
    if len(names) < MIN_DATASETS:
        return
    profiles = profiles_of(matrix, names)
    order = sorted(profiles, key=lambda model: [-profiles[model].share(factor) for factor in FACTORS])
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
        for model in order
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


def _ranks_of(means: Sequence[Sequence[float]], column: int) -> list[float]:
    """Ranks of one model on every data set; equal values share the mean of their ranks."""
    from scipy.stats import rankdata

    ranks: list[float] = rankdata(means, axis=1)[:, column].tolist()
    return ranks


def left_out(matrix: ScoreMatrix) -> Iterable[str]:
    """The data sets that have no ranks, and why."""
    for name, why in matrix.left_out.items():
        yield f"Without {clean(name)}. {clean(why)}"
