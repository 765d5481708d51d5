"""A model that misbehaves costs only its own row, which has the reason. Real processes are really killed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest
from jobs import TINY, make_task

from genbench.execution import limits
from genbench.records.result import Result
from genbench.records.task import Message

Execute = Callable[..., list[Result]]


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GRACE_SECONDS", 0.5)
    monkeypatch.setattr(limits, "CHECKPOINT_SECONDS", 1.0)


@pytest.mark.parametrize(
    ("model", "status", "reason"),
    [
        ("Leaves", "plugin_error", "exited by itself with code 7 in train"),
        ("Exits", "plugin_error", "SystemExit in train: 3"),
        ("KillsItself", "killed", "SIGKILL in train"),
        ("Segfaults", "killed", "SIGSEGV in train"),
        ("AsksForTooMuch", "oom", "out of memory in train"),
        ("FindsTheDiskFull", "killed", "no room on the disk in train: [Errno 28] No space left on device"),
        ("LossIsNan", "diverged", "loss became nan"),
        ("SamplesAreNan", "diverged", "3 of 16 samples are not finite"),
        ("Raises", "plugin_error", "ValueError in train: three is not an even number (hostile_models.py:"),
        ("WrongShape", "plugin_error", "sample(16) returned shape (16, 5), expected (16, 2)"),
        ("ReturnsIntegers", "plugin_error", "returned torch.int64, expected float32"),
        ("NotAModel", "plugin_error", "is not a genbench.GenerativeModel"),
        ("FailsToBuild", "plugin_error", "RuntimeError in build: no such layer"),
        ("NoSuchClass", "plugin_error", "has no 'NoSuchClass'"),
    ],
)
def test_each_failure_has_its_status(
    execute: Execute, tmp_path: Path, model: str, status: str, reason: str
) -> None:
    failed, good = sorted(
        execute(make_task(model, tmp_path), make_task("Good", tmp_path)), key=lambda r: r.status == "ok"
    )
    assert (failed.status, failed.job.model) == (status, model)
    assert reason in (failed.reason or "")
    assert "\n" not in (failed.reason or "")
    assert failed.metrics == []
    assert (good.status, good.job.model) == ("ok", "Good")


@pytest.mark.parametrize("model", ["Hangs", "HangsDeaf"])
def test_a_training_past_its_budget_is_stopped(execute: Execute, tmp_path: Path, model: str) -> None:
    began = time.monotonic()
    (result,) = execute(make_task(model, tmp_path, budget="1s"))
    assert result.status == "timeout"
    assert "train took more than 1.5 s, grace period included" in (result.reason or "")
    assert re.search(r"; it stood at hostile_models\.py:\d+ in fit$", result.reason or "")
    log = (tmp_path / "jobs" / result.id / "log.txt").read_text()
    assert "(most recent call first)" in log
    # one second, half a second of grace, and the escalation of signals
    assert time.monotonic() - began < 20
    if model == "Hangs":
        assert [point.fraction for point in result.curve]  # what was known is kept


def test_a_sampler_that_hangs_is_stopped(execute: Execute, tmp_path: Path) -> None:
    (result,) = execute(make_task("HangsInSample", tmp_path, sampling_seconds=0.5), workers=1)
    assert result.status == "timeout"
    assert "checkpoint" in (result.reason or "") or "sample" in (result.reason or "")


def test_a_slow_sampler_is_found_at_the_first_checkpoint(execute: Execute, tmp_path: Path) -> None:
    """Before it draws all of 512 samples, which would take ten minutes."""
    began = time.monotonic()
    (result,) = execute(make_task("SamplesSlowly", tmp_path, sampling_seconds=0.5, samples=512))
    assert time.monotonic() - began < 30
    assert result.status == "timeout"
    assert re.fullmatch(
        r"1\.\d+ s per sample: 512 samples would take about \d+ s, the sampling budget is 0\.5 s",
        result.reason or "",
    )


def test_memory_without_end_is_oom(execute: Execute, tmp_path: Path) -> None:
    (result,) = execute(make_task("AllocatesWithoutEnd", tmp_path, budget="30s,200MiB"))
    assert result.status == "oom"
    assert "past the limit of 200 MiB" in (result.reason or "")


def test_memory_without_end_is_oom_in_the_process_that_samples_too(execute: Execute, tmp_path: Path) -> None:
    task = make_task(
        "AllocatesWithoutEndOnceTrained", tmp_path, budget="20steps,200MiB", sampling_seconds=60.0
    )
    (result,) = execute(task)
    assert result.status == "oom"
    assert re.fullmatch(r"\d+ MiB in sample, past the limit of 200 MiB", result.reason or "")
    assert result.cost.steps == 20


def test_output_without_end_is_bounded(execute: Execute, tmp_path: Path) -> None:
    (result,) = execute(make_task("PrintsWithoutEnd", tmp_path))
    assert result.status == "ok"
    log = (tmp_path / "jobs" / result.id / "log.txt").read_bytes()
    assert len(log) < 3_000_000
    assert log.startswith(b"the first line")
    assert log.rstrip().endswith(b"the last line")
    assert b"bytes left out" in log


def test_what_a_model_starts_dies_with_it(execute: Execute, tmp_path: Path) -> None:
    (result,) = execute(make_task("LeavesChildBehind", tmp_path))
    assert result.status == "ok"
    pid = int((tmp_path / "jobs" / result.id / "log.txt").read_text().split()[1])
    deadline = time.monotonic() + 5
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_a_data_set_that_fails_is_a_data_error(execute: Execute, tmp_path: Path) -> None:
    card = msgspec.structs.replace(TINY, factory="hostile_models:broken_dataset")
    (result,) = execute(make_task("Good", tmp_path, dataset=card))
    assert result.status == "data_error"
    assert "the disk is on fire" in (result.reason or "")


def test_a_good_job_reports_its_phases_and_costs(execute: Execute, tmp_path: Path) -> None:
    messages: list[Message] = []
    (result,) = execute(make_task("Good", tmp_path), messages=messages)
    assert result.status == "ok"
    phases = list(dict.fromkeys(message.phase for message in messages if message.kind == "phase"))
    assert phases == ["load", "build", "train", "checkpoint", "sample", "likelihood", "score"]
    assert result.cost.steps == 50
    assert result.cost.bound_by == "steps"
    assert [point.steps for point in result.curve] == [5, 13, 25, 38, 50]
    assert result.cost.train_peak_rss_bytes is not None
    assert set(result.cost.wall_seconds_by_phase) >= {"start", "load", "train", "score"}
    assert (tmp_path / "jobs" / result.id / "samples.safetensors").exists()


def test_the_same_job_twice_is_the_same_bit_for_bit(execute: Execute, tmp_path: Path) -> None:
    (first,) = execute(make_task("Good", tmp_path))
    samples = (tmp_path / "jobs" / first.id / "samples.safetensors").read_bytes()
    (second,) = execute(make_task("Good", tmp_path))
    assert (tmp_path / "jobs" / second.id / "samples.safetensors").read_bytes() == samples
    assert first.metrics == second.metrics
    assert [p.metrics for p in first.curve] == [p.metrics for p in second.curve]
