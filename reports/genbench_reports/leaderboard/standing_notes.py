"""What a row says of its place: that its samples lack variety, that it is over budget, that other weights would be
better."""

from __future__ import annotations

from collections.abc import Iterable

from genbench.records.likelihood_kinds import comparable
from genbench.records.result import MetricValue, Result
from genbench_reports.format.columns import metric_title
from genbench_reports.format.numbers import format_value
from genbench_reports.format.text import clean
from genbench_reports.leaderboard.rows import Row
from genbench_reports.statistics.uncertain_means import STANDARD_ERRORS, UncertainMean, exceeds

NOT_BETTER = "▽"
"""Marks a row that does not beat a yardstick."""


def standing_notes(row: Row) -> Iterable[str]:
    """The notes that depend on other rows; none for calibration rows."""
    if row.is_calibration:
        return
    label = clean(row.label)
    recall = row.mean("recall")
    if row.is_collapsed and recall is not None:
        yield f"{label}: mode collapse, because its samples come near {recall:.1%} of the real data (recall)"
    if row.is_over_budget:
        overrun = max(result.cost.budget_overrun or 0.0 for result in row.results)
        yield f"{label}: over budget by {overrun:.0%}, so not ranked"


def reported_and_last(result: Result, headline: str) -> Iterable[str]:
    """The differences between the reported weights and others that a reader should know of."""
    reported = result.metric(headline)
    last = _find(result.last_metrics or (), headline)
    if reported is not None and last is not None and _differ(reported, last):
        title = metric_title(headline, "neither")
        yield (
            f"{title} {_text(last)} at the end of training, {_text(reported)} at"
            f" {result.selected_fraction or 0.0:.0%} of it, where it was best on validation"
        )
    if result.likeliest is not None and result.likeliest.metrics:
        metrics = result.likeliest.metrics
        likelihood = _find(metrics, "bits_per_dim") or _find(metrics, "negative_log_likelihood") or metrics[0]
        kind = f" ({comparable(likelihood.kind)})" if likelihood.kind else ""
        yield (
            f"by likelihood, the weights at {result.likeliest.fraction:.0%} of training would be best:"
            f" {metric_title(likelihood.name, 'neither')} {_text(likelihood)}{kind}"
        )


def _find(metrics: Iterable[MetricValue], name: str) -> MetricValue | None:
    return next((metric for metric in metrics if metric.name == name), None)


def _differ(first: MetricValue, second: MetricValue) -> bool:
    """Whether two values of one model differ by more than chance."""
    if first.value is None or second.value is None or first.stderr is None or second.stderr is None:
        return False
    one, two = (
        UncertainMean(value, known_stderr=stderr)
        for value, stderr in ((first.value, first.stderr), (second.value, second.stderr))
    )
    return exceeds(one, two, STANDARD_ERRORS) or exceeds(two, one, STANDARD_ERRORS)


def _text(metric: MetricValue) -> str:
    return format_value(metric.value, metric.stderr)
