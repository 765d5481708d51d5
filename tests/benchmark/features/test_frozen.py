"""The frozen extractors: what is shipped, what is refused, and what their features see."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import msgspec
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from genbench.api.data import Dataset, storage_dtype
from genbench.api.spec import DataSpec
from genbench.datasets.prepared import load_dataset
from genbench.errors import FeatureError, UnknownNameError
from genbench.features.frozen import load_frozen
from genbench.features.network import FeatureNetwork
from genbench.features.recipes import (
    RECIPES,
    WEIGHTS_FOLDER,
    card_path,
    find_recipe,
    read_weight_card,
    weights_obstacle,
    weights_path,
)
from genbench.features.training import train_extractor, write_weights
from genbench.metrics.frechet import frechet_distance
from genbench.plugin.discovery import load_registry

SHIPPED = [name for name in RECIPES if card_path(name).exists()]
ACCURACY = {"digits-cnn": 0.97, "mnist-cnn": 0.99, "fashion-cnn": 0.88}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset(load_registry().dataset("digits"))


def images(name: str, count: int, levels: int = 256) -> tuple[DataSpec, Tensor]:
    shape = RECIPES[name].image_shape
    spec = DataSpec(name="toy", modality="image", event_shape=shape, levels=levels)
    generator = torch.Generator().manual_seed(0)
    return spec, torch.randint(levels, (count, *shape), generator=generator)


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_shipped_is_what_its_card_says(name: str) -> None:
    card = read_weight_card(name)
    assert weights_obstacle(name) is None
    assert card.test_accuracy >= ACCURACY[name]
    assert card.recipe == RECIPES[name], "the recipe was changed, the weights were not trained again"
    assert weights_path(name).stat().st_size < 1_000_000
    spec, x = images(name, 3)
    extractor = load_frozen(name, spec)
    assert extractor.identity == load_registry().extractor(name).label == f"{name}:{card.hash}"
    assert extractor(x).shape == (3, card.recipe.dimension)


def test_the_digits_extractor_is_as_accurate_as_recorded(digits: Dataset) -> None:
    extractor = load_frozen("digits-cnn", digits.spec)
    logits = extractor.logits(extractor(digits.test.tensor()))
    assert logits is not None
    accuracy = float((logits.argmax(1) == digits.test.y).double().mean())
    assert accuracy == pytest.approx(read_weight_card("digits-cnn").test_accuracy, abs=0.003)


@pytest.mark.parametrize("name", SHIPPED)
def test_features_do_not_depend_on_the_batch(name: str) -> None:
    spec, x = images(name, 300)
    extractor = load_frozen(name, spec)
    whole = extractor(x)
    for size in (1, 7, 299):
        parts = torch.cat([extractor(part) for part in x[:300].split(size)])
        torch.testing.assert_close(parts, whole, rtol=1e-5, atol=1e-5)
    assert extractor(x[:0]).shape == (0, whole.shape[1])
    assert not whole.is_inference()


def test_levels_are_scaled(digits: Dataset) -> None:
    x = digits.test.tensor()[:5]
    fine = load_frozen("digits-cnn", DataSpec(name="x", modality="image", event_shape=(1, 8, 8), levels=33))
    torch.testing.assert_close(fine(2 * x), load_frozen("digits-cnn", digits.spec)(x))


def test_batch_normalisation_folds_into_the_convolutions() -> None:
    torch.manual_seed(0)
    network = FeatureNetwork(RECIPES["digits-cnn"], normalised=True)
    x = torch.rand(50, 1, 8, 8)
    network.features(x)  # moves the running statistics
    network.eval()
    torch.testing.assert_close(network.folded().features(x), network.features(x), rtol=1e-4, atol=1e-5)


# ---- training


def test_training_twice_gives_the_same_hash(digits: Dataset, tmp_path: Path) -> None:
    recipe = msgspec.structs.replace(RECIPES["digits-cnn"], epochs=1, binarised_share=0.3, mirrored=True)
    before = torch.random.get_rng_state(), torch.get_num_threads()
    first = train_extractor(recipe, digits)
    torch.manual_seed(99)
    torch.rand(3)
    state = torch.random.get_rng_state()
    second = train_extractor(recipe, digits)
    assert first.hash == second.hash
    assert torch.equal(torch.random.get_rng_state(), state), "the global generator was moved"
    assert torch.get_num_threads() == before[1]
    assert not torch.are_deterministic_algorithms_enabled()
    assert train_extractor(msgspec.structs.replace(recipe, seed=1), digits).hash != first.hash
    card = write_weights(first, load_registry().dataset("digits"), tmp_path)
    assert load_frozen("digits-cnn", digits.spec, tmp_path).hash == card.hash == first.hash
    features = load_frozen("digits-cnn", digits.spec, tmp_path)(digits.train.tensor())
    assert float(features.double().var(0).mean()) == pytest.approx(1.0, rel=0.02)


def test_images_kept_out_are_not_trained_on(digits: Dataset) -> None:
    recipe = msgspec.structs.replace(RECIPES["digits-cnn"], epochs=1)
    some = digits.train.subset(torch.arange(100))
    distinct = {row.tobytes() for row in some.x.numpy()}
    expected = sum(row.tobytes() not in distinct for row in digits.train.x.numpy())
    assert train_extractor(recipe, digits, [some]).training_examples == expected


def test_an_unknown_recipe_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'mnist-cnn'"):
        find_recipe("mnist-cn")


# ---- refusals


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for suffix in ("json", "safetensors"):
        shutil.copy(WEIGHTS_FOLDER / f"digits-cnn.{suffix}", tmp_path)
    return tmp_path


def test_weights_that_are_not_the_recorded_ones_are_refused(copied: Path, digits: Dataset) -> None:
    weights = load_file(copied / "digits-cnn.safetensors")
    weights["head.bias"] = weights["head.bias"] + 1
    save_file(weights, copied / "digits-cnn.safetensors")
    with pytest.raises(FeatureError, match=r"^extractor digits-cnn: .*its card records .*; refused$"):
        load_frozen("digits-cnn", digits.spec, copied)
    # a card that vouches for the file, but not for what is in it
    obstacle = weights_obstacle("digits-cnn", copied)
    assert obstacle is not None
    card = msgspec.structs.replace(
        read_weight_card("digits-cnn", copied),
        file_sha256=hashlib.sha256((copied / "digits-cnn.safetensors").read_bytes()).hexdigest(),
    )
    (copied / "digits-cnn.json").write_bytes(msgspec.json.encode(card))
    with pytest.raises(FeatureError, match=r"its weights have hash .*, its card records .*; refused"):
        load_frozen("digits-cnn", digits.spec, copied)


def test_missing_or_broken_files_are_one_line(copied: Path, digits: Dataset) -> None:
    (copied / "digits-cnn.safetensors").unlink()
    with pytest.raises(FeatureError, match=r"cannot read .*No such file"):
        load_frozen("digits-cnn", digits.spec, copied)
    (copied / "digits-cnn.json").write_text("{")
    with pytest.raises(FeatureError, match="is not a card of weights"):
        load_frozen("digits-cnn", digits.spec, copied)


def test_other_shapes_are_refused() -> None:
    with pytest.raises(FeatureError, match="takes levels of shape"):
        load_frozen("digits-cnn", DataSpec(name="x", modality="image", event_shape=(1, 9, 9), levels=17))


# ---- what the features see


def test_the_distance_grows_with_noise_blur_and_dropped_classes(digits: Dataset) -> None:
    extractor = load_frozen("digits-cnn", digits.spec)
    reference = extractor(digits.test.tensor())
    x, y = digits.valid.tensor(), digits.valid.y
    assert y is not None
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(x.shape, generator=generator)

    def distance(changed: Tensor) -> float:
        return float(frechet_distance(extractor(changed.round().clamp(0, 16).long()), reference))

    noisy = [distance(x + sigma * noise) for sigma in (0, 1, 2, 4, 8)]
    kernel = torch.ones(1, 1, 3, 3) / 9
    blurred = F.conv2d(F.pad(x.float(), (1, 1, 1, 1)), kernel)
    blurry = [distance((1 - share) * x + share * blurred) for share in (0.0, 0.25, 0.5, 1.0)]
    dropped = [distance(x[y >= first].float()) for first in (0, 1, 3, 5, 8)]
    for series in (noisy, blurry, dropped):
        assert series == sorted(series)
        assert series[-1] > 20 * series[0]


def test_storage_and_working_types_give_the_same(digits: Dataset) -> None:
    extractor = load_frozen("digits-cnn", digits.spec)
    assert digits.test.x.dtype == storage_dtype(digits.spec)
    assert torch.equal(extractor(digits.test.x), extractor(digits.test.tensor()))
