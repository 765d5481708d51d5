"""Prepared data: built once, checked, memory-mapped; never trusted when it is broken, never in the way."""

from __future__ import annotations

import itertools
import logging
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from genbench import Dataset, DatasetCard, DataSpec, Split
from genbench.datasets.prepared import check_dataset, load_dataset
from genbench.datasets.versions import dataset_version, prepared_path
from genbench.errors import DataError
from genbench.util.cache_folder import cache_folder

_numbers = itertools.count()

# Each build leaves a file in the folder BUILDS, so that builds are counted across processes.
SOURCE = """
import os, tempfile, time
import torch
from genbench import Dataset, DataSpec, Split

SPEC = DataSpec(name="made-up", modality="image", event_shape=(1, 4, 4), levels=9, classes=3)

def build():
    os.close(tempfile.mkstemp(dir=os.environ["BUILDS"])[0])
    def split(count, seed):
        generator = torch.Generator().manual_seed(seed)
        x = torch.randint(9, (count, 1, 4, 4), generator=generator, dtype=torch.uint8)
        return Split(SPEC, x, torch.arange(count) % 3)
    time.sleep(float(os.environ.get("BUILD_SECONDS", "0")))
    return Dataset(SPEC, split(40, 0), split(10, 1), split(12, 2))

class Known:
    modes = None
    mode_scale = None
    def log_prob(self, x):
        return torch.zeros(len(x))
    def sample(self, count, generator):
        return torch.zeros(count, 1, 4, 4)

def truth():
    return Known()

def no_dataset():
    return {"train": []}

def no_truth():
    return 7
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an importable module with the source above; the cache is empty."""
    name = f"made_up_data_{next(_numbers)}"
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / f"{name}.py").write_text(SOURCE)
    (tmp_path / "builds").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "code")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "code"), prepend=os.pathsep)
    monkeypatch.setenv("BUILDS", str(tmp_path / "builds"))
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path / "cache"))
    return name


@pytest.fixture
def card(module: str) -> DatasetCard:
    return DatasetCard(
        spec=DataSpec(name="made-up", modality="image", event_shape=(1, 4, 4), levels=9, classes=3),
        summary="noise",
        sizes=(40, 10, 12),
        splits="seeds",
        source="made up",
        licence="CC0",
        citation="none",
        factory=f"{module}:build",
    )


def builds() -> int:
    return len(os.listdir(os.environ["BUILDS"]))


def content(dataset: Dataset) -> list[torch.Tensor | None]:
    return [part for s in (dataset.train, dataset.valid, dataset.test) for part in (s.x, s.y)]


def same(one: Dataset, other: Dataset) -> bool:
    pairs = zip(content(one), content(other), strict=True)
    return one.spec == other.spec and all(
        a is not None and b is not None and a.dtype == b.dtype and torch.equal(a, b) for a, b in pairs
    )


def test_is_built_once(card: DatasetCard) -> None:
    first, second = load_dataset(card), load_dataset(card)
    assert builds() == 1
    assert same(first, second)
    assert os.listdir(prepared_path(card).parent) == [prepared_path(card).name]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's list of mapped files")
def test_is_mapped_and_writing_to_it_leaves_the_file_alone(card: DatasetCard) -> None:
    path = prepared_path(card)
    dataset = load_dataset(card)
    address = dataset.train.x.data_ptr()
    (line,) = [line for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith(path.name)]
    first, last = (int(end, 16) for end in line.split()[0].split("-"))
    assert first <= address < last
    before = path.read_bytes()
    dataset.train.x.zero_()
    assert path.read_bytes() == before
    assert int(load_dataset(card).train.x.sum()) > 0


def test_a_shared_cache_is_readable_by_others(card: DatasetCard) -> None:
    load_dataset(card)
    assert prepared_path(card).stat().st_mode & 0o444 == 0o444


# ---- versions


def test_an_edit_of_the_source_makes_another_version(card: DatasetCard, module: str, tmp_path: Path) -> None:
    load_dataset(card)
    before = dataset_version(card)
    source = tmp_path / "code" / f"{module}.py"
    source.write_text(f"# an edit\n{source.read_text()}")
    assert dataset_version(card) != before
    load_dataset(card)
    assert builds() == 2


@pytest.mark.parametrize(
    "change",
    [
        {"version": "2"},
        {"sizes": (40, 10, 11)},
        {"factory": "elsewhere:build"},
        {"truth": "elsewhere:truth"},
        {"spec": DataSpec(name="made-up", modality="image", event_shape=(1, 4, 4), levels=8, classes=3)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_the_data_depends_on_makes_another_version(card: DatasetCard, change: dict[str, object]) -> None:
    changed = msgspec.structs.replace(card, **change)
    assert dataset_version(changed) != dataset_version(card)
    assert prepared_path(changed) != prepared_path(card)


def test_words_do_not(card: DatasetCard) -> None:
    reworded = msgspec.structs.replace(card, summary="other words", citation="somebody", licence="CC BY")
    assert dataset_version(reworded) == dataset_version(card)
    assert dataset_version(card).startswith("1+")


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.setenv("GENBENCH_DATA", "~/somewhere")
    assert cache_folder() == Path.home() / "somewhere"
    monkeypatch.delenv("GENBENCH_DATA")
    assert "genbench" in cache_folder().parts


# ---- broken files


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_a_damaged_file_is_never_used(card: DatasetCard, data: st.DataObject) -> None:
    whole = load_dataset(card)
    path = prepared_path(card)
    intact = path.read_bytes()
    damaged = bytearray(intact)
    if data.draw(st.booleans(), label="truncate"):
        del damaged[data.draw(st.integers(0, len(intact) - 1), label="length") :]
    else:
        damaged[data.draw(st.integers(0, len(intact) - 1), label="at")] ^= data.draw(st.integers(1, 255))
    path.unlink()  # a new file: `whole` still looks at the old one
    path.write_bytes(damaged)
    assert same(load_dataset(card), whole)
    assert same(load_dataset(card), whole)
    assert path.stat().st_size == len(intact)


def test_a_file_of_another_kind_is_built_again(card: DatasetCard, caplog: pytest.LogCaptureFixture) -> None:
    path = prepared_path(card)
    path.parent.mkdir(parents=True)
    save_file({"weights": torch.zeros(3)}, path)
    load_dataset(card)
    assert builds() == 1
    assert "made-up is built again" in caplog.text
    load_dataset(card)
    assert builds() == 1


def test_a_folder_in_its_place_does_not_matter(card: DatasetCard) -> None:
    path = prepared_path(card)
    path.mkdir(parents=True)
    assert len(load_dataset(card).train) == 40
    assert os.listdir(path.parent) == [path.name]


# ---- a cache that cannot be written


def test_a_cache_that_cannot_be_written_costs_only_time(
    card: DatasetCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        assert len(load_dataset(card).train) == 40
        load_dataset(card)
    assert builds() == 2
    assert "made-up cannot be stored in" in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_costs_only_time(card: DatasetCard) -> None:
    """A process that may write no file larger than 1,000 bytes."""
    code = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        + _loading(card)
        + "assert len(load_dataset(card).train) == 40\n"
    )
    done = _start(code)
    _, errors = done.communicate(timeout=120)
    assert done.returncode == 0, errors
    assert "cannot be stored in" in errors
    assert os.listdir(prepared_path(card).parent) == []


# ---- several processes


def _loading(card: DatasetCard) -> str:
    return (
        "import msgspec\n"
        "from genbench.api.cards import DatasetCard\n"
        "from genbench.datasets.versions import prepared_path\n"
        "from genbench.datasets.prepared import load_dataset\n"
        f"card = msgspec.json.decode({msgspec.json.encode(card)!r}, type=DatasetCard)\n"
    )


def _start(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_two_processes_may_prepare_it_at_once(card: DatasetCard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both build, delete and load over and over; each load sees a whole file or builds one."""
    monkeypatch.setenv("BUILD_SECONDS", "0.001")
    expected = load_dataset(card)
    prepared_path(card).unlink()
    code = _loading(card) + (
        "for _ in range(100):\n"
        "    dataset = load_dataset(card)\n"
        "    print(sum(int((s.x.long() * 7).sum() + s.y.sum())"
        " for s in (dataset.train, dataset.valid, dataset.test)))\n"
        "    prepared_path(card).unlink(missing_ok=True)\n"
    )
    processes = [_start(code), _start(code)]
    checks = []
    for process in processes:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert "built again" not in errors
        checks += output.split()
    splits = (expected.train, expected.valid, expected.test)
    expected_check = sum(int((s.x.long() * 7).sum() + s.y.sum()) for s in splits if s.y is not None)
    assert set(checks) == {str(expected_check)}
    assert len(checks) == 200
    assert os.listdir(prepared_path(card).parent) == []


# ---- truth


def test_truth_comes_from_the_card(card: DatasetCard, module: str) -> None:
    known = msgspec.structs.replace(card, truth=f"{module}:truth")
    for _ in range(2):
        truth = load_dataset(known).truth
        assert truth is not None
        assert truth.log_prob(torch.zeros(3, 1, 4, 4)).tolist() == [0, 0, 0]
    assert builds() == 1
    assert load_dataset(card).truth is None


# ---- what is wrong is named

SPEC = DataSpec(name="made-up", modality="points", event_shape=(2,))
LEVELS = DataSpec(name="made-up", modality="points", event_shape=(2,), levels=4, classes=3)


def _points(spec: DataSpec, x: torch.Tensor | None = None, y: torch.Tensor | None = None) -> Dataset:
    """A data set with that training split, and right in the rest."""
    right = torch.zeros(6, 2, dtype=torch.float32 if spec.levels is None else torch.uint8)
    labels = None if spec.classes is None else torch.zeros(6, dtype=torch.int64)
    rest = Split(spec, right, labels)
    return Dataset(spec, Split(spec, right if x is None else x, labels if y is None else y), rest, rest)


def _card(spec: DataSpec, sizes: tuple[int, int, int] = (6, 6, 6)) -> DatasetCard:
    return DatasetCard(
        spec=spec, summary="", sizes=sizes, splits="", source="", licence="", citation="", factory="a:b"
    )


@pytest.mark.parametrize(
    ("spec", "dataset", "message"),
    [
        (SPEC, _points(LEVELS), r"made-up: its card says DataSpec\(.*, its data DataSpec\("),
        (SPEC, _points(SPEC, torch.zeros(5, 2)), r"made-up \(train\): its card says 6 examples, .* has 5"),
        (SPEC, _points(SPEC, torch.tensor([[0, torch.nan]] * 6)), "6 values are not finite"),
        (SPEC, _points(SPEC, torch.tensor([[0, torch.inf]] * 6)), "6 values are not finite"),
        (SPEC, _points(SPEC, y=torch.zeros(6, dtype=torch.int64)), "labels, though its card says nothing"),
        (
            LEVELS,
            _points(LEVELS, torch.full((6, 2), 4, dtype=torch.uint8)),
            r"values 4\.\.4, expected 0\.\.3",
        ),
        (LEVELS, _points(LEVELS, y=torch.full((6,), 3)), r"labels 3\.\.3, expected 0\.\.2"),
        (LEVELS, _points(LEVELS, y=torch.full((6,), -1)), r"labels -1\.\.-1, expected 0\.\.2"),
        (LEVELS, _points(LEVELS, y=torch.zeros(6)), r"labels are torch\.float32, expected torch\.int64"),
        (
            LEVELS,
            Dataset(LEVELS, *[Split(LEVELS, torch.zeros(6, 2, dtype=torch.uint8))] * 3),
            "no labels, though its card says 3 classes",
        ),
    ],
)
def test_what_does_not_match_the_card_is_named(spec: DataSpec, dataset: Dataset, message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_dataset(_card(spec), dataset)


@pytest.mark.parametrize("spec", [SPEC, LEVELS])
def test_what_matches_passes(spec: DataSpec) -> None:
    check_dataset(_card(spec), _points(spec))


def test_an_empty_split_is_named() -> None:
    empty = _points(SPEC, torch.zeros(0, 2))
    with pytest.raises(DataError, match=r"made-up \(train\): no examples"):
        check_dataset(_card(SPEC, (0, 6, 6)), empty)


def test_nothing_wrong_is_kept(card: DatasetCard) -> None:
    wrong = msgspec.structs.replace(card, sizes=(40, 10, 13))
    for attempt in (1, 2):
        with pytest.raises(DataError, match=r"made-up \(test\): its card says 13 examples, its data has 12"):
            load_dataset(wrong)
        assert builds() == attempt


def test_factories_that_return_something_else_are_named(card: DatasetCard, module: str) -> None:
    with pytest.raises(DataError, match=f"made-up: {module}:no_dataset returned dict, expected a Dataset"):
        load_dataset(msgspec.structs.replace(card, factory=f"{module}:no_dataset"))
    with pytest.raises(DataError, match=f"made-up: {module}:no_truth returned int, expected a Truth"):
        load_dataset(msgspec.structs.replace(card, truth=f"{module}:no_truth"))
