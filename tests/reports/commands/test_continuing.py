"""`genai-bench continue`: prompts are read, models trained once more, and their continuations shown."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import torch
from jobs import make_job

import genbench as gb
from genbench.cli.main import run_command_line
from genbench.plugin.discovery import load_registry
from genbench.records.run_folder import Plan, Run
from genbench_datasets.own_data.readers.midi_file import read_roll
from genbench_reports.samples.piano_rolls import midi_of, notes_of

EXAMPLE = ["--example", "2", "--first", "5", "--count", "1"]


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose jobs have not run: `continue` needs the plan alone."""
    pairs = [("rnn", "grammar"), ("rnn", "sunspots"), ("rnn", "four-voices"), ("marginals", "grammar")]
    jobs = [make_job(model, dataset=dataset, budget="2steps") for model, dataset in pairs]
    return Run.create(tmp_path_factory.mktemp("continued") / "run", Plan(suite="s", jobs=jobs)).folder


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path_factory.getbasetemp() / "cache-of-weights"))


def test_text_begins_with_the_prompt_and_weights_are_trained_once(
    planned: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "prompt.txt").write_text("the dog\n")
    command = ["continue", str(planned), "rnn", "-d", "grammar", "--prompt", str(tmp_path / "prompt.txt")]
    assert run_command_line([*command, "--count", "2", "--steps", "6"]) == 0
    first = capsys.readouterr()
    assert "training rnn on grammar again (2steps)" in first.err
    rows = re.findall(r"^the dog \|(.*)$", first.out, re.MULTILINE)
    assert [len(row.split()) for row in rows] == [4, 4]
    assert run_command_line([*command, "--count", "2", "--steps", "6"]) == 0
    again = capsys.readouterr()
    assert (again.out, again.err) == (first.out, "")


def test_a_series_continues_a_held_out_example(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["continue", str(planned), "rnn", *EXAMPLE, "-d", "sunspots"]) == 0
    rows = [line.split(",") for line in capsys.readouterr().out.splitlines()[1:]]
    assert [row[1] for row in rows] == ["given"] * 5 + ["drawn"] * 11
    real = gb.trained_model(planned, "rnn", "sunspots").dataset.test.x[2, :5, 0]
    assert torch.tensor([float(row[2]) for row in rows[:5]]).allclose(real)


@pytest.mark.slow
def test_music_is_written_as_midi_and_as_sound(planned: Path, tmp_path: Path) -> None:
    command = ["continue", str(planned), "rnn", *EXAMPLE, "-d", "four-voices", "-o", str(tmp_path / "music")]
    assert run_command_line(command) == 0
    assert {path.suffix for path in (tmp_path / "music").iterdir()} == {".mid", ".wav"}


@pytest.mark.slow
def test_a_midi_file_is_a_prompt(planned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roll = torch.zeros(6, 88, dtype=torch.int64)
    roll[:, 40] = roll[3:, 47] = 1
    (tmp_path / "prompt.mid").write_bytes(midi_of(notes_of(roll)))
    common = [
        "continue",
        str(planned),
        "rnn",
        "-d",
        "four-voices",
        "-o",
        str(tmp_path / "music"),
        "--count",
        "1",
    ]
    assert run_command_line([*common, "--prompt", str(tmp_path / "prompt.mid")]) == 0
    (written,) = (tmp_path / "music").glob("*.mid")
    assert (read_roll(written, 2)[:6] == roll.numpy()).all()
    long = torch.zeros(40, 88, dtype=torch.int64)
    long[:, 40] = 1
    (tmp_path / "long.mid").write_bytes(midi_of(notes_of(long)))
    (tmp_path / "none.mid").write_bytes(b"")
    for name, message in (
        ("long.mid", "40 steps, which leave nothing of the 16 that rnn reads; --first 8"),
        ("none.mid", "no MIDI file that can be read"),
        ("a text", "is no text, and a text no MIDI file"),
    ):
        capsys.readouterr()
        prompt = name if " " in name else str(tmp_path / name)
        assert run_command_line([*common, "--prompt", prompt]) == 4
        assert message in capsys.readouterr().err
    assert run_command_line([*common, "--prompt", str(tmp_path / "long.mid"), "--first", "4"]) == 0


def test_music_needs_a_folder(planned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["continue", str(planned), "rnn", *EXAMPLE, "-d", "four-voices"]) == 4
    assert "-o DIR" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("rnn", ["--prompt", "the zebra"], "prompt: 'zebra ' at character 4 begins with nothing"),
        ("rnn", ["--prompt", ""], "a prompt is empty"),
        ("rnn", ["--prompt", "the dog " * 20], "longer than the context of 24"),
        ("rnn", ["--prompt", "the dog", "--steps", "1"], "a prompt of 2 steps is longer than 1"),
        ("rnn", ["--example", "5000"], "--example 5000: grammar has 1,000 held-out examples"),
        ("rnn", [], "give --prompt TEXT or FILE"),
        ("marginals", ["--prompt", "the dog"], "marginals continues no prompts; these do: "),
        ("gru", ["--prompt", "the dog"], "has no job of gru on grammar"),
    ],
)
def test_prompts_that_cannot_be(
    model: str, options: list[str], message: str, planned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["continue", str(planned), model, "-d", "grammar", *options]) == 4
    assert message in capsys.readouterr().err


def test_no_function_that_a_folder_names_is_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The card of a data set names a factory, and a stranger's plan holds cards."""
    card = load_registry().dataset("sunspots")
    spec = msgspec.structs.replace(card.spec, name="strangers")
    card = msgspec.structs.replace(card, spec=spec, factory="os:mkdir", argument=str(tmp_path / "mark"))
    plan = Plan(suite="s", jobs=[make_job("rnn", dataset="strangers")], datasets={"strangers": card})
    run = Run.create(tmp_path / "run", plan)
    assert run_command_line(["continue", str(run.folder), "rnn", "-d", "strangers", *EXAMPLE]) == 4
    assert "unknown data set" in capsys.readouterr().err
    assert not (tmp_path / "mark").exists()
