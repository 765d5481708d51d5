"""One real run followed by all three trackers, offline; each is read back with its own library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genbench.cli.main import run_command_line
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench_reports.loggers.wandb import has_api_key

RUN = """
import sys
from genbench.cli.main import run_command_line
code = run_command_line(sys.argv[1:])
assert "torch" not in sys.modules, "the supervisor's process is free of torch"
sys.exit(code)
"""
MODELS = ("-m", "vae:latent_dim=2", "-m", "vae:learning_rate=1e30", "-d", "ring8")


def bare_environment(home: Path) -> dict[str, str]:
    """No login, no address of a server, no way to the network but what is refused at once."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB", "MLFLOW"))}
    nowhere = "http://127.0.0.1:9"
    return {**kept, "HOME": str(home), "HTTP_PROXY": nowhere, "HTTPS_PROXY": nowhere, "NO_PROXY": ""}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one job that goes well and one that diverges; standard input is open and says nothing."""
    home = tmp_path_factory.mktemp("followed")
    arguments = ["run", *MODELS, "--budget", "60steps", "--seeds", "1", "--threads", "1", "--out", "myrun"]
    for name in ("tensorboard:events", "mlflow", "wandb:someone/project"):
        arguments += ["--log", name]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        cwd=home,
        env=bare_environment(home),
        check=False,
    )
    assert done.returncode == 2, done.stdout[-2000:] + done.stderr[-2000:]
    # on a busy machine a tracker's own library may have something to say too
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("logger ")]
    assert "Traceback" not in done.stderr
    assert line.startswith("logger wandb: there is no API key, so runs stay offline; `wandb sync ")
    return home


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, Result]:
    found = {result.job.variant: result for result in Run.open(folder / "myrun").results()}
    assert {name: result.status for name, result in found.items()} == {
        "vae:latent_dim=2": "ok",
        "vae:learning_rate=1e+30": "diverged",
    }
    return found


@pytest.fixture(scope="module")
def tracked(folder: Path, repository: Path) -> dict[str, list[dict[str, Any]]]:
    uri = f"sqlite:///{folder / 'myrun' / 'mlflow.db'}"
    done = subprocess.run(
        [sys.executable, str(repository / "tests/helpers/read_trackers.py"), uri, str(folder / "myrun")],
        capture_output=True,
        text=True,
        timeout=200,
        env=bare_environment(folder),
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout.splitlines()[-1])
    return found


def figures_of(result: Result) -> dict[str, float]:
    """What a tracker should have of a result, in its own words."""
    found = {f"test/{each.name}": each.value for each in result.metrics}
    found |= {f"test/{each.name}_stderr": each.stderr for each in result.metrics}
    costs = msgspec.structs.asdict(result.cost)
    found |= {f"cost/{name}": costs[name] for name in ("train_seconds", "steps", "parameters", "flops")}
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.slow
def test_tensorboard_reads_its_events(folder: Path, results: dict[str, Result]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    jobs = {path.parent.name: path for path in (folder / "events" / "myrun" / "ring8").glob("*/seed-0")}
    assert set(jobs) == {"vae_latent_dim=2", "vae_learning_rate=1e+30"}
    events = EventAccumulator(str(jobs["vae_latent_dim=2"]))
    events.Reload()
    result = results["vae:latent_dim=2"]
    for name, value in figures_of(result).items():
        (scalar,) = events.Scalars(name)
        assert (scalar.step, scalar.value) == (1000, pytest.approx(value, rel=1e-6))
    curve = {round(1000 * point.fraction): point for point in result.curve}
    for name in ("frechet_distance", "negative_log_likelihood"):
        seen = {scalar.step: scalar.value for scalar in events.Scalars(f"validation/{name}")}
        expected = {
            step: figure.value
            for step, point in curve.items()
            for figure in point.metrics
            if figure.name == name
        }
        assert seen == pytest.approx(expected, rel=1e-6)
    assert {scalar.step for scalar in events.Scalars("training/loss")} >= set(curve)
    (status,) = events.Tensors("status")
    assert status.tensor_proto.string_val == [b"ok"]
    starts = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    session = HParamsPluginData.FromString(starts).session_start_info
    assert session.group_name == "vae:latent_dim=2 on ring8"
    assert session.hparams["hyperparameters/latent_dim"].number_value == 2
    assert session.hparams["family"].string_value == "vae"

    failed = EventAccumulator(str(jobs["vae_learning_rate=1e+30"]))
    failed.Reload()
    (reason,) = failed.Tensors("reason")
    assert reason.tensor_proto.string_val == [(results["vae:learning_rate=1e+30"].reason or "").encode()]


@pytest.mark.slow
def test_mlflow_reads_its_database(
    tracked: dict[str, list[dict[str, Any]]], results: dict[str, Result]
) -> None:
    runs = {run["name"]: run for run in tracked["mlflow"]}
    parent = runs.pop("myrun")
    assert parent["status"] == "FINISHED"
    assert parent["tags"]["suite"] == "quick"
    assert set(runs) == {f"{variant} on ring8, seed 0" for variant in results}
    assert all(run["tags"]["mlflow.parentRunId"] == parent["id"] for run in runs.values())
    good, bad = (runs[f"{variant} on ring8, seed 0"] for variant in results)
    result = results["vae:latent_dim=2"]
    assert good["status"] == "FINISHED"
    assert good["metrics"].items() >= figures_of(result).items()
    assert good["params"].items() >= {"hyperparameters/latent_dim": "2", "budget": "60steps"}.items()
    assert good["tags"].items() >= {"dataset": "ring8", "family": "vae", "seed": "0", "status": "ok"}.items()
    assert good["tags"]["audit"].startswith("passed: ")
    assert good["losses"]
    assert bad["status"] == "FAILED"
    assert bad["tags"]["status"] == "diverged"
    assert bad["tags"]["reason"] == results["vae:learning_rate=1e+30"].reason


@pytest.mark.slow
def test_wandb_keeps_runs_offline_and_asks_for_nothing(
    tracked: dict[str, list[dict[str, Any]]], results: dict[str, Result]
) -> None:
    runs = {run["name"]: run for run in tracked["wandb"]}
    assert set(runs) == {f"{variant} on ring8, seed 0" for variant in results}
    good, bad = (runs[f"{variant} on ring8, seed 0"] for variant in results)
    assert (good["project"], good["group"], good["type"]) == ("project", "myrun", "vae")
    assert set(good["tags"]) == {"dataset:ring8", "family:vae", "seed:0"}
    assert good["config"].items() >= {"hyperparameters/latent_dim": 2, "budget": "60steps"}.items()
    result = results["vae:latent_dim=2"]
    assert good["summary"].items() >= figures_of(result).items()
    assert (good["summary"]["status"], good["exit_code"]) == ("ok", 0)
    seen = [
        (row["budget_used"], row["validation/frechet_distance"])
        for row in good["history"]
        if "validation/frechet_distance" in row
    ]
    expected = [
        (p.fraction, m.value) for p in result.curve for m in p.metrics if m.name == "frechet_distance"
    ]
    assert seen == expected
    assert any("training/loss" in row for row in good["history"])
    assert (bad["summary"]["status"], bad["exit_code"]) == ("diverged", 1)
    assert bad["summary"]["reason"] == results["vae:learning_rate=1e+30"].reason


@pytest.mark.slow
def test_a_dead_server_is_one_warning_and_the_run_goes_on(tmp_path: Path) -> None:
    arguments = ["run", "-m", "noise", "-d", "ring8", "--out", "run", "--log", "mlflow:http://127.0.0.1:9"]
    environment = bare_environment(tmp_path) | {"NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-m", "genbench", *arguments],
        capture_output=True,
        text=True,
        timeout=200,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("logger mlflow failed and is no longer used; the run goes on: ")
    assert (tmp_path / "run" / "leaderboard.md").exists()


@pytest.mark.parametrize("target", ["tensorboard:/proc/nowhere", "tensorboard:file", "mlflow:/proc/nowhere"])
def test_a_place_that_cannot_be_written_is_said_before_any_job_runs(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("MAX_RETRIES", "TIMEOUT"):
        monkeypatch.delenv(f"MLFLOW_HTTP_REQUEST_{name}", raising=False)
    Path("file").write_text("mine")
    assert run_command_line(["run", "-m", "noise", "-d", "ring8", "--out", "run", "--log", target]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    name, _, place = target.partition(":")
    assert line.startswith(f"genai-bench: --log {name}: cannot write to {place}: ")
    assert not list(Path("run/jobs").iterdir())
    assert Path("file").read_text() == "mine"


def test_where_wandb_leaves_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_API_KEY", "NETRC", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert not has_api_key()
    (tmp_path / ".netrc").write_text("machine api.wandb.ai login user password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert has_api_key()
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    assert not has_api_key()
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    assert has_api_key()
