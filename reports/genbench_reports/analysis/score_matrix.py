"""Models by data sets: the figures that rank, brought together from leaderboards, for statistics over data sets.

Figures are turned so that less is better everywhere. A model that was run on a data set and has no figure there for
every seed counts as infinitely bad, and one that cannot take the data set too, where a statistic says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genbench_reports.leaderboard.entries import CONDITION_FIELDS
from genbench_reports.leaderboard.leaderboard import Leaderboard


@dataclass(frozen=True)
class Comparison:
    """Contenders under one setting.

    title: what sets the setting apart, empty where there is one. models: every contender, in the order of the data
    sets. datasets: the titles of the leaderboards that have ranks. left_out: why others have none, by title.
    metric: which figure ranks, by data set; higher_is_better: on which data sets the sign was turned.
    values: by data set and model, values by seed, less being better; contenders that have no rank are not in it.
    run: by data set, the models that were run on it, whatever came of it.
    """

    title: str
    models: tuple[str, ...]
    datasets: tuple[str, ...]
    left_out: Mapping[str, str]
    metric: Mapping[str, str]
    higher_is_better: frozenset[str]
    values: Mapping[str, Mapping[str, Mapping[int, float]]]
    run: Mapping[str, frozenset[str]]

    def mean(self, dataset: str, model: str) -> float:
        """Over seeds; infinite where the model has no rank."""
        values = self.values[dataset].get(model)
        return math.inf if not values else math.fsum(value / len(values) for value in values.values())

    def means(self, models: Sequence[str], datasets: Sequence[str]) -> list[list[float]]:
        """A row a data set, a column a model."""
        return [[self.mean(dataset, model) for model in models] for dataset in datasets]

    @property
    def complete_models(self) -> tuple[str, ...]:
        """The models that were run on every data set: statistics over data sets compare these."""
        return tuple(model for model in self.models if all(model in self.run[name] for name in self.datasets))

    @property
    def least_seeds(self) -> int:
        """Of any ranked row."""
        return min((len(values) for models in self.values.values() for values in models.values()), default=0)


def compare(boards: Sequence[Leaderboard]) -> list[Comparison]:
    """One comparison for each setting, in the order of the leaderboards."""
    by_conditions: dict[tuple[object, ...], list[Leaderboard]] = {}
    for board in boards:
        by_conditions.setdefault(board.standings.table.setting.conditions, []).append(board)
    settings = [members[0].standings.table.setting for members in by_conditions.values()]
    return [
        _comparison(setting.differences(settings, CONDITION_FIELDS), members)
        for setting, members in zip(settings, by_conditions.values(), strict=True)
    ]


def _comparison(title: str, boards: Sequence[Leaderboard]) -> Comparison:
    ranked = [board for board in boards if board.standings.ranking.ranks]
    values: dict[str, dict[str, Mapping[int, float]]] = {}
    run: dict[str, frozenset[str]] = {}
    for board in ranked:
        standings = board.standings
        contenders = [entry for entry in standings.table.entries if not entry.is_calibration]
        sign = -1.0 if standings.better(standings.headline) == "higher" else 1.0
        estimates = {
            entry.label: entry.estimate(standings.headline)
            for entry in contenders
            if entry.label in standings.ranking.ranks
        }
        values[board.title] = {
            label: {seed: sign * value for seed, value in estimate.by_seed.items()}
            for label, estimate in estimates.items()
            if estimate is not None
        }
        run[board.title] = frozenset(entry.label for entry in contenders)
    return Comparison(
        title=title,
        models=tuple(
            dict.fromkeys(
                entry.label
                for board in boards
                for entry in board.standings.table.entries
                if not entry.is_calibration
            )
        ),
        datasets=tuple(board.title for board in ranked),
        left_out={board.title: board.standings.ranking.claim for board in boards if board not in ranked},
        metric={board.title: board.standings.headline for board in ranked},
        higher_is_better=frozenset(
            board.title for board in ranked if board.standings.better(board.standings.headline) == "higher"
        ),
        values=values,
        run=run,
    )
