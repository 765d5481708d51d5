"""A stranger's package: built, installed into an environment of its own, found, run, checked, taken away."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from installation import Installation

PLUGIN = Path(__file__).parent / "example-plugin"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    if sys.platform == "win32":
        pytest.skip("the layout of the environment is that of POSIX")
    return Installation(tmp_path_factory.mktemp("stranger"), PLUGIN)


def models(installed: Installation, **environment: str) -> dict[str, str]:
    records = json.loads(installed.run("-m", "genbench", "list", "models", "--json", **environment))
    return {record["name"]: record["plugin"] for record in records}


def test_it_is_found_beside_the_built_in_models(installed: Installation) -> None:
    found = models(installed)
    assert found["mean-field"] == "genbench-mean-field 0.1.0"
    assert found["vae"].startswith("genbench ")


def test_it_runs_like_a_built_in_model(installed: Installation) -> None:
    shown = installed.run(
        *("-m", "genbench", "run", "-m", "mean-field:scale=0.5", "-m", "noise", "-d", "digits"),
        *("--budget", "20steps", "--out", "run"),
    )
    assert "mean-field:scale=0.5" in shown
    records = json.loads(installed.run("-m", "genbench", "report", "run", "--format", "json"))
    by_model = {record["job"]["model"]: record for record in records}
    record = by_model["mean-field"]
    assert record["status"] == "ok"
    assert record["job"]["hyperparameters"] == {"scale": 0.5}
    assert record["job"]["model_version"].startswith("0.1.0+")
    assert record["cost"]["steps"] == 20
    assert (installed.folder / "run" / "leaderboard.md").read_text().count("mean-field") >= 2
    # an edited model never meets its old result
    source = PLUGIN / "mean_field" / "model.py"
    (copied,) = installed.folder.glob("env/lib/python*/site-packages/mean_field/model.py")
    copied.write_text(source.read_text().replace("lr=0.05", "lr=0.06"))
    again = installed.run(
        *("-m", "genbench", "run", "-m", "mean-field:scale=0.5", "-d", "digits"),
        *("--budget", "20steps", "--out", "run"),
    )
    assert "1 job to run" in again
    copied.write_text(source.read_text())


@pytest.mark.slow
def test_its_own_tests_pass_by_the_contract_suite(installed: Installation) -> None:
    shown = installed.run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(PLUGIN), str(PLUGIN / "tests")
    )
    assert "passed" in shown
    assert "failed" not in shown


def test_it_can_be_blocked_and_taken_away(installed: Installation) -> None:
    assert "mean-field" not in models(installed, GENBENCH_BLOCK_PLUGINS="mean_field")
    installed.run("-m", "pip", "uninstall", "--quiet", "--yes", "genbench-mean-field")
    found = models(installed)
    assert "mean-field" not in found
    assert "vae" in found
