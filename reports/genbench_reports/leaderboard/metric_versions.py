"""Values of two versions of a metric never share a column: those of the rarer version are shown as missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from genbench.records.result import MetricValue, Result

OTHER_VERSION = "computed by another version of the metric; genai-bench score RUN computes it again"
"""The note in place of such a value."""

_Column = tuple[str, str, str]


def of_one_version(results: Iterable[Result]) -> list[Result]:
    """The results with one version of each metric per data set and protocol: the one that most values have, and of
    equally frequent ones that of the latest result."""
    results = list(results)
    versions: dict[_Column, Counter[str | None]] = {}
    latest: dict[_Column, str | None] = {}
    for (dataset, protocol), members in _by_board(results).items():
        counts: dict[tuple[str, str | None], int] = {}
        for result in sorted(members, key=_finished):
            for metric in result.metrics:
                if metric.value is not None:
                    counted = metric.name, metric.version
                    counts[counted] = counts.pop(counted, 0) + 1  # the latest comes last
        for (name, version), count in counts.items():
            column = dataset, protocol, name
            versions.setdefault(column, Counter())[version] = count
            latest[column] = version
    kept = {
        column: max(counts, key=lambda version: (counts[version], version == latest[column]))
        for column, counts in versions.items()
    }
    mixed = {column for column, counts in versions.items() if len(counts) > 1}
    return [_without_others(result, kept, mixed) for result in results] if mixed else results


def _by_board(results: Iterable[Result]) -> dict[tuple[str, str], list[Result]]:
    """The results by data set and protocol."""
    found: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        found.setdefault((result.job.dataset, result.job.protocol), []).append(result)
    return found


def _without_others(result: Result, kept: dict[_Column, str | None], mixed: set[_Column]) -> Result:
    def checked(metric: MetricValue) -> MetricValue:
        column = _column(result, metric)
        if column not in mixed or metric.value is None or metric.version == kept[column]:
            return metric
        return msgspec.structs.replace(
            metric, value=None, stderr=None, test_stderr=None, real=None, real_stderr=None, note=OTHER_VERSION
        )

    last = None if result.last_metrics is None else [checked(metric) for metric in result.last_metrics]
    return msgspec.structs.replace(
        result, metrics=[checked(metric) for metric in result.metrics], last_metrics=last
    )


def _column(result: Result, metric: MetricValue) -> _Column:
    return result.job.dataset, result.job.protocol, metric.name


def _finished(result: Result) -> str:
    return str(result.provenance.get("finished", ""))
