"""The gate on real runs: the same code twice is equal to the bit, and a model that got worse is found."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from genbench.cli.main import run_command_line
from genbench.records.result import Result
from genbench.records.run_folder import Run

SUITE = """summary = "two"
budget = "100steps"
sampling_seconds = 20.0
seeds = 3
samples = 100
importance_samples = 10
models = ["made", "held-out"]
datasets = ["two-moons"]
"""


def run(folder: Path, name: str, *options: str) -> Path:
    (folder / "small.toml").write_text(SUITE)
    command = ["run", "--suite", str(folder / "small.toml"), "--threads", "1", "-j", "2"]
    assert run_command_line([*command, "--out", str(folder / name), *options]) == 0
    return folder / name


@pytest.mark.slow
def test_the_same_code_twice_and_code_that_got_worse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    first, second = run(tmp_path, "first"), run(tmp_path, "second", "--probe")
    capsys.readouterr()
    baseline = str(tmp_path / "baseline.json")
    assert run_command_line(["baseline", str(first), "-o", baseline]) == 0
    # times are another matter: this machine may be busy with other tests
    quiet = ["--threshold", "speed=100000%", "--threshold", "memory=100000%"]
    assert run_command_line(["compare", baseline, str(second), *quiet]) == 0
    said = capsys.readouterr().out
    assert "not equal, so code changed" not in said
    assert "0 regressions, 0 improvements" in said
    probes = Run.open(second).plan.provenance
    assert 0 < probes["probe_seconds"] < 1
    assert 0 < probes["probe_after_seconds"] < 1

    # a commit that makes the learning rate a thousandth: the same rows, of a model that has learnt nothing
    capsys.readouterr()
    worse = Run.open(run(tmp_path, "worse", "-m", "made:learning_rate=1e-6")).results()
    records = [
        msgspec.structs.replace(each, job=msgspec.structs.replace(each.job, variant="made")) for each in worse
    ]
    file = tmp_path / "worse.json"
    file.write_bytes(msgspec.json.encode(records))
    assert msgspec.json.decode(file.read_bytes(), type=list[Result])
    assert run_command_line(["compare", baseline, str(file), "--allow-missing", *quiet]) == 1
    said = capsys.readouterr().out
    assert "got worse: made on two-moons" in said
    assert "settings: learning_rate of made" in said
    assert "held-out" in said  # it was left out, and is named
