"""Runs that are killed or interrupted: what was finished stays whole, nothing is left running, and the same
command finishes the rest with the results of a run that was never disturbed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from genbench.cli.main import run_command_line
from genbench.records.run_folder import Run

JOBS = 6
# Few samples: what is tested is when things are written, not what the metrics say.
SUITE = """
summary = "to be disturbed"
budget = "150steps"
sampling_seconds = 30.0
seeds = 3
samples = 100
importance_samples = 8
"""
COMMAND = (
    "run",
    "-m",
    "made",
    "-d",
    "ring8",
    "-d",
    "two-moons",
)
OPTIONS = ("--jobs", "2", "--threads", "1")
PATIENCE_SECONDS = 120


def start(folder: Path, *, start_new_session: bool = False) -> subprocess.Popen[str]:
    suite = folder.with_suffix(".toml")
    suite.write_text(SUITE)
    command = [
        sys.executable,
        "-m",
        "genbench",
        *COMMAND,
        "--suite",
        str(suite),
        *OPTIONS,
        "--out",
        str(folder),
    ]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
        start_new_session=start_new_session,
    )


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    return output


def stored(folder: Path) -> dict[str, Any]:
    """What lies in the run's folder, by job; fails where a result is not whole."""
    return {
        path.parent.name: json.loads(path.read_text()) for path in sorted(folder.glob("jobs/*/result.json"))
    }


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert process.poll() is None, f"the run ended early:\n{finish(process)}"
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.005)


def family_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def wait_for_the_end_of(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=20)
    with contextlib.suppress(psutil.NoSuchProcess):
        alive = [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    assert not alive, f"left running: {alive}"


def outcome(results: dict[str, Any]) -> dict[str, Any]:
    """What must not depend on when a run was disturbed: all but clocks, memory and dates."""
    return {
        job: {
            "status": result["status"],
            "metrics": result["metrics"],
            "losses": [point["losses"] for point in result["curve"]],
            "flops": result["cost"]["flops"],
            "selected": result["selected_fraction"],
        }
        for job, result in results.items()
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    process = start(folder)
    output = finish(process)
    assert process.returncode == 0, output
    results = stored(folder)
    assert len(results) == JOBS
    return outcome(results)


def planned(folder: Path) -> bool:
    return (folder / "run.json").exists()


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "planned": planned,
    "a job under way": lambda folder: any(folder.glob("jobs/*/*/log.txt")),
    "samples written": lambda folder: any(folder.glob("jobs/*/*/samples*")),
    "first result": lambda folder: len(stored(folder)) >= 1,
    "most results": lambda folder: len(stored(folder)) >= 4,
}


# what an earlier or a later moment says is `make test-slow`'s
_SLOW = ("planned", "samples written", "first result", "most results")


@pytest.mark.parametrize(
    "moment", [pytest.param(name, marks=pytest.mark.slow if name in _SLOW else ()) for name in MOMENTS]
)
def test_a_killed_run_is_finished_by_the_same_command(
    moment: str, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    folder = tmp_path / "run"
    process = start(folder)
    wait_until(lambda: MOMENTS[moment](folder), process)
    family = family_of(process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_for_the_end_of(family)

    before = stored(folder)
    assert len(before) < JOBS
    stamps = {job: (folder / "jobs" / job / "result.json").stat().st_mtime_ns for job in before}
    again = start(folder)
    output = finish(again)
    assert again.returncode == 0, output
    assert f"{JOBS - len(before)} jobs to run" in output
    assert {job: (folder / "jobs" / job / "result.json").stat().st_mtime_ns for job in before} == stamps
    assert outcome(stored(folder)) == undisturbed
    assert not Run.open(folder).pending()
    for job, record in stored(folder).items():
        left = {path.name for path in (folder / "jobs" / job).iterdir()}
        assert left == {"result.json", record["attempt"]}
        parts = {path.name for path in (folder / "jobs" / job / record["attempt"]).iterdir()}
        assert parts == {"samples.safetensors", "inside.safetensors", "log.txt"} == record["parts"].keys()


@pytest.fixture
def _hangup_is_not_ignored() -> Iterator[None]:
    """Under `nohup` it is, and would be in all processes that tests start."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("_hangup_is_not_ignored")
@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,
        *(pytest.param(each, marks=pytest.mark.slow) for each in (signal.SIGTERM, signal.SIGHUP)),
    ],
)
def test_an_interrupted_run_keeps_what_is_finished_and_says_so(
    number: signal.Signals, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    folder = tmp_path / "run"
    process = start(folder)
    wait_until(lambda: len(stored(folder)) >= 2, process)
    family = family_of(process)
    process.send_signal(number)
    output = finish(process)
    assert process.returncode == 130
    wait_for_the_end_of(family)
    before = stored(folder)
    assert 2 <= len(before) < JOBS
    assert f"{len(before)} of {JOBS} jobs are done and stored" in output
    assert "Traceback" not in output

    again = start(folder)
    assert f"({len(before)} are done already)" in finish(again)
    assert outcome(stored(folder)) == undisturbed


@pytest.mark.parametrize(
    "wait_seconds",
    [0.0, pytest.param(0.3, marks=pytest.mark.slow), 1.0, pytest.param(2.0, marks=pytest.mark.slow)],
)
def test_ctrl_c_at_a_terminal_leaves_no_traceback(wait_seconds: float, tmp_path: Path) -> None:
    """A terminal interrupts all the processes of the command, while the fork server is still importing too."""
    folder = tmp_path / "run"
    process = start(folder, start_new_session=True)
    wait_until(lambda: planned(folder), process)
    time.sleep(wait_seconds)
    family = family_of(process)
    os.killpg(process.pid, signal.SIGINT)
    output = finish(process)
    assert process.returncode == 130, output
    wait_for_the_end_of(family)
    assert "Traceback" not in output
    assert output.endswith("interrupted\n")


def test_an_impatient_ctrl_c_changes_nothing(tmp_path: Path) -> None:
    """Pressed again and again, while the first one is being obeyed."""
    folder = tmp_path / "run"
    process = start(folder, start_new_session=True)
    wait_until(lambda: MOMENTS["a job under way"](folder), process)
    family = family_of(process)
    for _ in range(6):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.03)
    output = finish(process)
    assert process.returncode == 130, output
    wait_for_the_end_of(family)
    assert "Traceback" not in output
    assert output.endswith("interrupted\n")


def test_deleting_a_jobs_folder_asks_for_it_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    command = ["run", "-m", "made", "-d", "digits", "--budget", "20steps", "--out", str(folder)]
    assert run_command_line(command) == 0
    (job,) = stored(folder)
    (folder / "jobs" / job / "result.json").write_text("{ cut short")
    capsys.readouterr()
    assert run_command_line(command) == 0
    assert "1 job to run" in capsys.readouterr().out
    assert stored(folder)[job]["status"] == "ok"
