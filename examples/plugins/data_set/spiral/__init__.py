"""A data set for genai-bench. Importing it announces the card; it does not import torch."""

from collections.abc import Iterable

from genbench import DatasetCard, DataSpec, hookimpl

CARD = DatasetCard(
    spec=DataSpec(name="spiral", modality="points", event_shape=(2,)),
    summary="points along one turn and a half of a spiral, with noise",
    sizes=(2_000, 1_000, 1_000),
    splits="independent draws, with seeds 0, 1 and 2",
    source="drawn from a formula",
    licence="CC0",
    citation="none",
    factory="spiral.data:spiral",
    version="1",  # a new one whenever a value or a split changes
    embedded=True,  # nothing to download
)


@hookimpl
def genbench_datasets() -> Iterable[DatasetCard]:
    yield CARD
