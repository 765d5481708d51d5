"""Recipes by which the frozen extractors are trained, and the cards of their weights. No torch here.

A recipe determines the weights; a weight card describes the result. The card of `weights/NAME.safetensors` is
`weights/NAME.json`, and says which hash the weights must have.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from genbench.errors import FeatureError, UnknownNameError

WEIGHTS_FOLDER = Path(__file__).parent / "weights"


class Convolution(msgspec.Struct, frozen=True, kw_only=True):
    """A 3x3 convolution, followed by a rectifier."""

    channels: int
    """Output channels."""
    halved: bool = False
    """Whether a maximum over blocks of 2x2 follows."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a convolutional classifier is trained whose last layer but one is the features."""

    name: str
    """Name of the extractor."""
    summary: str
    """One line."""
    dataset: str
    """The data set whose training split is trained on."""
    image_shape: tuple[int, int, int]
    """(C, H, W)."""
    layers: tuple[Convolution, ...]
    """The convolutions, in their order."""
    dimension: int = 64
    """Number of features."""
    classes: int = 10
    """Number of classes."""
    kept_out: tuple[str, ...] = ()
    """Data sets whose validation and test images are not trained on."""
    epochs: int
    """Passes over the training split."""
    batch_size: int
    """Images per step."""
    learning_rate: float = 3e-3
    """The largest learning rate of the one-cycle schedule."""
    weight_decay: float = 1e-2
    """AdamW's weight decay."""
    dropout: float = 0.25
    """Share of the features that are set to 0 in training."""
    reconstruction_weight: float = 0.0
    """Weight of the mean squared error of pixels that are reconstructed from the features, added to the cross-entropy.
    Without it, features lose what the classes do not need."""
    shift_pixels: int = 0
    """Images are shifted by up to this many pixels."""
    mirrored: bool = False
    """Whether half of the images are mirrored left to right."""
    binarised_share: float = 0.0
    """Share of images that are replaced by a binary draw with the grey level as probability."""
    seed: int = 0
    """Seed of the training."""


class WeightCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Description of trained weights."""

    recipe: Recipe
    """How they were trained."""
    hash: str
    """Hash of weights and preprocessing, which metrics record."""
    file_sha256: str
    """SHA-256 of the weights' file."""
    training_examples: int
    """Number of images that were trained on."""
    test_examples: int
    """Number of images that the accuracy was measured on."""
    test_accuracy: float
    """Accuracy of the stored weights on the data set's test split."""
    dataset_version: str
    """Version of the data set."""
    file_checksums: dict[str, str]
    """Checksums of the published files that the data set was made of, by name."""
    training_data_sha256: str
    """SHA-256 of the examples and labels that were trained on."""
    torch: str
    """Version of torch."""
    machine: str
    """Operating system and processor."""
    data_licence: str
    """Licence of the data set."""
    licence: str = "Apache-2.0, as genbench; see data_licence for what it was trained on"
    """Licence of the weights."""


_GREY_28 = (
    Convolution(channels=32, halved=True),
    Convolution(channels=64, halved=True),
    Convolution(channels=64),
    Convolution(channels=64, halved=True),
)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="digits-cnn",
            summary="a convolutional classifier of digits, 8x8: its last 64 numbers before the classes",
            dataset="digits",
            image_shape=(1, 8, 8),
            layers=(
                Convolution(channels=32),
                Convolution(channels=64, halved=True),
                Convolution(channels=64),
            ),
            epochs=60,
            batch_size=32,
            shift_pixels=1,
        ),
        Recipe(
            name="mnist-cnn",
            summary="a convolutional classifier of MNIST, grey or binary: its last 64 numbers before the classes",
            dataset="mnist",
            image_shape=(1, 28, 28),
            layers=_GREY_28,
            kept_out=("mnist5k",),
            epochs=3,
            batch_size=128,
            reconstruction_weight=20.0,
            shift_pixels=2,
            binarised_share=0.5,
        ),
        Recipe(
            name="fashion-cnn",
            summary="a convolutional classifier of Fashion-MNIST: its last 64 numbers before the classes",
            dataset="fashion-mnist",
            image_shape=(1, 28, 28),
            layers=_GREY_28,
            epochs=4,
            batch_size=128,
            reconstruction_weight=20.0,
            shift_pixels=1,
            mirrored=True,
        ),
    )
}


def find_recipe(name: str) -> Recipe:
    """The recipe of that name. Raises UnknownNameError."""
    if name not in RECIPES:
        raise UnknownNameError("extractor to train", name, RECIPES)
    return RECIPES[name]


def weights_path(name: str, folder: Path = WEIGHTS_FOLDER) -> Path:
    """The file of an extractor's weights."""
    return folder / f"{name}.safetensors"


def card_path(name: str, folder: Path = WEIGHTS_FOLDER) -> Path:
    """The file of the card of an extractor's weights."""
    return folder / f"{name}.json"


def read_weight_card(name: str, folder: Path = WEIGHTS_FOLDER) -> WeightCard:
    """The card of an extractor's weights. Raises FeatureError where there is none, or it cannot be read."""
    path = card_path(name, folder)
    try:
        return msgspec.json.decode(path.read_bytes(), type=WeightCard)
    except OSError as error:
        raise FeatureError(f"extractor {name}: cannot read {path}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise FeatureError(f"extractor {name}: {path} is not a card of weights: {error}") from None


def recorded_hash(name: str) -> str | None:
    """The hash on the card of an extractor's weights; None where the card cannot be read. `weights_obstacle` says why
    before anything runs."""
    try:
        return read_weight_card(name).hash
    except FeatureError:
        return None


def weights_obstacle(name: str, folder: Path = WEIGHTS_FOLDER) -> str | None:
    """Why the weights cannot be used, in one line; None where their file is the one that the card describes."""
    path = weights_path(name, folder)
    try:
        recorded = read_weight_card(name, folder).file_sha256
    except FeatureError as error:
        return str(error)
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"extractor {name}: cannot read {path}: {error.strerror}"
    if found != recorded:
        return f"extractor {name}: {path} has sha256 {found[:12]}, its card records {recorded[:12]}; refused"
    return None
