"""A file of tensors: comes back as it was, damage is found, and files of earlier versions are still read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from genbench.api.spec import DataSpec
from genbench.errors import DataError
from genbench.samples.stored import load_samples, save_samples
from genbench.util.tensor_files import (
    checksum_of_tensors,
    read_tensors,
    read_tensors_if_any,
    write_arrays,
    write_tensors,
)

TENSORS = {
    "a": torch.arange(6).reshape(2, 3),
    "b": torch.rand(3),
    "c": torch.tensor([True, False]),
    "d": torch.tensor(3.0),
    "e": torch.zeros(0, 2, dtype=torch.uint8),
}


def assert_equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


@pytest.mark.parametrize("texts", [{}, {"why": "not"}, {"b": "2", "a": "line\nbreak"}])
def test_tensors_and_texts_come_back(tmp_path: Path, texts: dict[str, str]) -> None:
    path = tmp_path / "folder" / "file.safetensors"
    write_tensors(TENSORS, path, texts)
    found = read_tensors(path)
    assert_equal(found.tensors, TENSORS)
    assert found.texts == texts
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_arrays_and_tensors_make_the_same_file(tmp_path: Path) -> None:
    write_tensors(TENSORS, tmp_path / "tensors")
    write_arrays({name: tensor.numpy() for name, tensor in TENSORS.items()}, tmp_path / "arrays")
    assert (tmp_path / "tensors").read_bytes() == (tmp_path / "arrays").read_bytes()


def test_tensors_that_are_no_plain_arrays_are_written(tmp_path: Path) -> None:
    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    write_tensors({"x": x.T}, tmp_path / "file")
    assert torch.equal(read_tensors(tmp_path / "file").tensors["x"], x.detach().T)


@pytest.mark.parametrize("texts", [{}, {"why": "not"}])
def test_every_change_of_a_file_is_found(tmp_path: Path, texts: dict[str, str]) -> None:
    path = tmp_path / "file.safetensors"
    write_tensors({"a": TENSORS["a"]}, path, texts)
    content = path.read_bytes()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        path.unlink()
        path.write_bytes(changed)
        try:
            found = read_tensors(path)
        except (DataError, SafetensorError):
            continue
        # only what JSON does not mind, a space of the header's padding, may go unseen
        assert_equal(found.tensors, {"a": TENSORS["a"]})
        assert found.texts == texts


def test_texts_and_names_are_part_of_the_checksum(tmp_path: Path) -> None:
    write_tensors({"a": TENSORS["a"]}, tmp_path / "file", {"why": "not"})
    recorded = _metadata(tmp_path / "file")
    for tensors, metadata in (
        ({"a": TENSORS["a"]}, {**recorded, "why": "so"}),
        ({"a": TENSORS["a"]}, {"sha256": recorded["sha256"]}),
        ({"b": TENSORS["a"]}, recorded),
        ({"a": TENSORS["a"].int()}, recorded),
        ({"a": TENSORS["a"].reshape(3, 2)}, recorded),
    ):
        save_file(tensors, tmp_path / "other", metadata=metadata)
        with pytest.raises(DataError, match="its checksum does not match"):
            read_tensors(tmp_path / "other")


def test_a_file_that_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    assert read_tensors_if_any(path) is None
    write_tensors(TENSORS, path)
    found = read_tensors_if_any(path)
    assert found is not None
    assert_equal(found.tensors, TENSORS)
    path.write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"file\.safetensors is damaged"):
        read_tensors_if_any(path)


def test_a_checksum_may_be_missing_only_where_the_reader_says_so(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "file")
    assert_equal(read_tensors(tmp_path / "file", checksum_required=False).tensors, TENSORS)
    with pytest.raises(DataError, match="checksum"):
        read_tensors(tmp_path / "file")
    save_file(TENSORS, tmp_path / "file", metadata={"sha256": "0" * 64})
    with pytest.raises(DataError, match="checksum"):
        read_tensors(tmp_path / "file", checksum_required=False)


def test_unfinished_files_lie_in_the_folder_asked_for(tmp_path: Path) -> None:
    write_tensors(TENSORS, tmp_path / "job" / "file", partial_folder=tmp_path / "job" / "work")
    assert sorted(path.name for path in (tmp_path / "job").iterdir()) == ["file", "work"]
    assert not list((tmp_path / "job" / "work").iterdir())


def test_writing_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, numpy\n"
        "from genbench.util.tensor_files import write_arrays\n"
        f"write_arrays({{'x': numpy.arange(3)}}, pathlib.Path({str(tmp_path / 'file')!r}))\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert torch.equal(read_tensors(tmp_path / "file").tensors["x"], torch.arange(3))


# ---- the checksums below were recorded by the four modules that wrote such files before this one


def _metadata(path: Path) -> dict[str, str]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return dict(file.metadata())


EARLIER: dict[str, tuple[str, dict[str, Tensor], dict[str, str]]] = {
    "a prepared data set": (
        "03e4c293cb83bcb4a6e3b12d255a77837e27a8f856ae380841b9725bc71f5e5d",
        {
            "train.x": torch.tensor([[0, 1], [4, 2]], dtype=torch.uint8),
            "train.y": torch.tensor([1, 0]),
        },
        {},
    ),
    "completions": (
        "f06c203e2d333dcd4ec10ddc71ff8964f1124ef674e5eddacb1c27ccc3ce53cf",
        {"a": torch.tensor([1.5, -2.0]), "b": torch.tensor([[3], [4]])},
        {},
    ),
    "completions with a reason": (
        "68c533b9fae07eb609366e5c82d0162d4b1a54d7e1269892216e247e6bcfe6e5",
        {"a": torch.tensor([1.5, -2.0])},
        {"why": "not"},
    ),
    "samples": (
        "1de7c7ebe54f0fc93671b0031be89ea5b82efda5c43fc102e65bec8da07c0a0a",
        {"samples": torch.tensor([[0, 1], [4, 2]], dtype=torch.uint8)},
        {},
    ),
}


@pytest.mark.parametrize("kind", EARLIER)
def test_files_of_earlier_versions_are_read(tmp_path: Path, kind: str) -> None:
    checksum, tensors, texts = EARLIER[kind]
    path = tmp_path / "file.safetensors"
    save_file(tensors, path, metadata={**texts, "sha256": checksum})
    found = read_tensors(path)
    assert_equal(found.tensors, tensors)
    assert found.texts == texts
    name = next(iter(tensors))
    save_file({**tensors, name: tensors[name] + 1}, path, metadata={**texts, "sha256": checksum})
    with pytest.raises(DataError, match="checksum"):
        read_tensors(path)


def test_cached_data_keep_their_checksum(tmp_path: Path) -> None:
    """It names files of the cache, and a data set that was prepared before is not prepared again."""
    assert (
        checksum_of_tensors({"x": torch.arange(6.0).reshape(2, 3)})
        == "84e326d2931bf631d6768bcd579c2d491f48821f1cd5908d5a1f8ade87808eed"
    )
    checksum, tensors, _ = EARLIER["a prepared data set"]
    write_tensors(tensors, tmp_path / "file")
    assert _metadata(tmp_path / "file") == {"sha256": checksum}


# ---- a job's samples


SPEC = DataSpec(name="toy", modality="points", event_shape=(2,), levels=5)
SAMPLES = torch.tensor([[0, 1], [4, 2]])


def test_samples_come_back_in_the_working_dtype(tmp_path: Path) -> None:
    path = tmp_path / "samples.safetensors"
    save_samples(path, SAMPLES, SPEC)
    found = load_samples(path, SPEC, 2)
    assert found.dtype == torch.int64
    assert torch.equal(found, SAMPLES)


def test_what_is_wrong_with_samples_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "samples.safetensors"
    with pytest.raises(DataError, match=r"samples\.safetensors is missing from"):
        load_samples(path, SPEC, 2)
    save_samples(path, SAMPLES, SPEC)
    with pytest.raises(DataError, match=r"samples\.safetensors: sample\(3\) returned shape"):
        load_samples(path, SPEC, 3)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"samples\.safetensors is damaged"):
        load_samples(path, SPEC, 2)
    write_tensors({"others": SAMPLES}, path)
    with pytest.raises(DataError, match=r"samples\.safetensors is damaged: it holds no samples"):
        load_samples(path, SPEC, 2)
    save_file({"samples": SAMPLES.float()}, path)
    with pytest.raises(DataError, match=r"samples\.safetensors holds torch\.float32, expected torch\.uint8"):
        load_samples(path, SPEC, 2)
    save_file({"samples": SAMPLES.to(torch.uint8)}, path)
    assert torch.equal(load_samples(path, SPEC, 2), SAMPLES)
