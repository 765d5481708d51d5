"""OMNIGLOT on a small file of the published form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from genbench import DataSpec
from genbench.errors import DataError
from genbench_datasets.published.omniglot import omniglot_dataset, read_characters
from genbench_datasets.published.specs import SPECS

CHANCE = np.random.default_rng(0)


def tables(count: int = 40, test: int = 10) -> dict[str, np.ndarray]:
    """Columns of intensities; alphabets as columns of a single 1."""
    return {
        "data": CHANCE.integers(0, 256, (784, count)) / 255,
        "target": np.eye(50)[:, CHANCE.integers(0, 50, count)],
        "targetchar": np.arange(count)[None],
        "testdata": CHANCE.integers(0, 256, (784, test)) / 255,
        "testtarget": np.eye(50)[:, CHANCE.integers(0, 50, test)],
    }


@pytest.mark.parametrize("compressed", [False, True])
def test_characters_are_read(tmp_path: Path, compressed: bool) -> None:
    published = tables()
    savemat(tmp_path / "x.mat", published, do_compression=compressed)
    (images, alphabets), (test_images, test_alphabets) = read_characters(tmp_path / "x.mat")
    assert images.shape == (40, 28, 28)
    # pixel 28 c + r of a column is in row r and column c of the picture
    assert images[7, 3, 5] == round(published["data"][28 * 5 + 3, 7] * 255)
    assert np.array_equal(images[11].reshape(-1, order="F"), (published["data"][:, 11] * 255).round())
    assert np.array_equal(np.eye(50)[:, alphabets], published["target"])
    assert len(test_images) == len(test_alphabets) == 10


def test_the_split_is_that_of_the_literature(tmp_path: Path) -> None:
    savemat(tmp_path / "x.mat", tables())
    (images, alphabets), testing = read_characters(tmp_path / "x.mat")
    dataset = omniglot_dataset(SPECS["omniglot"], (images, alphabets), testing, valid=6)
    order = np.random.RandomState(123).permutation(40)
    assert dataset.train.grey is not None
    assert dataset.train.y is not None
    assert dataset.valid.y is not None
    assert np.array_equal(dataset.train.grey[:, 0].numpy(), images[order[:34]])
    assert np.array_equal(dataset.train.y.numpy(), alphabets[order[:34]])
    assert np.array_equal(dataset.valid.y.numpy(), alphabets[order[34:]])
    assert dataset.valid.grey is None
    assert dataset.test.grey is None
    # the fixed draws are of the same pictures
    held_out = images[order[34:]]
    assert not dataset.valid.x[:, 0].numpy()[held_out == 0].any()
    assert dataset.valid.x[:, 0].numpy()[held_out == 255].all()
    assert not dataset.test.x[:, 0].numpy()[testing[0] == 0].any()
    drawn, grey = dataset.test.x[:, 0].numpy(), testing[0]
    shares = [drawn[(grey > low) & (grey <= low + 64)].mean() for low in (1, 65, 129)]
    assert shares == sorted(shares)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": None}, "no tables data, target"),
        ({"data": np.zeros((783, 40))}, r"characters has shape \(783, 40\), expected 784 intensities"),
        ({"data": np.full((784, 40), 1.5)}, "expected 784 intensities in"),
        ({"data": np.full((784, 40), np.nan)}, "expected 784 intensities in"),
        ({"testtarget": np.eye(50)[:, :9]}, r"alphabets has shape \(50, 9\), expected 10 columns"),
        ({"target": np.ones((50, 40))}, "expected 40 columns with a single 1"),
    ],
)
def test_other_files_are_named(tmp_path: Path, changes: dict[str, np.ndarray | None], message: str) -> None:
    published = {name: table for name, table in {**tables(), **changes}.items() if table is not None}
    savemat(tmp_path / "bad.mat", published)
    with pytest.raises(DataError, match=rf"bad\.mat: .*{message}"):
        read_characters(tmp_path / "bad.mat")


@pytest.mark.parametrize("content", [b"", b"no such format" * 20, b"\x89HDF\r\n\x1a\n" + bytes(500)])
def test_other_formats_are_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.mat").write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.mat: no tables"):
        read_characters(tmp_path / "bad.mat")


def test_a_file_that_was_cut_short_is_named(tmp_path: Path) -> None:
    savemat(tmp_path / "x.mat", tables(), do_compression=True)
    content = (tmp_path / "x.mat").read_bytes()
    (tmp_path / "bad.mat").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"bad\.mat: no tables"):
        read_characters(tmp_path / "bad.mat")


def test_its_domain_is_that_of_binary_characters() -> None:
    expected = DataSpec(name="omniglot", modality="image", event_shape=(1, 28, 28), levels=2, classes=50)
    assert SPECS["omniglot"] == expected
