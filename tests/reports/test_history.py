"""The history: a file that only grows, series over commits, change points, and both commands."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from scipy import stats

from genbench.command_line import run_command_line
from genbench.result import Cost, Result
from genbench.result_store import Run
from genbench_reports.history import Line, add_run, read_history
from genbench_reports.history_series import LEAST_POINTS, change_points, make_series

Make = Callable[..., Result]
Store = Callable[..., Run]
Cards = dict[str, Any]


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def run(result: Make, stored_run: Store) -> Callable[..., Run]:
    """A run of three seeds of one model."""

    def make(model: str = "vae", level: float = 2.0, **fields: Any) -> Run:
        rows = [
            result(
                model, seed=seed, figures={"frechet_distance": level + seed, "bits_per_dim": level}, **fields
            )
            for seed in range(3)
        ]
        return stored_run(rows, name=f"run-{model}")

    return make


@pytest.fixture
def line(run: Callable[..., Run], metric_cards: Cards, tmp_path: Path) -> Line:
    """One to make others from."""
    add_run(
        tmp_path / "one.jsonl",
        run(cost=Cost(samples_per_second=1000.0, sample_latency_seconds=0.5)),
        metric_cards,
    )
    (found,) = read_history(tmp_path / "one.jsonl").lines
    return found


def write(path: Path, line: Line, levels: Sequence[float], **fields: Any) -> None:
    """A line for each level of the Fréchet distance, an hour apart."""
    point = line.figures["frechet_distance"]
    made = []
    for place, level in enumerate(levels):
        figures = {**line.figures, "frechet_distance": msgspec.structs.replace(point, mean=level)}
        time = f"2026-03-{1 + place // 24:02}T{place % 24:02}:00:00+00:00"
        changed = {"run": f"r{place}", "commit": f"{place:040}", "dirty": False} | fields
        made.append(msgspec.structs.replace(line, time=time, figures=figures, **changed))
    path.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in made))


# ---- adding


def test_a_run_is_added_once_and_what_stands_there_never_changes(
    run: Callable[..., Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "history.jsonl"
    first, second = run("vae"), run("gan", 5.0)
    assert run_command_line(["history", "add", str(first.folder), "--file", str(file)]) == 0
    before = file.read_bytes()
    assert run_command_line(["history", "add", str(first.folder), "--file", str(file)]) == 0
    assert "already; nothing added" in capsys.readouterr().err
    assert file.read_bytes() == before
    assert run_command_line(["history", "add", str(second.folder), "--file", str(file)]) == 0
    assert file.read_bytes().startswith(before)
    lines = {each.model: each for each in read_history(file).lines}
    assert lines["vae"].figures["frechet_distance"].mean == 3.0
    assert lines["vae"].figures["frechet_distance"].stderr == pytest.approx(3**-0.5, rel=1e-3)
    assert (lines["gan"].commit, lines["gan"].seeds) == ("0123456789abcdef", 3)


def test_an_unfinished_run_is_refused(
    result: Make, stored_run: Store, metric_cards: Cards, tmp_path: Path
) -> None:
    rows = [result("vae", seed=seed, figures={"recall": 0.5}) for seed in range(3)]
    opened = stored_run(rows)
    (opened.folder / "jobs" / f"{rows[1].id}.json").unlink(missing_ok=True)
    for left in opened.folder.glob(f"jobs/{rows[1].id}*"):
        for file in left.iterdir():
            file.unlink()
        left.rmdir()
    with pytest.raises(Exception, match="not finished: 1 of 3 jobs have no result"):
        add_run(tmp_path / "history.jsonl", Run.open(opened.folder), metric_cards)
    assert not (tmp_path / "history.jsonl").exists()


def test_processes_that_add_at_once_lose_nothing(run: Callable[..., Run], tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    folders = [run(model).folder for model in ("gan", "vae", "made", "vae")]  # one of them twice
    command = [sys.executable, "-m", "genbench", "history", "add", "--file", str(file)]
    started = [subprocess.Popen([*command, str(folder)], stderr=subprocess.PIPE) for folder in folders]
    for process in started:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    history = read_history(file)
    assert sorted(each.model for each in history.lines) == ["gan", "made", "vae"]
    assert not history.broken
    assert file.read_bytes().count(b"\n") == 3


def test_broken_lines_are_named_and_the_others_are_read(
    run: Callable[..., Run], metric_cards: Cards, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "history.jsonl"
    add_run(file, run("vae"), metric_cards)
    whole = file.read_bytes()
    newer = whole.replace(b'"schema":1', b'"schema":9') if b'"schema":1' in whole else b'{"schema":9}\n'
    # a merge's marker, bytes that are no text, another version's line, and half a line without an end
    file.write_bytes(b"<<<<<<< HEAD\n" + whole + b"\xff\xfe\n\n" + newer + whole[:40])
    assert add_run(file, run("gan"), metric_cards) == 1
    history = read_history(file)
    assert sorted(each.model for each in history.lines) == ["gan", "vae"]
    assert [broken.number for broken in history.broken] == [1, 3, 5, 6]
    assert whole[:40] in file.read_bytes()
    assert run_command_line(["history", "show", "--file", str(file)]) == 0
    said = capsys.readouterr()
    assert "line 1 is skipped" in said.err
    assert "line 6 is skipped" in said.err
    assert "gan" in said.out


# ---- series


def test_a_merge_that_kept_both_copies_counts_one_and_time_sorts(
    line: Line, metric_cards: Cards, tmp_path: Path
) -> None:
    file = tmp_path / "h.jsonl"
    write(file, line, [1.0, 2.0, 3.0])
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[2], lines[0], lines[1], lines[0]]))
    series = {each.metric: each for each in make_series(read_history(file).lines, metric_cards)}
    assert series["frechet_distance"].values == (1.0, 2.0, 3.0)
    assert series["frechet_distance"].commits == ("0000000000",) * 3


def test_other_settings_make_other_series_and_other_hardware_only_of_speeds(
    line: Line, metric_cards: Cards
) -> None:
    lines = [
        line,
        msgspec.structs.replace(line, run="b", hardware="else"),
        msgspec.structs.replace(line, run="c", setting="other"),
    ]
    found = [(each.metric, len(each.values)) for each in make_series(lines, metric_cards)]
    assert sorted(n for name, n in found if name == "frechet_distance") == [1, 2]
    assert sorted(n for name, n in found if name == "samples_per_second") == [1, 1, 1]


def test_speeds_are_brought_to_the_first_machines(line: Line, metric_cards: Cards) -> None:
    def on(run: str, seconds: float, version: int = 1) -> Line:
        machine = msgspec.structs.replace(line.machine, probe_seconds=seconds, probe_version=version)
        return msgspec.structs.replace(line, run=run, machine=machine)

    lines = [on("a", 0.002), on("b", 0.004), on("c", 0.004, version=2)]
    series = {each.metric: each for each in make_series(lines, metric_cards)}
    # the second machine needs twice the time for the same: the first would have made twice as many
    assert series["samples_per_second"].values == pytest.approx((1000.0, 2000.0, 1000.0))
    assert series["sample_latency_seconds"].values == pytest.approx((0.5, 0.25, 0.5))


# ---- change points


def test_false_alarms_of_stationary_series() -> None:
    """Of 50 points without a change, at most one series in fifty has a change point, as docs/history.md says."""
    chance = np.random.default_rng(11)
    count = 200
    alarms = sum(bool(change_points([*map(float, chance.standard_normal(50))])) for _ in range(count))
    assert alarms <= stats.binom.ppf(0.999, count, 0.02)
    assert alarms >= 1  # a penalty that can never be paid would find nothing either


def test_a_step_of_four_deviations_is_found_at_its_place() -> None:
    chance = np.random.default_rng(12)
    found = 0
    for _ in range(100):
        values = chance.standard_normal(50)
        values[30:] += 4
        places = [change.index for change in change_points([*map(float, values)])]
        found += any(abs(place - 30) <= 1 for place in places)
    assert found >= 95


def test_levels_and_direction_of_a_change() -> None:
    chance = np.random.default_rng(13)
    values = [*map(float, chance.normal(10, 0.1, 20)), *map(float, chance.normal(12, 0.1, 20))]
    (change,) = change_points(values)
    assert change.index == 20
    assert change.before == pytest.approx(np.mean(values[:20]))
    assert change.after == pytest.approx(np.mean(values[20:]))


def test_figures_without_noise_changed_wherever_they_did() -> None:
    assert [change.index for change in change_points([5.0, 5.0, 5.0, 6.0, 6.0, 5.0])] == [3, 5]
    assert change_points([5.0] * 30) == []
    assert change_points([5.0]) == []
    assert change_points([]) == []


def test_few_noisy_points_prove_nothing() -> None:
    assert change_points([1.0, 1.2, 0.9, 9.0, 9.1, 8.8, 9.2][: LEAST_POINTS - 1]) == []


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_change_points_do_not_know_the_unit(scale: float) -> None:
    values = np.random.default_rng(14).normal(3, 1, 40)
    values[25:] += 6
    expected = [change.index for change in change_points([*map(float, values)])]
    assert expected == [25]
    assert [change.index for change in change_points([float(scale * each) for each in values])] == expected


# ---- the command


def test_the_history_is_shown_with_its_changes_and_as_a_picture(
    line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, picture = tmp_path / "h.jsonl", tmp_path / "h.png"
    noise = np.random.default_rng(15).normal(0, 0.1, 20)
    write(file, line, [*map(float, noise[:12] + 5), *map(float, noise[12:] + 7)])
    options = ["--file", str(file), "--metric", "frechet_distance"]
    assert run_command_line(["history", "show", *options, "-o", str(picture)]) == 0
    said = capsys.readouterr()
    assert "at 0000000000: 5" in said.out
    assert "% worse" in said.out
    assert "▁" in said.out
    assert "bits/dim" not in said.out
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert len(content) > 5000
    assert run_command_line(["history", "show", *options, "--no-changes"]) == 0
    assert "worse" not in capsys.readouterr().out


def test_ruptures_is_asked_for_where_it_is_needed(
    line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ruptures", None)
    file = tmp_path / "h.jsonl"
    write(file, line, [*map(float, np.random.default_rng(16).normal(5, 1, 20))])
    assert run_command_line(["history", "show", "--file", str(file)]) == 4
    said = capsys.readouterr().err
    assert "pip install 'genbench[history]', or --no-changes" in " ".join(said.split())
    assert run_command_line(["history", "show", "--file", str(file), "--no-changes"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--metric", "frechet_distanc"], "did you mean 'frechet_distance'"),
        (["-m", "vea"], "did you mean 'vae'"),
        (["--file", "absent.jsonl"], "there is no absent.jsonl"),
        (["-o", "picture.nothing"], "cannot write picture.nothing"),
    ],
)
def test_what_is_wrong_is_said(
    arguments: list[str],
    message: str,
    line: Line,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("history.jsonl"), line, [1.0, 2.0])
    assert run_command_line(["history", "show", *arguments]) != 0
    assert message in " ".join(capsys.readouterr().err.split())
