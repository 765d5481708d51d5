"""Data of one's own from the command line: runs that end well, and what a user reads where they cannot."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from genbench.cli.main import run_command_line
from genbench.plugin.discovery import load_registry
from genbench.plugin.registry import Registry

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _registry_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process has one registry, which keeps the cards of own data that it made."""
    monkeypatch.setattr(load_registry(), "datasets", dict(load_registry().datasets))


@pytest.fixture
def table() -> None:
    rows = [
        "x,y,kind",
        *(f"{x},{y},{'ab'[index % 2]}" for index, (x, y) in enumerate(RNG.normal(size=(60, 2)))),
    ]
    Path("a table.csv").write_text("\n".join(rows))


@pytest.fixture
def photos() -> None:
    for name in ("cat", "dog"):
        Path("photos", name).mkdir(parents=True)
        for index in range(12):
            array = RNG.integers(0, 256, (4, 3, 3), dtype=np.uint8)
            Image.fromarray(array).save(f"photos/{name}/{index}.png")


def run(*arguments: str) -> int:
    return run_command_line(["run", *arguments, "--budget", "20steps", "--out", "run"])


def records(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert run_command_line(["report", "run", "--format", "json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


TABLE = "csv:a table.csv?label=kind"


@pytest.mark.usefixtures("table")
def test_a_table_from_the_first_command_to_a_report_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    models = ("-m", "vae", "-m", "made", "-m", "copier")
    assert run(*models, "-d", TABLE) == 0
    found = records(capsys)
    assert {record["status"] for record in found} == {"ok"}
    assert {record["job"]["dataset"] for record in found} == {TABLE}
    assert {record["job"]["samples"] for record in found} == {12}
    assert {record["cost"]["steps"] for record in found} == {20, 1}
    capsys.readouterr()
    assert run_command_line(["show", "run"]) == 0
    (headline,) = re.findall(r"^rank .*", capsys.readouterr().out, flags=re.MULTILINE)
    assert "sliced W" in headline
    ids = {record["id"] for record in found}

    # the same command again repeats nothing
    assert run(*models, "-d", TABLE) == 0
    assert "0 jobs to run (3 are done already)" in capsys.readouterr().out

    # another process, which has made no card, and the file is gone
    Path("a table.csv").rename("elsewhere.csv")
    assert run_command_line(["show", "run"]) == 0
    assert headline in capsys.readouterr().out

    # edited data never meet the old results
    text = Path("elsewhere.csv").read_text()
    Path("a table.csv").write_text(text.replace("x,y,kind\n", "x,y,kind\n0.5,0.25,a\n"))
    assert run("-m", "copier", "-d", TABLE) == 0
    assert "1 job to run" in capsys.readouterr().out
    again = [record for record in records(capsys) if record["job"]["model"] == "copier"]
    assert len(again) == 1
    assert again[0]["id"] not in ids


@pytest.mark.slow
@pytest.mark.usefixtures("photos")
def test_a_folder_of_images(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-m", "vae", "-m", "gru", "-m", "held-out", "-d", "imagefolder:photos") == 0
    found = records(capsys)
    assert {record["status"] for record in found} == {"ok"}
    assert len(found) == 3
    vae = next(record for record in found if record["job"]["model"] == "vae")
    assert {metric["name"] for metric in vae["metrics"]} >= {"frechet_distance", "bits_per_dim"}


@pytest.mark.usefixtures("table")
def test_a_suite_may_name_them(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.toml").write_text(
        'summary = "own data beside an embedded set"\nbudget = "5steps"\nsampling_seconds = 5.0\nseeds = 1\n'
        f'samples = 16\nimportance_samples = 5\nmodels = ["noise"]\ndatasets = ["ring8", "{TABLE}"]\n'
    )
    assert run_command_line(["run", "--suite", "mine.toml", "--dry-run"]) == 0
    assert f"noise on {TABLE}, seed 0" in capsys.readouterr().out
    assert run("--suite", "mine.toml") == 0
    assert {record["job"]["dataset"] for record in records(capsys)} == {"ring8", TABLE}


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        ("cvs:a table.csv", "unknown data set source 'cvs'; did you mean 'csv'?"),
        ("parquet:a.parquet", "unknown data set source 'parquet'; known: csv, "),
        ("csv:absent.csv", "absent.csv: no such file or folder"),
        ("csv:a tabel.csv", "a tabel.csv: no such file or folder; did you mean 'a table.csv'?"),
        (
            "a table.csv",
            "unknown data set 'a table.csv'; a path of yours goes with its kind: csv:a table.csv",
        ),
        ("csv:a table.csv", "a table.csv: line 2, column 'kind': 'a' is no number"),
        ("csv:a table.csv?lable=kind", "unknown option of csv 'lable'; did you mean 'label'?"),
        ("imagefolder:a table.csv", "a table.csv: is a file; imagefolder takes a folder"),
        ("text:a table.csv?window=400", "characters; 20 windows of 400 take 8,000, or a shorter window"),
        ("npy:a table.csv", "a table.csv: no .npy file"),
        ("midi:a table.csv", "a table.csv: no MIDI file that can be read"),
        ("hf:", "of which file or folder?"),
    ],
)
def test_what_cannot_be_is_said_before_anything_runs(
    dataset: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("-m", "vae", "-d", "ring8", "-d", dataset) == 4
    captured = capsys.readouterr()
    assert said in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert not Path("run").exists()


@pytest.mark.usefixtures("table")
def test_an_edit_while_the_run_goes_on_is_a_data_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the plan and the worker, and with no prepared data set in the cache."""
    card = load_registry().dataset(TABLE)
    # the plan was made before the edit
    monkeypatch.setattr(Registry, "dataset", lambda registry, name: card)
    Path("a table.csv").write_text("x,y,kind\n" + "1.5,2.5,a\n2.5,1.5,b\n" * 10)
    for prepared in (tmp_path / "cache" / "prepared").iterdir():
        prepared.unlink()
    assert run("-m", "noise", "-d", TABLE) == 2
    (record,) = records(capsys)
    assert record["status"] == "data_error"
    assert record["reason"] == f"{TABLE}: changed since the run was planned; the same command plans it anew"
    assert record["job"]["dataset_version"].startswith(card.version)


def test_the_lists_tell_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    sources = load_registry().dataset_sources
    assert list(sources) == ["csv", "npy", "series", "imagefolder", "midi", "text", "pairs", "hf"]
    for command in (["list", "datasets"], ["datasets", "list"]):
        assert run_command_line(command) == 0
        last = capsys.readouterr().out.strip().splitlines()[-1]
        assert (
            last
            == f"Your own data: {', '.join(f'{name}:' for name in sources)} and a path; see genai-bench list sources."
        )
    assert run_command_line(["list", "sources", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {record["name"]: record["argument"] for record in listed} == {
        name: card.argument for name, card in sources.items()
    }


@pytest.mark.usefixtures("table", "photos")
def test_cards_can_be_looked_at_beforehand(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["datasets", "show", TABLE, "imagefolder:photos"]) == 0
    shown = capsys.readouterr().out
    for words in (
        "60 rows of x, y, labelled by kind",
        "36 / 12 / 12",
        "24 images in colour",
        "cat, dog",
        "60/20/20",
    ):
        assert words in shown
    assert run_command_line(["datasets", "fetch", TABLE]) == 0
    assert "nothing to fetch" in capsys.readouterr().out
    assert run_command_line(["datasets", "show", "csv:a table.csv?columns=x,kind"]) == 4
    assert "column 'kind': 'a' is no number" in capsys.readouterr().err
