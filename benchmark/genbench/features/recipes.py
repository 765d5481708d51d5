"""How the frozen extractors are trained, and the cards of those that are shipped. No torch here.

A recipe is everything that decides the weights; a weight card is what came of it. The card lies beside its
weights, `weights/NAME.json` beside `weights/NAME.safetensors`, and says what the weights' hash must be.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from genbench.errors import FeatureError, UnknownNameError

WEIGHTS_FOLDER = Path(__file__).parent / "weights"


class Convolution(msgspec.Struct, frozen=True, kw_only=True):
    """3x3, followed by a rectifier; halved: and by a maximum over blocks of 2x2."""

    channels: int
    halved: bool = False


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A convolutional classifier whose last layer but one is the feature.

    dataset: its training split is trained on. kept_out: data sets whose validation and test images are left
    out of it. dimension: of the features. reconstruction_weight: of the mean squared error of pixels rebuilt
    from the features, beside the cross-entropy; without it features forget what the class does not need.
    dropout: share of features. shift_pixels: images are moved by up to so many. mirrored: half of them, left
    to right. binarised_share: of images, replaced by a binary draw with the grey level as probability.
    """

    name: str
    summary: str
    dataset: str
    image_shape: tuple[int, int, int]
    layers: tuple[Convolution, ...]
    dimension: int = 64
    classes: int = 10
    kept_out: tuple[str, ...] = ()
    epochs: int
    batch_size: int
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    dropout: float = 0.25
    reconstruction_weight: float = 0.0
    shift_pixels: int = 0
    mirrored: bool = False
    binarised_share: float = 0.0
    seed: int = 0


class WeightCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What came of a recipe.

    hash: of weights and preprocessing, as figures record it. file_sha256: of the weights' file. file_checksums:
    of the published files the data set was made of. training_data_sha256: of the examples trained on.
    test_accuracy: of the stored weights on the data set's test split.
    """

    recipe: Recipe
    hash: str
    file_sha256: str
    training_examples: int
    test_examples: int
    test_accuracy: float
    dataset_version: str
    file_checksums: dict[str, str]
    training_data_sha256: str
    torch: str
    machine: str
    data_licence: str
    licence: str = "Apache-2.0, as genbench; see data_licence for what it was trained on"


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
    """Raises UnknownNameError."""
    if name not in RECIPES:
        raise UnknownNameError("extractor to train", name, RECIPES)
    return RECIPES[name]


def weights_path(name: str, folder: Path = WEIGHTS_FOLDER) -> Path:
    return folder / f"{name}.safetensors"


def card_path(name: str, folder: Path = WEIGHTS_FOLDER) -> Path:
    return folder / f"{name}.json"


def read_weight_card(name: str, folder: Path = WEIGHTS_FOLDER) -> WeightCard:
    """Raises FeatureError where there is none, or it cannot be read."""
    path = card_path(name, folder)
    try:
        return msgspec.json.decode(path.read_bytes(), type=WeightCard)
    except OSError as error:
        raise FeatureError(f"extractor {name}: cannot read {path}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise FeatureError(f"extractor {name}: {path} is not a card of weights: {error}") from None


def recorded_hash(name: str) -> str | None:
    """None where there is no card that can be read: `weights_obstacle` says why, before anything runs."""
    try:
        return read_weight_card(name).hash
    except FeatureError:
        return None


def weights_obstacle(name: str, folder: Path = WEIGHTS_FOLDER) -> str | None:
    """Why the weights cannot be used, in one line; None where their file is the recorded one."""
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
