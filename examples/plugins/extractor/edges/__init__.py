"""A feature extractor for genai-bench. Importing it announces the card; it does not import torch."""

from collections.abc import Iterable

from genbench import ExtractorCard, hookimpl

CARD = ExtractorCard(
    name="edges",
    summary="how strong the edges of an image are: by direction, in each quarter",
    modalities=("image",),
    factory="edges.features:edges",
    discrete=True,
)


@hookimpl
def genbench_extractors() -> Iterable[ExtractorCard]:
    yield CARD
