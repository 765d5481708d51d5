"""The split depends on the images alone, keeps the classes' shares, and refuses duplicates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genbench import DataSpec
from genbench.errors import DataError
from genbench_datasets.embedded.stratified_split import proportional_quota, stratified_dataset

SPEC = DataSpec(name="squares", modality="image", event_shape=(1, 2, 2), levels=256, classes=3)


def _images(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    code = chance.permutation(2**16)[:count]
    images = np.stack([code % 256, code // 256, code * 0, code * 0], 1).astype(np.uint8)
    return images, chance.integers(0, 3, count)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=12), st.data())
def test_quotas_are_shares_to_the_nearest_whole_number(counts: list[int], data: st.DataObject) -> None:
    total = data.draw(st.integers(0, sum(counts)))
    quota = proportional_quota(np.array(counts), total)
    exact = np.array(counts) * total / sum(counts)
    assert quota.sum() == total
    assert (quota >= np.floor(exact)).all()
    assert (quota <= np.ceil(exact)).all()


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_source_does_not_matter(seed: int) -> None:
    images, labels = _images(120)
    shuffled = np.random.default_rng(seed).permutation(120)
    one = stratified_dataset(SPEC, images, labels, valid=30, test=20)
    other = stratified_dataset(SPEC, images[shuffled], labels[shuffled], valid=30, test=20)
    for ours, theirs in ((one.train, other.train), (one.valid, other.valid), (one.test, other.test)):
        assert torch.equal(ours.x, theirs.x)


@given(st.integers(20, 200), st.integers(0, 100))
def test_every_example_is_in_exactly_one_split(count: int, seed: int) -> None:
    images, labels = _images(count, seed)
    dataset = stratified_dataset(SPEC, images, labels, valid=count // 4, test=count // 5)
    assert (len(dataset.valid), len(dataset.test)) == (count // 4, count // 5)
    everything = torch.cat([dataset.train.x, dataset.valid.x, dataset.test.x]).flatten(1)
    assert sorted(everything.tolist()) == sorted(images.tolist())


def test_labels_stay_with_their_images() -> None:
    images, labels = _images(60)
    label_of = {tuple(image): label for image, label in zip(images.tolist(), labels, strict=True)}
    dataset = stratified_dataset(SPEC, images, labels, valid=10, test=10)
    for split in (dataset.train, dataset.valid, dataset.test):
        assert split.y is not None
        assert split.y.tolist() == [label_of[tuple(image)] for image in split.x.flatten(1).tolist()]


def test_identical_images_are_refused() -> None:
    images, labels = _images(60)
    images[7] = images[31]
    with pytest.raises(DataError, match="squares: 1 images occur more than once"):
        stratified_dataset(SPEC, images, labels, valid=10, test=10)
