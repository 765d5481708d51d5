"""Extractors: what they compute, against scikit-learn, and what their hashes stand for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from genbench.api.data import Dataset, Split
from genbench.api.spec import DataSpec
from genbench.errors import PluginError
from genbench.features import Extractor
from genbench.features.histogram import histogram
from genbench.features.pca import fit_principal_components, pca
from genbench.features.pixels import values

IMAGES = DataSpec(name="toy", modality="image", event_shape=(1, 10, 10), levels=256)


def image_dataset(count: int = 300, seed: int = 0, spec: DataSpec = IMAGES) -> Dataset:
    generator = torch.Generator().manual_seed(seed)
    smooth = torch.randn(count, 5, generator=generator) @ torch.randn(5, spec.dimension, generator=generator)
    x = (128 + 30 * smooth + 10 * torch.randn(count, spec.dimension, generator=generator)).clamp(0, 255)
    split = Split(spec, x.to(torch.uint8).reshape(-1, *spec.event_shape))
    return Dataset(spec, split, split, split)


def flat(dataset: Dataset) -> np.ndarray:
    return dataset.train.x.flatten(1).double().numpy() / 255


def test_values_scale_levels_and_leave_real_numbers() -> None:
    dataset = image_dataset()
    features = values(dataset)(dataset.train.tensor())
    assert features.dtype == torch.float32
    np.testing.assert_allclose(features.numpy(), flat(dataset), rtol=1e-6)
    series = DataSpec(name="toy-series", modality="series", event_shape=(4, 3))
    x = torch.randn(5, 4, 3)
    split = Split(series, x)
    assert torch.equal(values(Dataset(series, split, split, split))(x), x.flatten(1))


@pytest.mark.parametrize("count", [300, 40])  # more and fewer examples than dimensions
def test_pca_equals_scikit_learn(count: int) -> None:
    dataset = image_dataset(count)
    keep = min(64, count - 1)
    expected = PCA(keep, svd_solver="full").fit(flat(dataset))
    fitted = fit_principal_components(dataset.train)
    assert fitted.directions.shape == (keep, 100)
    other = image_dataset(50, seed=1)
    ours = pca(dataset)(other.train.tensor()).numpy()
    assert ours.dtype == np.float32
    # Directions are known up to their sign.
    np.testing.assert_allclose(np.abs(ours), np.abs(expected.transform(flat(other))), atol=1e-4)


def test_pca_is_not_whitened_and_keeps_distances() -> None:
    dataset = image_dataset(
        300, spec=DataSpec(name="tiny", modality="image", event_shape=(1, 4, 4), levels=256)
    )
    features = pca(dataset)(dataset.train.tensor())
    assert features.shape == (300, 16)
    torch.testing.assert_close(
        torch.pdist(features.double()), torch.pdist(torch.from_numpy(flat(dataset))), rtol=1e-5, atol=1e-6
    )
    variances = features.var(0)
    assert (variances[:-1] >= variances[1:] - 1e-6).all()


def test_pca_fixes_the_signs_of_its_directions() -> None:
    directions = fit_principal_components(image_dataset().train).directions
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    assert (largest > 0).all()
    torch.testing.assert_close(directions @ directions.T, torch.eye(64, dtype=torch.float64))


def test_pca_of_a_constant_data_set_is_finite() -> None:
    split = Split(IMAGES, torch.full((5, 1, 10, 10), 9, dtype=torch.uint8))
    features = pca(Dataset(IMAGES, split, split, split))(split.tensor())
    assert torch.equal(features, torch.zeros_like(features))


def test_hashes_name_the_recipe_and_the_training_data() -> None:
    dataset = image_dataset()
    fitted = pca(dataset)
    assert isinstance(fitted, Extractor)
    assert fitted.identity == f"pca:{fitted.hash}"
    assert pca(image_dataset()).hash == fitted.hash
    assert len({pca(image_dataset(seed=seed)).hash for seed in range(3)}) == 3
    assert values(dataset).hash != fitted.hash
    assert values(dataset).hash == values(image_dataset(seed=1)).hash, "nothing is fitted"
    binary = DataSpec(name="toy", modality="image", event_shape=(1, 10, 10), levels=2)
    assert values(image_dataset(spec=binary)).hash != values(dataset).hash


def test_one_pixel_changes_the_hash() -> None:
    dataset = image_dataset()
    changed: Tensor = dataset.train.x.clone()
    changed[7, 0, 3, 3] ^= 1
    split = Split(IMAGES, changed)
    assert pca(Dataset(IMAGES, split, split, split)).hash != pca(dataset).hash


def test_a_histogram_counts_symbols() -> None:
    spec = DataSpec(name="text", modality="tokens", event_shape=(7,), levels=5)
    x = torch.randint(5, (20, 7), generator=torch.Generator().manual_seed(0))
    split = Split(spec, x.to(torch.uint8))
    extractor = histogram(Dataset(spec, split, split, split))
    expected = np.stack([np.bincount(row, minlength=5) / 7 for row in x.numpy()])
    np.testing.assert_allclose(extractor(x).numpy(), expected, rtol=1e-6)
    assert torch.equal(extractor(x.flip(1)), extractor(x))


def test_a_histogram_needs_symbols() -> None:
    spec = DataSpec(name="real", modality="tokens", event_shape=(7,))
    split = Split(spec, torch.zeros(3, 7))
    with pytest.raises(PluginError, match="needs levels"):
        histogram(Dataset(spec, split, split, split))
