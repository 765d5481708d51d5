"""The leaderboard as typed values: everything that renderers show, computed once from the results.

`build_boards` makes these records; tables, sentences, charts and statistics read them and compute no estimate anew.
A new mark or number of a row becomes a field here, is set by the builder, and is then at hand in every format.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from genbench.api import Better, DatasetCard, RankingRule
from genbench.records.job import Job
from genbench.records.result import MetricValue, Result, Tuned
from genbench_reports.format.columns import metric_title
from genbench_reports.leaderboard.curves import Curve, make_curve
from genbench_reports.leaderboard.setting import Setting
from genbench_reports.statistics.uncertain_means import UncertainMean

BASELINE_FAMILY = "baseline"
"""Models of this family calibrate the metrics and do not compete."""


@dataclass(frozen=True)
class Rank:
    """A place in the order of a leaderboard."""

    number: int
    """From 1; rows with equal values share the better number."""
    group: str | None
    """Letters: two rows share one exactly when the test does not tell them apart. None where there are fewer than three
    seeds."""
    interval: tuple[int, int] | None = None
    """The best and the worst rank that the corrected tests allow, with 95 % confidence for all rows together; None
    where the error of a value is not known."""

    def __str__(self) -> str:
        """ "2-5", with letters "2-5ab"; the number alone where there is no interval."""
        low, high = self.interval or (self.number, self.number)
        return f"{low if low == high else f'{low}-{high}'}{self.group or ''}"


@dataclass(frozen=True)
class Standing:
    """Where a row stands between the board's zero and real data."""

    score: UncertainMean | None
    """The share of the way from the zero to real data (`board_scale`); None where the board has no such scale."""
    is_at_floor: bool
    """The row cannot be told from real held-out data. Such rows share the first rank."""
    not_beaten: tuple[str, ...]
    """The board's zero and the yardsticks that the row does not beat beyond its error, by name."""


@dataclass(frozen=True)
class Value:
    """A metric or a cost of one row, brought together over its seeds."""

    by_seed: Mapping[int, float]
    """The seeds that have a value."""
    mean: float | None
    """Mean of `by_seed`; None where it is empty, or where the seeds have likelihoods of different kinds."""
    stderr: float | None
    """Standard error of the mean. With several seeds it holds their part and that of the test set, with one seed the
    error of its value; for costs it is that over seeds. None where it is not known."""
    is_best: bool = False
    """No contender has a better value; for likelihoods, no contender with a value of the same kind."""
    records: Mapping[int, MetricValue] = field(default_factory=dict)
    """The metric as each seed recorded it, those without a value included; empty for costs."""
    kind: str | None = None
    """The likelihood kind that all seeds share, without the accuracy of each; None where it is no likelihood."""
    notes: tuple[str, ...] = ()
    """Notes of the records, those of several seeds merged, without the note that belongs to the whole column."""
    doubts: tuple[str, ...] = ()
    """What failed in the audits that the value rests on, a line per seed; empty where it can be trusted."""
    uncertain: UncertainMean | None = None
    """The mean with the parts of its error; None for costs, and where there is no mean."""
    is_rough: bool = False
    """The error is an order of magnitude: a record says that its intervals do not cover what they promise."""
    is_complete: bool = True
    """Every seed finished and has a value beyond doubt. Only complete values are ranked and can be best, because a
    mean over the seeds that survived would flatter the row."""


@dataclass(frozen=True)
class Row:
    """One model variant on one leaderboard."""

    label: str
    """Name of the variant, unique on its leaderboard. Not trusted: renderers escape it."""
    family: str
    """Family of the model, as the records have it. Not trusted either."""
    job: Job
    """Job of the first seed: its version and hyperparameters are those of all seeds."""
    rank: Rank | None
    """None for calibration rows, incomplete rows, and everywhere where ranks are withheld (`Board.claim` says why)."""
    values: Mapping[str, Value]
    """Metrics by name, where at least one seed recorded them."""
    costs: Mapping[str, Value]
    """Costs by name: the numeric fields of `Cost`, `seconds_per_sample`, and the larger of the peaks in training and in
    sampling as `peak_rss_bytes` and `peak_cuda_bytes`."""
    bound_by: tuple[str, ...]
    """The limits that ended the training of the seeds, each once, in alphabetical order."""
    notes: tuple[str, ...]
    """What a reader has to know about the whole row: failed seeds, copied training data, warnings."""
    results: tuple[Result, ...]
    """Records of the seeds that finished."""
    failures: tuple[Result, ...]
    """Records of the seeds that failed."""
    standing: Standing | None = None
    """None for rows without a value of the metric that ranks, or with one in doubt."""
    is_collapsed: bool = False
    """The samples lack most of the data's variety. Such a row is never the best in precision and its like."""
    is_over_budget: bool = False
    """A seed was trained for more than its budget, so that the row has no rank."""

    @cached_property
    def curve(self) -> Curve | None:
        """None where there are no checkpoints that all seeds have."""
        return make_curve(self.results)

    @property
    def is_calibration(self) -> bool:
        """Calibration rows show what values mean; they do not compete."""
        return self.family == BASELINE_FAMILY

    @property
    def tuned(self) -> Tuned | None:
        """The search that found the hyperparameters; None where they are defaults or set by hand."""
        return next((result.tuned for result in self.results if result.tuned is not None), None)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that finished."""
        return tuple(result.job.seed for result in self.results)

    def chosen_on_validation(self, metric: str) -> float | None:
        """The value of a metric on the validation split at the checkpoint that was chosen, mean over seeds; None where
        a seed has none."""
        by_seed = {
            result.job.seed: recorded.value
            for result in self.results
            for point in result.curve
            if point.fraction == result.selected_fraction
            for recorded in point.metrics
            if recorded.name == metric and recorded.value is not None
        }
        return statistics.fmean(by_seed.values()) if by_seed and len(by_seed) == len(self.results) else None

    def mean(self, metric: str) -> float | None:
        """Mean over seeds; None where the row has none."""
        value = self.values.get(metric)
        return None if value is None else value.mean

    def uncertain(self, metric: str) -> UncertainMean | None:
        """The mean of a complete value with its error; None where the row has none."""
        value = self.values.get(metric)
        return None if value is None or not value.is_complete else value.uncertain


@dataclass(frozen=True)
class BoardMetric:
    """A metric of a leaderboard, as far as it concerns all rows."""

    name: str
    """Name on the metric's card."""
    better: Better
    """From the card; from the records where the card's plugin is not installed."""
    has_values: bool
    """At least one seed of one row has a value."""
    note: str | None
    """The note that every value carries, and which therefore belongs to the column."""
    reasons: tuple[str, ...]
    """All notes of the records, in alphabetical order: where there are no values, they say why."""
    extractors: frozenset[str]
    """The feature extractors of the records."""
    unit: str = ""
    """The unit of the records; empty where there are none."""

    @property
    def title(self) -> str:
        """Heading of a column, with an arrow for the better direction."""
        return metric_title(self.name, self.better, self.unit)

    @property
    def plain_title(self) -> str:
        """Title within a sentence."""
        return metric_title(self.name, "neither", self.unit)


@dataclass(frozen=True)
class Board:
    """The leaderboard of one data set under one setting."""

    title: str
    """The data set, with what sets this leaderboard apart where the data set has several."""
    setting: Setting
    """What all jobs have in common."""
    dataset: DatasetCard | None
    """None where no installed plugin announces the data set."""
    metrics: Mapping[str, BoardMetric]
    """Every metric that a result records, in the order of the cards; then those of `columns` and those of the curves,
    as far as no result records them."""
    headline: str
    """Name of the metric that ranks."""
    rule: RankingRule
    """What ranks the data set, and against which baselines."""
    floor: UncertainMean | None
    """The value of real held-out data by that metric; None where the run has none."""
    zero: UncertainMean | None
    """The value of the board's zero by that metric; None where the run has none."""
    span: float | None
    """The natural logarithm of how many times as far the zero is from real data as held-out data are, by that metric.
    None where one of the two is missing or not farther, and where the metric is a logarithm already."""
    yardsticks: tuple[str, ...]
    """Those of the zero and the yardsticks of `rule` that have a value here and do not contain the true density."""
    can_rank: bool
    """False where the board cannot tell models apart, for a reason that `claim` states. Summaries leave it out."""
    columns: tuple[str, ...]
    """Metrics of the main table, whether they have values or not."""
    rows: tuple[Row, ...]
    """Rows with at least one finished seed: first the ranked ones, then other contenders, then calibration, each
    from best to worst."""
    entrants: tuple[Row, ...]
    """`rows`, and those of which every seed failed, in the order of the results."""
    claim: str
    """What the ranks say about differences between rows, or why there are no ranks."""
    unsupported: tuple[Result, ...]
    """Pairs of model and data set that were not run, because the model cannot take the data."""

    @property
    def ranking_metric(self) -> BoardMetric:
        """The metric of `headline`."""
        return self.metrics[self.headline]

    @property
    def has_scores(self) -> bool:
        """Whether a row has a score."""
        return any(row.standing is not None and row.standing.score is not None for row in self.rows)

    @property
    def has_tuned(self) -> bool:
        """Whether a row is of the tuned track."""
        return any(row.tuned is not None for row in self.rows)

    def default_of(self, tuned: Row) -> Row | None:
        """The row of the same model with its defaults; None where it was not run."""
        return next((row for row in self.rows if row.label == tuned.job.model and row.tuned is None), None)

    @property
    def ranked(self) -> tuple[Row, ...]:
        """The rows that have a rank, best first."""
        return tuple(row for row in self.rows if row.rank is not None)

    @property
    def contenders(self) -> tuple[Row, ...]:
        """Entrants that compete, in the order of the results."""
        return tuple(row for row in self.entrants if not row.is_calibration)

    @property
    def main_metrics(self) -> tuple[BoardMetric, ...]:
        """Metrics of the main table that have values."""
        return tuple(self.metrics[name] for name in self.columns if self.metrics[name].has_values)

    @property
    def further_metrics(self) -> tuple[BoardMetric, ...]:
        """Metrics with values that have no place in the main table."""
        return tuple(
            metric
            for metric in self.metrics.values()
            if metric.has_values and metric.name not in self.columns
        )

    def has_values(self, metric: str) -> bool:
        """Whether any row has a value of the metric."""
        return metric in self.metrics and self.metrics[metric].has_values
