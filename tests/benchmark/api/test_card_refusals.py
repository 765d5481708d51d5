"""What a card says of data that its model cannot take, before anything is run."""

from __future__ import annotations

import pytest

from genbench import DataSpec, ModelCard
from genbench.plugin.discovery import load_registry


def card(**fields: object) -> ModelCard:
    return ModelCard(
        name="model",
        family="gan",
        summary="",
        factory="nowhere:Nothing",
        modalities=("image", "points"),
        **fields,  # type: ignore[arg-type]
    )


def image(*shape: int) -> DataSpec:
    return DataSpec(name="data", modality="image", event_shape=shape, levels=2)


@pytest.mark.parametrize("shape", [(1, 7, 28), (3, 28, 7), (1, 1, 1)])
def test_an_image_too_small_for_the_network_is_named(shape: tuple[int, ...]) -> None:
    refusal = card(least_side=8).refusal(image(*shape))
    assert refusal == f"model takes images of 8x8 and more; data has {shape[1]}x{shape[2]}"


def test_sides_are_of_images_alone_and_large_enough_ones_are_taken() -> None:
    assert card(least_side=8).refusal(image(1, 8, 9)) is None
    points = DataSpec(name="data", modality="points", event_shape=(2,))
    assert card(least_side=8).refusal(points) is None


def test_too_few_numbers_are_named() -> None:
    line = DataSpec(name="line", modality="points", event_shape=(1,))
    assert card(least_dimension=2).refusal(line) == "model takes 2 numbers per example and more; line has 1"
    assert card(least_dimension=2).refusal(image(1, 1, 2)) is None


@pytest.mark.parametrize("name", ["dcgan", "stylegan", "transgan"])
def test_networks_of_strided_layers_say_so_before_they_are_built(name: str) -> None:
    refusal = load_registry().model(name).refusal(image(1, 4, 4))
    assert refusal == f"{name} takes images of 8x8 and more; data has 4x4"
