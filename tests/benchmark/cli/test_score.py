"""`genai-bench score`: equal values from stored samples, new metrics without training, and nothing is lost."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import extra_metrics
import msgspec
import pytest
from rich.console import Console
from safetensors.torch import load_file

from genbench.api.cards import MetricCard
from genbench.cli.main import run_command_line
from genbench.cli.score import score_command
from genbench.plugin.discovery import load_registry
from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scored") / "run"
    options = ["-m", "vae", "-m", "held-out", "-d", "digits", "--budget", "20steps", "--jobs", "2"]
    assert run_command_line(["run", *options, "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def records(folder: Path) -> dict[str, dict[str, Any]]:
    found = (json.loads(path.read_text()) for path in folder.glob("jobs/*/result.json"))
    return {record["job"]["model"]: record for record in found}


def part(folder: Path, record: dict[str, Any], name: str) -> Path:
    return folder / "jobs" / record["id"] / record["attempt"] / name


def rewrite(folder: Path, model: str, change: Any) -> None:
    record = records(folder)[model]
    change(record)
    (folder / "jobs" / record["id"] / "result.json").write_text(json.dumps(record))


def score(
    folder: Path, *metrics: str, replace: bool = False, registry: Registry | None = None
) -> tuple[int, str]:
    text = io.StringIO()
    console = Console(file=text, width=300)
    code = score_command(folder, metrics, 2, "local", replace, registry or load_registry(), console)
    return code, text.getvalue()


def test_scoring_again_gives_equal_values_and_changes_nothing_else(folder: Path) -> None:
    before = records(folder)

    def spoil(record: dict[str, Any]) -> None:
        for metric in record["metrics"]:
            if metric["name"] in ("frechet_distance", "bits_per_dim"):
                metric["value"] = 99.0

    rewrite(folder, "vae", spoil)
    code, text = score(folder)
    assert (code, "2 of 2 jobs scored" in text) == (0, True)
    after = records(folder)
    assert after["held-out"]["metrics"] == before["held-out"]["metrics"]
    for old, new in zip(before["vae"]["metrics"], after["vae"]["metrics"], strict=True):
        # what needs the model is not computed again, right or wrong
        assert new == ({**old, "value": 99.0} if old["name"] == "bits_per_dim" else old)
    for part in ("job", "curve", "cost", "status", "id"):
        assert after["vae"][part] == before["vae"][part]
    (scoring,) = after["vae"]["provenance"]["scored"]
    assert "frechet_distance" in scoring["metrics"]
    assert "bits_per_dim" not in scoring["metrics"]
    assert score(folder, "recall")[0] == 0
    first, second = records(folder)["vae"]["provenance"]["scored"]
    assert first == scoring
    assert "recall" in second["metrics"]
    assert "frechet_distance" not in second["metrics"]


def test_reports_in_the_run_folder_are_made_anew(folder: Path) -> None:
    def spoil(record: dict[str, Any]) -> None:
        for metric in record["metrics"]:
            if metric["name"] == "frechet_distance":
                metric["value"] = 12345.0

    leaderboard = folder / "leaderboard.md"
    before = leaderboard.read_text()
    rewrite(folder, "vae", spoil)
    leaderboard.write_text("old")
    assert score(folder)[0] == 0
    assert leaderboard.read_text() == before


def with_metric(card: MetricCard) -> Registry:
    registry = load_registry()
    return Registry(
        hook=registry.hook,
        plugins=registry.plugins,
        models=registry.models,
        datasets=registry.datasets,
        metrics={**registry.metrics, card.name: card},
        extractors=registry.extractors,
        executors=registry.executors,
        _origins=registry._origins,
    )


def test_a_metric_of_a_later_plugin_is_added_without_training(folder: Path) -> None:
    code, _ = score(folder, "sample_mean", registry=with_metric(extra_metrics.CARD))
    assert code == 0
    for record in records(folder).values():
        value = next(metric for metric in record["metrics"] if metric["name"] == "sample_mean")
        samples = load_file(part(folder, record, "samples.safetensors"))["samples"]
        assert value["value"] == pytest.approx(samples.double().mean().item())


def test_a_metric_that_fails_does_not_take_the_place_of_its_value(folder: Path) -> None:
    good = {"name": "broken_mean", "value": 3.0, "unit": "data units", "better": "neither"}
    rewrite(folder, "vae", lambda record: record["metrics"].append(good))
    code, text = score(folder, "broken_mean", registry=with_metric(extra_metrics.BROKEN))
    assert code == 2
    assert "broken_mean: RuntimeError: no mean of 360 samples today; the stored value is kept" in text
    found = {record["job"]["model"]: record["metrics"][-1] for record in records(folder).values()}
    assert found["vae"]["value"] == 3.0
    # without an earlier value the reason is recorded
    assert (found["held-out"]["value"], found["held-out"]["note"][:12]) == (None, "RuntimeError")


def test_samples_that_are_missing_or_damaged_cost_their_own_row(folder: Path) -> None:
    before = records(folder)
    missing, damaged = (part(folder, before[model], "samples.safetensors") for model in ("vae", "held-out"))
    missing.unlink()
    code, text = score(folder)
    assert code == 2
    assert "not scored: vae on digits, seed 0: samples.safetensors is missing" in text
    assert "1 of 2 jobs scored" in text
    content = bytearray(damaged.read_bytes())
    content[-3] ^= 1
    damaged.write_bytes(content)
    code, text = score(folder)
    assert code == 2
    assert "is not the file that the record names: its checksum differs" in text
    assert records(folder)["vae"] == before["vae"]


def test_another_extractor_is_refused_unless_all_its_values_are_replaced(folder: Path) -> None:
    def age(record: dict[str, Any]) -> None:
        for metric in record["metrics"]:
            if metric.get("extractor"):
                metric["extractor"] = "pca:000000000000"

    truth = records(folder)["vae"]
    rewrite(folder, "vae", age)
    code, text = score(folder)
    assert code == 2
    now = next(metric["extractor"] for metric in truth["metrics"] if metric.get("extractor"))
    assert f"were computed with pca:000000000000, the extractor is now {now}; --replace" in text
    # replacing only some would leave a row with values of two extractors
    assert score(folder, "recall", replace=True)[0] == 2
    assert score(folder, replace=True)[0] == 0
    assert records(folder)["vae"]["metrics"] == truth["metrics"]


def test_data_that_have_changed_are_refused(folder: Path) -> None:
    def age(record: dict[str, Any]) -> None:
        record["job"]["dataset_version"] = "1+00000000"

    plan = json.loads((folder / "run.json").read_text())
    record = records(folder)["vae"]
    age(record)
    for job in plan["jobs"]:
        if job["model"] == "vae":
            job["dataset_version"] = "1+00000000"
    run = Run.open(folder)
    old = next(job for job in run.plan.jobs if job.model == "vae")
    new = msgspec.structs.replace(old, dataset_version="1+00000000")
    record["id"] = new.id
    (folder / "jobs" / old.id).rename(folder / "jobs" / new.id)
    (folder / "jobs" / new.id / "result.json").write_text(json.dumps(record))
    (folder / "run.json").write_text(json.dumps(plan))
    code, text = score(folder)
    assert code == 2
    assert "the data set has changed since: 1+00000000 then" in text


def test_bad_input(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, code, said in (
        ([str(folder), "-m", "recal"], 4, "unknown metric 'recal'; did you mean 'recall'?"),
        ([str(folder), "-m", "bits_per_dim"], 4, "bits_per_dim is measured while the model runs"),
        ([str(tmp_path)], 4, "holds no run"),
    ):
        assert run_command_line(["score", *arguments]) == code
        assert said in capsys.readouterr().err
    for record in records(folder).values():
        shutil.rmtree(folder / "jobs" / record["id"])
    assert run_command_line(["score", str(folder)]) == 3


def test_run_scores_again_what_another_version_of_a_metric_computed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = records(folder)

    def age(record: dict[str, Any]) -> None:
        for metric in (*record["metrics"], *(record["last_metrics"] or ())):
            if metric["name"] == "frechet_distance":
                metric.update(value=99.0, version="000000000000")

    rewrite(folder, "vae", age)
    command = ["run", "-m", "vae", "-m", "held-out", "-d", "digits", "--budget", "20steps", "--jobs", "2"]
    assert run_command_line([*command, "--out", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "0 jobs to run (2 are done already)" in said
    assert "1 job to score again: their metrics have changed since" in said
    after = records(folder)
    assert after["vae"]["metrics"] == before["vae"]["metrics"]
    assert after["held-out"] == before["held-out"]
    for last in after["vae"]["last_metrics"] or ():
        assert last["value"] != 99.0
    (scoring,) = after["vae"]["provenance"]["scored"]
    assert scoring["metrics"] == ["frechet_distance"]
    assert run_command_line([*command, "--out", str(folder)]) == 0
    assert "to score again" not in capsys.readouterr().out
