"""Models by data sets: the figures that rank, brought together from leaderboards, for statistics over data sets.

Figures are turned so that less is better everywhere. A model that was run on a data set and has no figure there for
every seed counts as infinitely bad, and one that cannot take the data set too, where a statistic says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genbench_reports.leaderboard.rows import Board
from genbench_reports.leaderboard.setting import CONDITION_FIELDS
from genbench_reports.leaderboard.summary import boards_by_conditions


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


def compare(boards: Sequence[Board]) -> list[Comparison]:
    """One comparison for each setting, in the order of the leaderboards."""
    groups = boards_by_conditions(boards)
    settings = [members[0].setting for members in groups]
    return [
        _comparison(setting.differences(settings, CONDITION_FIELDS), members)
        for setting, members in zip(settings, groups, strict=True)
    ]


def _comparison(title: str, boards: Sequence[Board]) -> Comparison:
    ranked = [board for board in boards if board.ranked]
    return Comparison(
        title=title,
        models=tuple(dict.fromkeys(row.label for board in boards for row in board.contenders)),
        datasets=tuple(board.title for board in ranked),
        left_out={board.title: board.claim for board in boards if board not in ranked},
        metric={board.title: board.headline for board in ranked},
        higher_is_better=frozenset(
            board.title for board in ranked if board.ranking_metric.better == "higher"
        ),
        values={board.title: _signed_values(board) for board in ranked},
        run={board.title: frozenset(row.label for row in board.contenders) for board in ranked},
    )


def _signed_values(board: Board) -> dict[str, Mapping[int, float]]:
    """Values of the ranked rows by seed, less being better."""
    sign = -1.0 if board.ranking_metric.better == "higher" else 1.0
    return {
        row.label: {seed: sign * value for seed, value in row.values[board.headline].by_seed.items()}
        for row in board.contenders
        if row.rank is not None
    }
