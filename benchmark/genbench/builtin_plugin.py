"""What the harness itself announces: its metrics, extractors and executors, through the same door as all."""

from __future__ import annotations

from collections.abc import Iterable

from genbench.api.cards import ExecutorCard, ExtractorCard, MetricCard
from genbench.features.cards import EXTRACTOR_CARDS
from genbench.metrics.cards import METRIC_CARDS
from genbench.plugin.hookspecs import hookimpl


@hookimpl
def genbench_metrics() -> Iterable[MetricCard]:
    return METRIC_CARDS


@hookimpl
def genbench_extractors() -> Iterable[ExtractorCard]:
    return EXTRACTOR_CARDS


@hookimpl
def genbench_executors() -> Iterable[ExecutorCard]:
    yield ExecutorCard(
        name="local",
        summary="workers on this machine, children of a fork server",
        factory="genbench.execution.local_executor:LocalExecutor",
    )
    yield ExecutorCard(
        name="ray",
        summary='tasks of a Ray cluster, pip install "genbench[ray]" (docs/clusters.md)',
        factory="genbench.execution.cluster.ray_executor:RayExecutor",
        check="genbench.execution.cluster.ray_executor:obstacle",
        runs_elsewhere=True,
    )
