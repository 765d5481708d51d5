"""The feature extractors that the harness brings, as cards. No torch here."""

from __future__ import annotations

from genbench.cards import ExtractorCard

EXTRACTOR_CARDS: tuple[ExtractorCard, ...] = (
    ExtractorCard(
        name="values",
        summary="the numbers themselves, flattened; levels scaled to [0, 1]",
        modalities=("points", "image", "series"),
        factory="genbench.features.pixels:values",
        default_for=("points", "series"),
    ),
    ExtractorCard(
        name="pca",
        summary="the first 64 principal components of the training images, not whitened",
        modalities=("image",),
        factory="genbench.features.pca:pca",
        default_for=("image",),
    ),
)
