"""The history: appending, merging, broken lines, series, change points and their false alarms, pictures."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from genbench.api.cards import MetricCard
from genbench.cli.main import run_command_line
from genbench.records.result import Cost, Result
from genbench.records.run_folder import Plan, Run
from genbench_reports.history.history import add_run, read_history
from genbench_reports.history.render import sparkline
from genbench_reports.history.series import change_points, make_series

Make = Callable[..., Result]
Commit = Callable[..., Run]


@pytest.fixture
def commit(result: Make, tmp_path: Path) -> Commit:
    """A finished run at a commit, a day after the one before."""
    numbers = itertools.count()

    def make(level: float = 1.0, *, probe: float = 0.002, **fields: Any) -> Run:
        number = next(numbers)
        provenance = {
            "time": f"2026-01-{number + 1:02}T00:00:00+00:00",
            "git": {"commit": f"{number:040x}"[::-1], "dirty": False},
            "cpu": "Some CPU",
            "probe_seconds": probe,
            "probe_version": 1,
        }
        results = [
            msgspec.structs.replace(
                result(
                    seed=seed,
                    figures={"frechet_distance": level * (1 + 0.01 * seed)},
                    cost=Cost(samples_per_second=1000.0 * level),
                    **fields,
                ),
                provenance=provenance,
            )
            for seed in range(3)
        ]
        plan = Plan(suite="ci", jobs=[each.job for each in results], provenance=provenance)
        run = Run.create(tmp_path / f"run-{number}", plan)
        for each in results:
            run.store(each)
        return run

    return make


def command(*arguments: str) -> int:
    return run_command_line(list(arguments))


def test_a_run_is_added_once(commit: Commit, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, file = commit(), tmp_path / "history.jsonl"
    assert command("history", "add", str(run.folder), "--file", str(file)) == 0
    before = file.read_bytes()
    assert command("history", "add", str(run.folder), "--file", str(file)) == 0
    assert file.read_bytes() == before
    assert "already; nothing added" in capsys.readouterr().err
    (line,) = before.splitlines()
    record = json.loads(line)
    assert record["figures"]["frechet_distance"][0] == pytest.approx(1.01)
    assert record["figures"]["frechet_distance"][1] == pytest.approx(0.01 / 3**0.5, rel=1e-2)


def test_runs_that_are_not_finished_are_refused(
    commit: Commit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = commit()
    run.result_path(run.plan.jobs[0]).unlink()
    assert command("history", "add", str(run.folder), "--file", str(tmp_path / "h")) == 4
    assert "1 of 3 jobs have no result" in capsys.readouterr().err
    assert not (tmp_path / "h").exists()


def test_broken_lines_are_named_and_nothing_else_is_lost(
    commit: Commit, tmp_path: Path, metric_cards: dict[str, MetricCard], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "history.jsonl"
    add_run(file, commit(), metric_cards)
    with file.open("ab") as stream:
        stream.write(b'{"schema":1,"run":"\xff')  # a process was killed, or a disc was full
    add_run(file, commit(2.0), metric_cards)
    with file.open("ab") as stream:
        stream.write(b'{"schema":7}\n[]\n\n')
    history = read_history(file)
    assert [broken.number for broken in history.broken] == [2, 4, 5]
    assert [line.points["frechet_distance"].mean for line in history.lines] == pytest.approx([1.01, 2.02])
    assert command("history", "show", "--file", str(file)) == 0
    said = capsys.readouterr()
    assert "line 2 is skipped" in said.err
    assert "Fréchet" in said.out


def test_two_branches_merge_by_keeping_the_lines_of_both(
    commit: Commit, tmp_path: Path, metric_cards: dict[str, MetricCard]
) -> None:
    """With git itself, and the attribute that the documentation names."""

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)

    folder = tmp_path / "repository"
    folder.mkdir()
    file = folder / "history.jsonl"
    runs = [commit(level) for level in (1.0, 2.0, 3.0)]
    git("init")
    (folder / ".gitattributes").write_text("history.jsonl merge=union\n")
    add_run(file, runs[0], metric_cards)
    git("add", "-A")
    git("commit", "-m", "one")
    git("checkout", "-b", "branch")
    add_run(file, runs[2], metric_cards)
    git("commit", "-am", "three")
    git("checkout", "main")
    add_run(file, runs[1], metric_cards)
    git("commit", "-am", "two")
    git("merge", "branch")
    history = read_history(file)
    assert history.broken == ()
    assert [line.points["frechet_distance"].mean for line in history.lines] == pytest.approx(
        [1.01, 2.02, 3.03]
    )


def test_processes_that_add_at_once_lose_nothing(commit: Commit, tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    runs = [commit(1.0 + number) for number in range(4)]
    code = (
        "import sys; from pathlib import Path; from genbench.metrics.cards import METRIC_CARDS;"
        "from genbench.records.run_folder import Run; from genbench_reports.history.history import add_run;"
        "cards = {card.name: card for card in METRIC_CARDS};"
        "[add_run(Path(sys.argv[1]), Run.open(Path(each)), cards) for each in sys.argv[2:]]"
    )
    folders = [str(run.folder) for run in runs]
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(file), *order])
        for order in (folders, folders[::-1], folders[2:] + folders[:2])
    ]
    assert [process.wait() for process in started] == [0, 0, 0]
    history = read_history(file)
    assert history.broken == ()
    assert len(file.read_text().splitlines()) == len(history.lines) == 4


def test_settings_kinds_and_hardware_make_series_of_their_own(
    commit: Commit, tmp_path: Path, metric_cards: dict[str, MetricCard]
) -> None:
    file = tmp_path / "history.jsonl"
    for run in (commit(), commit(1.1), commit(5.0, budget="20s"), commit(2.0, probe=0.004)):
        add_run(file, run, metric_cards)
    series = make_series(read_history(file).lines, metric_cards)
    values = {(each.metric, each.label.split(",")[0]): each.values for each in series}
    assert values[("frechet_distance", "10s")] == pytest.approx((1.01, 1.111, 2.02))
    assert values[("frechet_distance", "20s")] == pytest.approx((5.05,))
    # twice as fast, on a machine whose probe takes twice as long: four times as fast
    assert values[("samples_per_second", "10s")] == pytest.approx((1000.0, 1100.0, 4000.0))


def test_change_points_are_found_where_they_are() -> None:
    chance = np.random.default_rng(1)
    values = [*map(float, chance.normal(5, 0.1, 25)), *map(float, chance.normal(6, 0.1, 20))]
    (change,) = change_points(values)
    assert change.index == 25
    assert change.before == pytest.approx(np.mean(values[:25]))
    assert change.after == pytest.approx(np.mean(values[25:]))


def test_values_without_noise_changed_wherever_they_did() -> None:
    assert [c.index for c in change_points([3.0, 3.0, 3.0 + 1e-9, 4.0, 4.0, 4.0, 2.0])] == [3, 6]
    assert change_points([3.0] * 20) == []
    assert change_points([1.0]) == []
    assert change_points([0.0, 0.0, 0.0]) == []


@pytest.mark.parametrize(
    ("points", "at_most"),
    [(10, 0.06), *(pytest.param(points, 0.03, marks=pytest.mark.slow) for points in (50, 100))],
)
def test_stationary_series_seldom_have_a_change_point(points: int, at_most: float) -> None:
    """The rates that the documentation states, over 300 normal series."""
    chance = np.random.default_rng(points)
    alarms = sum(bool(change_points([*map(float, chance.normal(3, 0.2, points))])) for _ in range(300))
    assert alarms <= at_most * 300


def test_show_marks_changes_and_draws_them(
    commit: Commit,
    tmp_path: Path,
    metric_cards: dict[str, MetricCard],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    file, picture = tmp_path / "history.jsonl", tmp_path / "history.png"
    for number, level in enumerate([1.0] * 8 + [1.3] * 4):
        add_run(file, commit(level * (1 + 0.004 * (number % 3)), variant="a$b_{"), metric_cards)
    options = ["--metric", "frechet_distance", "-m", "a$b_{", "-d", "tiny-image", "-o", str(picture)]
    assert command("history", "show", "--file", str(file), *options) == 0
    said = capsys.readouterr().out
    assert "at 8000000000: 1.014 → 1.320, 30.2 % worse" in said
    assert "▁▁▁▁▁▁▁▁" in said
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--metric", "frechet_distanc"], "did you mean 'frechet_distance'"),
        (["-m", "vea"], "did you mean 'vae'"),
        (["-d", "tiny"], "tiny-image"),
    ],
)
def test_unknown_names_are_named(
    options: list[str],
    message: str,
    commit: Commit,
    tmp_path: Path,
    metric_cards: dict[str, MetricCard],
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "history.jsonl"
    add_run(file, commit(), metric_cards)
    assert command("history", "show", "--file", str(file), *options) == 4
    assert message in capsys.readouterr().err
    assert command("history", "show", "--file", str(tmp_path / "none.jsonl")) == 4


def test_sparklines() -> None:
    assert sparkline([0.0, 7.0, 3.0]) == "▁█▄"
    assert sparkline([2.0, 2.0]) == "▄▄"
    assert len(sparkline([*map(float, range(100))], width=30)) == 30
