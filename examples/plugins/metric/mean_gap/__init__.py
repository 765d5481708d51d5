"""A metric for genai-bench. Importing it announces the card; it does not import torch."""

from collections.abc import Iterable

from genbench import MetricCard, hookimpl

CARD = MetricCard(
    name="mean_gap",
    summary="Euclidean distance between the mean sample and the mean real example",
    unit="data units",
    better="lower",
    group="quality",
    modalities=("points", "image", "series"),
    minimum=0.0,  # a smaller value is refused, with a note
    factory="mean_gap.metric:score_mean_gap",
)


@hookimpl
def genbench_metrics() -> Iterable[MetricCard]:
    yield CARD
