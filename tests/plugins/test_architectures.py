"""One rule chooses between MLPs and convolutions, for every GAN and every VAE that takes both."""

from __future__ import annotations

import pytest
from torch import nn

from genbench import DataSpec, GenerativeModel, ModelCard
from genbench.api import load_factory
from genbench_models import gan, hybrid, vae

IMAGE = DataSpec(name="image", modality="image", event_shape=(1, 8, 8), levels=17)
POINTS = DataSpec(name="points", modality="points", event_shape=(2,))
BOTH = [
    card
    for card in (*gan.CARDS, *hybrid.CARDS, *vae.CARDS)
    if {"points", "image"} <= set(card.modalities) and not card.requires_labels
]


def convolves(model: GenerativeModel) -> bool:
    return any(isinstance(module, nn.Conv2d) for module in model.modules())


@pytest.mark.parametrize("card", BOTH, ids=[card.name for card in BOTH])
def test_images_get_convolutions_unless_told_otherwise_and_points_never(card: ModelCard) -> None:
    build = load_factory(card.factory)
    assert convolves(build(IMAGE))
    assert not convolves(build(IMAGE, architecture="mlp"))
    assert not convolves(build(POINTS))
    with pytest.raises(ValueError, match="convolutions take images of 8x8"):
        build(POINTS, architecture="conv")
    with pytest.raises(ValueError, match="architecture='dense': expected auto, mlp, conv"):
        build(POINTS, architecture="dense")
