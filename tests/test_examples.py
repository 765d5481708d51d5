"""The scripts in examples/ as a reader starts them: each a process of its own, whose output is checked."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from genbench.datasets.prepared import load_data
from genbench.metrics.scoring import reference_examples
from genbench.plugin.discovery import load_registry
from genbench.records.job import Job
from genbench.records.run_folder import Run


def start(script: Path, *arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


# seconds on an idle machine, minutes where every core has other work
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def examples(repository: Path) -> Path:
    return repository / "examples"


@pytest.fixture(scope="module")
def compared(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The run of compare_three_models.py and what the script printed."""
    folder = tmp_path_factory.mktemp("compared") / "run"
    return folder, start(examples / "compare_three_models.py", folder)


def values(folder: Path, metric: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for result in Run.open(folder).results():
        for each in result.metrics:
            if each.name == metric and each.value is not None:
                found.setdefault(result.job.variant, []).append(each.value)
    return found


def test_every_example_is_described_and_tested(examples: Path) -> None:
    scripts = {path.name for path in examples.glob("*.py")}
    described = set(re.findall(r"\| \[`(\w+\.py)`\]", (examples / "README.md").read_text(encoding="utf-8")))
    tested = set(re.findall(r'examples / "(\w+\.py)"', Path(__file__).read_text(encoding="utf-8")))
    assert scripts == described == tested


def test_three_models_are_compared_and_the_leader_is_named(compared: tuple[Path, str]) -> None:
    folder, shown = compared
    distances = values(folder, "sliced_wasserstein")
    assert {model: len(each) for model, each in distances.items()} == {"gan": 2, "vae": 2, "made": 2}
    leader = min(distances, key=lambda model: sum(distances[model]))
    assert shown.splitlines()[-1] == f"closest to real data: {leader}"
    assert f"sliced Wasserstein distance {sum(distances[leader]) / 2:.3f}" in shown


def test_results_become_a_table_of_means_over_seeds(examples: Path, compared: tuple[Path, str]) -> None:
    folder, _ = compared
    shown = start(examples / "results_to_pandas.py", folder)
    expected = sum(len(result.metrics) for result in Run.open(folder).results())
    assert shown.startswith(f"{expected} rows")
    for model, (first, second) in values(folder, "sliced_wasserstein").items():
        mean, standard_error = (first + second) / 2, abs(first - second) / 2
        line = rf"{model}\s.*?sliced_wasserstein\s+{mean:.4f}\s+{standard_error:.4f}\s+2\b"
        assert re.search(line, shown, re.DOTALL), (model, mean, standard_error)
        assert re.search(rf"^{model}\s+{mean:.4f}\s", shown, re.MULTILINE)


def test_a_model_in_a_file_of_its_own_is_run(examples: Path, tmp_path: Path) -> None:
    model = f"{examples / 'tiny_vae.py'}:TinyVAE"
    command = ["run", "-m", f"{model}:hidden=16", "-d", "ring8", "--budget", "20steps", "--no-probe"]
    done = subprocess.run(
        [sys.executable, "-m", "genbench", *command, "--out", str(tmp_path / "run")], check=False
    )
    assert done.returncode == 0
    (result,) = Run.open(tmp_path / "run").results()
    assert (result.job.variant, result.job.family, result.status) == ("tiny-vae:hidden=16", "vae", "ok")
    kinds = {metric.name: metric.kind for metric in result.metrics if metric.kind}
    assert str(kinds["negative_log_likelihood"]).startswith("lower bound (IWAE-")


def test_the_package_that_plugin_new_writes_has_the_same_model(repository: Path, examples: Path) -> None:
    def code(text: str) -> list[str]:
        body = text[text.index("from __future__") :].replace("$class_name", "TinyVAE")
        return [line for line in body.splitlines() if line.strip() and not line.strip().startswith("# Hyper")]

    example = code((examples / "tiny_vae.py").read_text(encoding="utf-8"))
    folder = repository / "benchmark" / "genbench" / "plugin" / "template"
    template = code((folder / "model.py.template").read_text(encoding="utf-8"))
    announced = [line for line in example if line.split(" = ")[0].strip() in ("family", "modalities")]
    assert [line for line in example if line not in announced] == template


@pytest.mark.slow
def test_a_model_in_a_script_is_checked_and_run_next_to_a_built_in_one(
    examples: Path, tmp_path: Path
) -> None:
    shown = start(examples / "add_a_model.py", tmp_path / "run")
    assert shown.startswith("full-gaussian keeps the contract\n")
    results = {result.job.variant: result for result in Run.open(tmp_path / "run").results()}
    assert set(results) == {"full-gaussian", "full-gaussian:ridge=0.5", "noise"}
    assert {result.status for result in results.values()} == {"ok"}
    for label, ridge in (("full-gaussian", 1e-3), ("full-gaussian:ridge=0.5", 0.5)):
        (metric,) = [each for each in results[label].metrics if each.name == "negative_log_likelihood"]
        assert metric.kind == "exact"
        assert metric.value == pytest.approx(expected_likelihood(ridge, results[label].job), abs=1e-4)


def expected_likelihood(ridge: float, job: Job) -> float:
    """Nats, written out: no code is shared with the example.

    The mean negative log-density of the job's test examples under the normal distribution of ring8's training points.
    """
    data = load_data(load_registry().dataset("ring8"))
    train, test = data.train.x.double(), reference_examples(data, job).double()
    covariance = torch.cov(train.T, correction=0) + ridge * torch.eye(2, dtype=torch.double)
    centred = test - train.mean(0)
    squared = (centred @ torch.linalg.inv(covariance) * centred).sum(1)
    normaliser = torch.log(torch.tensor(2 * torch.pi)) + torch.logdet(covariance) / 2  # in the plane
    return float((normaliser + squared / 2).mean())
