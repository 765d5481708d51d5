"""A plugin for genai-bench. Importing it announces the model; it does not import torch."""

from collections.abc import Iterable

from genbench import ModelCard, hookimpl

CARD = ModelCard(
    name="mean-field",
    family="baseline",
    summary="independent Gaussian pixels",
    factory="mean_field.model:MeanField",
    modalities=("image", "points"),
    capabilities=("sample",),
    defaults={"scale": 1.0},
)


@hookimpl
def genbench_models() -> Iterable[ModelCard]:
    yield CARD
