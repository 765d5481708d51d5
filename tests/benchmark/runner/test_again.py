"""Failures that the environment caused are run again by the same command once it has changed, and by no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jobs import make_job

from genbench.api.cards import ModelCard
from genbench.cli.main import run_command_line
from genbench.execution.failures import circumstance_of
from genbench.plugin.discovery import load_registry
from genbench.plugin.registry import Registry
from genbench.records.result import Circumstance, Result
from genbench.runner.again import MAX_TRIES, advice, after, runs_again

GIB = 2**30


@pytest.mark.parametrize(
    ("circumstance", "room_bytes", "is_run"),
    [
        (None, GIB, False),
        (Circumstance(kind="killed"), GIB, True),
        (Circumstance(kind="killed", tries=MAX_TRIES), GIB, False),
        (Circumstance(kind="memory", room_bytes=GIB), int(1.1 * GIB), False),
        (Circumstance(kind="memory", room_bytes=GIB), 2 * GIB, True),
        (Circumstance(kind="module", module="json"), GIB, True),
        (Circumstance(kind="module", module="no_such_module"), GIB, False),
        (Circumstance(kind="module", module="json.no_such.module"), GIB, False),
        (Circumstance(kind="disk"), GIB, True),
        (Circumstance(kind="data"), GIB, True),
    ],
)
def test_what_may_be_gone(circumstance: Circumstance | None, room_bytes: int, is_run: bool) -> None:
    assert runs_again(circumstance, room_bytes) == is_run


def test_tries_are_counted_while_the_cause_is_the_same() -> None:
    job = make_job("a")
    killed = Result(id=job.id, status="killed", job=job, circumstance=Circumstance(kind="killed"))
    second = after(killed, killed)
    assert second.circumstance == Circumstance(kind="killed", tries=2)
    full = msgspec.structs.replace(killed, circumstance=Circumstance(kind="disk"))
    assert after(second, full) == full
    assert after(None, killed) == killed


def test_a_missing_module_is_found_behind_other_errors() -> None:
    try:
        try:
            import no_such_module  # noqa: F401
        except ImportError as error:
            raise RuntimeError("needs an extra") from error
    except RuntimeError as error:
        found = error
    assert circumstance_of(found) == Circumstance(kind="module", module="no_such_module")
    assert circumstance_of(ValueError("mine")) is None
    assert circumstance_of(OSError(28, "No space left on device")) == Circumstance(kind="disk")


def test_advice_is_one_line_for_each_kind() -> None:
    job = make_job("a")
    causes = [
        Circumstance(kind="module", module="einops"),
        Circumstance(kind="memory", room_bytes=1),
        Circumstance(kind="killed"),
        Circumstance(kind="killed", tries=MAX_TRIES),
    ]
    lines = advice([Result(id=job.id, status="killed", job=job, circumstance=each) for each in causes])
    assert [line[:14] for line in lines] == ["install einops", "1 ran out of t", "1 failed for a"]


@pytest.fixture
def registry() -> Registry:
    card = ModelCard(
        name="circumstantial",
        family="baseline",
        summary="fails for what is around it",
        factory="circumstantial:Circumstantial",
        modalities=("points",),
        capabilities=("sample",),
        defaults={"needs": "", "kills_without": ""},
    )
    return load_registry().extended(models=[card])


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in folder.glob("jobs/*/result.json")]


def test_the_same_command_runs_them_again(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path / "installed")
    mark, folder = tmp_path / "mark", tmp_path / "run"
    models = ["circumstantial:needs=module_of_tomorrow", f"circumstantial:kills_without={mark}"]
    chosen = [word for model in models for word in ("-m", model)]
    command = ["run", *chosen, "-d", "ring8", "--budget", "20steps", "--no-probe", "--out", str(folder)]

    assert run_command_line(command, registry) == 2
    said = " ".join(capsys.readouterr().out.split())
    assert "2 jobs to run" in said
    assert "install module_of_tomorrow, and the same command" in said
    assert {record["status"] for record in records(folder)} == {"plugin_error", "killed"}

    mark.touch()
    assert run_command_line([*command, "--dry-run"], registry) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "1 job to run (1 is done already; 1 runs again: 1 killed from outside)" in said
    assert run_command_line(command, registry) == 2
    assert sorted(record["status"] for record in records(folder)) == ["ok", "plugin_error"]

    (tmp_path / "installed").mkdir()
    (tmp_path / "installed" / "module_of_tomorrow.py").touch()
    capsys.readouterr()
    assert run_command_line(command, registry) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "1 runs again: 1 whose missing module is installed now" in said
    assert sorted(record["status"] for record in records(folder)) == ["ok", "ok"]
    assert all(len(list(path.iterdir())) == 2 for path in (folder / "jobs").iterdir())
