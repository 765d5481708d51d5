"""Models by data sets: the values that rank, gathered from leaderboards, for statistics over data sets.

Signs are changed so that less is better everywhere. A model that was run on a data set but has no rank there counts as
infinitely bad; so does a model that cannot take the data set, in the statistics that say so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from genbench_reports.leaderboard.rows import Board
from genbench_reports.leaderboard.setting import CONDITION_FIELDS
from genbench_reports.leaderboard.summary import boards_by_conditions
from genbench_reports.statistics.uncertain_means import UncertainMean


@dataclass(frozen=True)
class ScoreMatrix:
    """Values of the metrics that rank, by data set, model and seed, under one setting. Contenders only."""

    title: str
    """What distinguishes the setting; empty where there is only one."""
    models: tuple[str, ...]
    """Every contender, in the order of the data sets."""
    datasets: tuple[str, ...]
    """Titles of the leaderboards that have ranks."""
    left_out: Mapping[str, str]
    """Why other leaderboards have none, by title."""
    metric: Mapping[str, str]
    """Name of the metric that ranks, by data set."""
    higher_is_better: frozenset[str]
    """The data sets on which the sign of the values was changed."""
    values: Mapping[str, Mapping[str, Mapping[int, float]]]
    """Values by data set, model and seed, less being better; contenders without a rank are missing."""
    run: Mapping[str, frozenset[str]]
    """The models that were run on each data set, whatever the outcome."""
    uncertain: Mapping[str, Mapping[str, UncertainMean]]
    """Means over seeds with their errors, by data set and model, less being better; contenders without a rank are
    missing."""

    def mean(self, dataset: str, model: str) -> float:
        """Mean over seeds; infinite where the model has no rank."""
        values = self.values[dataset].get(model)
        return math.inf if not values else math.fsum(value / len(values) for value in values.values())

    def means(self, models: Sequence[str], datasets: Sequence[str]) -> list[list[float]]:
        """A row a data set, a column a model."""
        return [[self.mean(dataset, model) for model in models] for dataset in datasets]

    @property
    def complete_models(self) -> tuple[str, ...]:
        """The models that were run on every data set, which statistics over data sets compare."""
        return tuple(model for model in self.models if all(model in self.run[name] for name in self.datasets))

    @property
    def min_seeds(self) -> int:
        """The smallest number of seeds among ranked rows; 0 where there are none."""
        return min((len(values) for models in self.values.values() for values in models.values()), default=0)


def score_matrices(boards: Sequence[Board]) -> list[ScoreMatrix]:
    """One matrix for each setting, in the order of the leaderboards."""
    groups = boards_by_conditions(boards)
    settings = [members[0].setting for members in groups]
    return [
        _score_matrix(setting.differences(settings, CONDITION_FIELDS), members)
        for setting, members in zip(settings, groups, strict=True)
    ]


def _score_matrix(title: str, boards: Sequence[Board]) -> ScoreMatrix:
    ranked = [board for board in boards if board.ranked]
    return ScoreMatrix(
        title=title,
        models=tuple(dict.fromkeys(row.label for board in boards for row in board.contenders)),
        datasets=tuple(board.title for board in ranked),
        left_out={board.title: board.claim for board in boards if board not in ranked},
        metric={board.title: board.headline for board in ranked},
        higher_is_better=frozenset(
            board.title for board in ranked if board.ranking_metric.better == "higher"
        ),
        values={board.title: _signed_values(board) for board in ranked},
        uncertain={board.title: _signed_means(board) for board in ranked},
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


def _signed_means(board: Board) -> dict[str, UncertainMean]:
    sign = -1.0 if board.ranking_metric.better == "higher" else 1.0
    means = {row.label: row.uncertain(board.headline) for row in board.contenders if row.rank is not None}
    return {
        label: replace(mean, value=sign * mean.value) for label, mean in means.items() if mean is not None
    }
