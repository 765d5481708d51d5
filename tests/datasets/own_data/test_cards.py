"""Cards of own data: what their versions depend on, when files are read again, what is left to workers."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from own_cards import card_of, rebuilt
from PIL import Image

from genbench.api.cards import DatasetCard, DatasetSourceCard
from genbench.datasets.prepared import check_dataset, load_dataset
from genbench.datasets.versions import dataset_version, prepared_path
from genbench.errors import DataError, PluginError, UnknownNameError, UsageError
from genbench.plugin.discovery import load_registry
from genbench.plugin.registry import Registry
from genbench_datasets.own_data import reader, remembered
from genbench_datasets.own_data.readers import table

ROWS = np.random.default_rng(0).normal(size=(40, 3)).round(3)


def write(rows: np.ndarray = ROWS, path: str = "a.csv", end: str = "\n") -> None:
    lines = ["x,y,z", *(",".join(map(str, row)) for row in rows)]
    Path(path).write_text(end.join(lines) + end, newline="")


@pytest.fixture(autouse=True)
def _table() -> None:
    write()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was read while the test ran; and files count as settled at once."""
    seen: list[str] = []
    read = reader.Reader._read

    def counted(self: reader.Reader, request: object, files: list[Path]) -> object:
        seen.extend(str(file) for file in files)
        return read(self, request, files)  # type: ignore[arg-type]

    monkeypatch.setattr(reader.Reader, "_read", counted)
    monkeypatch.setattr(remembered, "SETTLED_SECONDS", 0.0)
    return seen


# ---- versions


def test_the_version_is_of_the_values_not_of_the_file() -> None:
    card = card_of("csv:a.csv")
    write(end="\r\n")
    Path("a.csv").rename("b.csv")
    write()
    Path("a.csv").touch()
    assert card_of("csv:a.csv").version == card_of("csv:b.csv").version == card.version
    write(ROWS[::-1])
    assert card_of("csv:a.csv").sizes == card.sizes


@pytest.mark.parametrize("change", ["a value", "a row less", "a column less", "labels", "levels"])
def test_what_a_model_would_see_changes_the_version(change: str) -> None:
    whole = np.abs(ROWS * 5).round() % 4
    write(whole)
    card = card_of("csv:a.csv")
    name = "csv:a.csv"
    if change == "a value":
        whole[7, 1] += 1
        write(whole)
    elif change == "a row less":
        write(whole[:-1])
    else:
        name += {"a column less": "?columns=x,y", "labels": "?label=z", "levels": "?levels=4"}[change]
    other = card_of(name)
    assert other.version != card.version
    assert dataset_version(other) != dataset_version(card)


def test_what_a_card_says_is_what_a_worker_loads() -> None:
    card = card_of("csv:a.csv")
    assert "own data" in card.summary
    assert card.source == "a.csv"
    assert not card.embedded
    dataset = load_dataset(card)
    check_dataset(card, dataset)
    again = rebuilt(card)
    for name in ("train", "valid", "test"):
        assert torch.equal(getattr(dataset, name).x, getattr(again, name).x)


# ---- what is read when


def test_files_that_nobody_touched_are_not_read_again(reads: list[str]) -> None:
    card = card_of("csv:a.csv")
    assert reads == ["a.csv"]
    assert card_of("csv:a.csv") == card
    load_dataset(card)
    assert reads == ["a.csv"]
    card_of("csv:a.csv?columns=x")
    assert reads == ["a.csv"] * 2


def test_an_edit_that_keeps_size_and_time_is_seen(reads: list[str]) -> None:
    card = card_of("csv:a.csv")
    about = os.stat("a.csv")
    swapped = ROWS.copy()
    swapped[[3, 4], 0] = swapped[[4, 3], 0]
    write(swapped)
    os.utime("a.csv", ns=(about.st_atime_ns, about.st_mtime_ns))
    assert (os.stat("a.csv").st_size, os.stat("a.csv").st_mtime_ns) == (about.st_size, about.st_mtime_ns)
    assert card_of("csv:a.csv").version != card.version
    assert reads == ["a.csv"] * 2


def test_files_that_are_new_are_not_trusted_to_be_as_they_were(
    reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "SETTLED_SECONDS", 60.0)
    card_of("csv:a.csv")
    card_of("csv:a.csv")
    assert reads == ["a.csv"] * 2


def test_a_file_more_in_a_folder_is_seen(reads: list[str]) -> None:
    Path("photos").mkdir()
    for index in range(12):
        Image.fromarray(np.full((4, 4), index, np.uint8)).save(f"photos/{index:02d}.png")
    card_of("imagefolder:photos")
    card_of("imagefolder:photos")
    assert len(reads) == 12
    Image.fromarray(np.full((4, 4), 99, np.uint8)).save("photos/99.png")
    assert sum(card_of("imagefolder:photos").sizes) == 13
    Path("photos/00.png").rename("photos/98.png")
    card_of("imagefolder:photos")
    assert len(reads) == 12 + 13 + 13


def test_the_same_name_in_another_folder_is_another_file(
    reads: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    card = card_of("csv:a.csv")
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    write(ROWS * 2)
    assert card_of("csv:a.csv").version != card.version
    monkeypatch.chdir(tmp_path / "here")
    assert card_of("csv:a.csv") == card
    assert len(reads) == 2


def test_what_the_cache_lost_or_cannot_hold_is_made_again(
    reads: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = card_of("csv:a.csv")
    prepared_path(card).unlink()
    assert card_of("csv:a.csv") == card
    assert prepared_path(card).exists()
    for record in (tmp_path / "cache" / "own").iterdir():
        record.write_bytes(b"{")
    assert card_of("csv:a.csv") == card
    assert len(reads) == 3
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path / "file"))
    assert card_of("csv:a.csv") == card
    assert len(load_dataset(card).train) == 24


def test_another_version_of_the_reader_reads_again(reads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    card_of("csv:a.csv")
    monkeypatch.setattr(remembered, "source_hash", lambda factory: "another")
    card_of("csv:a.csv")
    assert len(reads) == 2


def test_data_edited_while_a_run_goes_on_are_not_taken_for_those_of_the_plan() -> None:
    card = card_of("csv:a.csv")
    prepared_path(card).unlink()
    write(ROWS * 2)
    with pytest.raises(
        DataError, match=r"csv:a\.csv: changed since the run was planned; the same command plans it"
    ):
        load_dataset(card)
    assert not prepared_path(card).exists()


def test_a_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.suffix == ".py":  # the reader's own source, whose hash is asked for first
            return read(path)
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(table.Path, "read_bytes", refuse)
    with pytest.raises(DataError, match=r"^a\.csv: cannot be read: Permission denied$"):
        table.card("a.csv?columns=x")


# ---- the registry


def registry_with(factory: str) -> Registry:
    known = load_registry()
    source = DatasetSourceCard(name="mine", summary="", argument="PATH", factory=factory)
    return Registry(
        hook=known.hook,
        dataset_sources={**known.dataset_sources, "mine": source},
        _origins=known._origins | {("DatasetSourceCard", "mine"): known.plugins[0]},
    )


def test_looking_up_data_reads_them_anew_and_changes_no_registry(reads: list[str]) -> None:
    registry = registry_with("own_sources:good")
    announced = dict(registry.datasets)
    first = registry.dataset("csv:a.csv")
    write(ROWS * 2)
    assert registry.dataset("csv:a.csv").version != first.version
    assert registry.datasets == announced


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("cvs:a.csv", UnknownNameError, "unknown data set source 'cvs'; did you mean 'csv'"),
        (
            "xyz:a.csv",
            UnknownNameError,
            "unknown data set source 'xyz'; known: csv, hf, imagefolder, midi, mine, npy",
        ),
        (
            "a.csv",
            UsageError,
            r"unknown data set 'a\.csv'; a path of yours goes with its kind: csv:a\.csv, npy:a",
        ),
        ("b.csv", UnknownNameError, r"unknown data set 'b\.csv'"),
    ],
)
def test_names_of_no_source(name: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        registry_with("own_sources:good").dataset(name)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("own_sources:fails", "data set source 'mine' failed: ZeroDivisionError: division by zero"),
        ("own_sources:nothing", "data set source 'mine' returned NoneType, expected the card of 'mine:it'"),
        (
            "own_sources:other",
            "data set source 'mine' returned the card of 'tiny', expected the card of 'mine:it'",
        ),
        ("own_sources:absent", "own_sources has no 'absent'"),
    ],
)
def test_a_source_that_breaks_its_contract_is_named(factory: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        registry_with(factory).dataset("mine:it")


def test_a_strangers_source_is_used() -> None:
    card = registry_with("own_sources:good").dataset("mine:it")
    assert isinstance(card, DatasetCard)
    assert card.argument == "it"
    assert msgspec.json.decode(msgspec.json.encode(card), type=DatasetCard) == card
