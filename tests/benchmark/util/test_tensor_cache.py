"""What is computed from real data once: used again, never stale, never half a file, never needed."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from genbench.api.data import Split
from genbench.api.spec import DataSpec
from genbench.features import Extractor
from genbench.metrics.scoring import ScoringInputs
from genbench.util.tensor_cache import cached_tensors, fingerprint

SPEC = DataSpec(name="toy", modality="image", event_shape=(1, 4, 4), levels=256)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kept"


class Counting:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> dict[str, Tensor]:
        self.calls += 1
        return {"x": torch.arange(1000.0), "y": torch.tensor(3)}


def test_is_computed_once_for_each_key(cache: Path) -> None:
    compute = Counting()
    for _ in range(3):
        found = cached_tensors("figures", ("a", "b"), compute)
        assert torch.equal(found["x"], torch.arange(1000.0))
    assert compute.calls == 1
    for other in (("a",), ("ab",), ("b", "a"), ("a", "b", "")):
        cached_tensors("figures", other, compute)
    cached_tensors("numbers", ("a", "b"), compute)
    assert compute.calls == 6
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in cache.glob("*.safetensors"))


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty"])
def test_a_damaged_file_is_never_used(cache: Path, damage: str) -> None:
    compute = Counting()
    cached_tensors("figures", ("a",), compute)
    (path,) = cache.glob("*.safetensors")
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-500] ^= 1
    path.unlink()
    path.write_bytes(content if damage == "flip" else content[: 700 if damage == "truncate" else 0])
    for _ in range(2):
        assert torch.equal(cached_tensors("figures", ("a",), compute)["x"], torch.arange(1000.0))
    assert compute.calls == 2


def test_a_cache_that_cannot_be_written_costs_only_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path / "file"))
    compute = Counting()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert torch.equal(cached_tensors("figures", ("a",), compute)["x"], torch.arange(1000.0))
    assert compute.calls == 2
    assert "figures cannot be stored in" in caplog.text


def test_an_error_leaves_nothing_behind(cache: Path) -> None:
    def broken() -> dict[str, Tensor]:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cached_tensors("figures", ("a",), broken)
    assert cached_tensors("figures", ("a",), Counting())["y"] == 3


def test_processes_that_want_the_same_compute_it_once(tmp_path: Path) -> None:
    code = (
        "import os, sys, time, torch\n"
        "from genbench.util.tensor_cache import cached_tensors\n"
        "def compute():\n"
        f"    open({str(tmp_path)!r} + f'/computed-{{os.getpid()}}', 'w').close()\n"
        "    time.sleep(1.0)\n"
        "    return {'x': torch.ones(3)}\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "assert cached_tensors('figures', ('a',), compute)['x'].sum() == 3\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        _, problems = process.communicate(timeout=60)
        assert process.returncode == 0, problems
    assert len([name for name in os.listdir(tmp_path) if name.startswith("computed-")]) == 1


# ---- features of real data


class Halves:
    """An extractor that counts the examples it was asked for."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, x: Tensor) -> Tensor:
        self.sizes.append(len(x))
        return x.flatten(1).float() / 2


def scoring_inputs(train: Tensor, halves: Halves, version: str = "1") -> ScoringInputs:
    few = train[:5].long()
    return ScoringInputs(
        spec=SPEC,
        samples=few,
        reference=few,
        train=Split(SPEC, train),
        extractor=Extractor("halves", version, halves),
    )


def images(count: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, 1, 4, 4), dtype=torch.uint8, generator=generator)


def test_features_of_real_data_are_computed_once_and_in_chunks() -> None:
    train, halves = images(300_000), Halves()
    features = scoring_inputs(train, halves).train_features
    assert torch.equal(features, train.flatten(1).float() / 2)
    assert sum(halves.sizes) == 300_000
    assert len(halves.sizes) > 1
    assert torch.equal(scoring_inputs(train, halves).train_features, features)
    assert sum(halves.sizes) == 300_000


def test_edited_data_and_other_extractors_never_meet_cached_features() -> None:
    train, halves = images(50), Halves()
    before = scoring_inputs(train, halves).train_features
    edited = train.clone()
    edited[7, 0, 0, 0] ^= 1
    after = scoring_inputs(edited, halves).train_features
    assert not torch.equal(before, after)
    assert torch.equal(after, edited.flatten(1).float() / 2)
    _ = scoring_inputs(train, halves, version="2").train_features
    assert sum(halves.sizes) == 150


def test_fingerprints_tell_shapes_and_types_apart() -> None:
    x = torch.zeros(4, 2, dtype=torch.uint8)
    others = [x.reshape(2, 4), x.long(), x.to(torch.int8), torch.ones_like(x)]
    assert len({fingerprint(each) for each in (x, *others)}) == 5
    assert fingerprint(x) == fingerprint(x.clone())
