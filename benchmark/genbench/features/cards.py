"""The cards of the harness's own feature extractors. No torch here."""

from __future__ import annotations

from genbench.api.cards import ExtractorCard
from genbench.features.recipes import RECIPES, recorded_hash

_FROZEN = "genbench.features.frozen"
_OPTIONAL = "genbench.features.optional"


def _frozen(name: str, *datasets: str) -> ExtractorCard:
    recipe = RECIPES[name]
    function = name.replace("-", "_")
    return ExtractorCard(
        name=name,
        summary=recipe.summary,
        modalities=("image",),
        factory=f"{_FROZEN}:{function}",
        default_for_datasets=datasets,
        event_shapes=(recipe.image_shape,),
        discrete=True,
        hash=recorded_hash(name),
        check=f"{_OPTIONAL}:check_{function}",
    )


EXTRACTOR_CARDS: tuple[ExtractorCard, ...] = (
    _frozen("digits-cnn", "digits"),
    _frozen("mnist-cnn", "mnist", "mnist5k", "mnist-static", "mnist-dynamic"),
    _frozen("fashion-cnn", "fashion-mnist"),
    ExtractorCard(
        name="values",
        summary="the numbers themselves, flattened; levels scaled to [0, 1]",
        modalities=("points", "image", "series", "pianoroll"),
        factory="genbench.features.pixels:values",
        default_for=("points", "series"),
    ),
    ExtractorCard(
        name="pca",
        summary="the first 64 principal components of the training examples, not whitened",
        modalities=("image", "pianoroll"),
        factory="genbench.features.pca:pca",
        default_for=("image", "pianoroll"),
    ),
    ExtractorCard(
        name="histogram",
        summary="how often each symbol occurs, whatever the order",
        modalities=("tokens",),
        factory="genbench.features.histogram:histogram",
        default_for=("tokens",),
    ),
    ExtractorCard(
        name="inception",
        summary="Inception-v3's 2,048 numbers, through torch-fidelity, as the literature's FID has them",
        modalities=("image",),
        factory="genbench.features.inception:inception",
        event_shapes=((1, None, None), (3, None, None)),
        discrete=True,
        check=f"{_OPTIONAL}:check_inception",
    ),
    ExtractorCard(
        name="dinov2",
        summary="DINOv2's class token, through transformers (Stein et al. 2023)",
        modalities=("image",),
        factory="genbench.features.dinov2:dinov2",
        event_shapes=((1, None, None), (3, None, None)),
        discrete=True,
        check=f"{_OPTIONAL}:check_dinov2",
    ),
    ExtractorCard(
        name="clip",
        summary="CLIP's image embedding of length 1, through transformers, on which CMMD is defined",
        modalities=("image",),
        factory="genbench.features.clip:clip",
        event_shapes=((1, None, None), (3, None, None)),
        discrete=True,
        check=f"{_OPTIONAL}:check_clip",
    ),
)
