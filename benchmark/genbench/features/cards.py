"""The feature extractors that the harness brings, as cards. No torch here."""

from __future__ import annotations

from genbench.cards import ExtractorCard

EXTRACTOR_CARDS: tuple[ExtractorCard, ...] = (
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
)
