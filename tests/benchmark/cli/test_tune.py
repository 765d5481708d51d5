"""`genai-bench tune` as users type it: a model of theirs, wrong commands, and a search that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from genbench.cli.main import run_command_line
from genbench.records.run_folder import Run

SUITE = """
summary = "quick to evaluate"
budget = "20steps"
sampling_seconds = 30.0
seeds = 1
samples = 40
importance_samples = 2
"""
# Good on one split and bad on the other: a search that looked at the test split would choose the other setting. Which
# split it is asked for it knows, because what is evaluated is built anew and was never trained.
TWO_FACED = '''
import torch
from genbench.api import Choices, GenerativeModel

class TwoFaced(GenerativeModel):
    """Samples that are right in training alone, or in the evaluation alone."""

    family = "vae"
    modalities = ("points",)
    search_space = {"flatters": Choices((True, False))}

    def __init__(self, spec, *, flatters: bool = False, breaks: bool = False):
        super().__init__(spec)
        self.flatters, self.breaks, self.was_trained = flatters, breaks, False
        self.register_buffer("seen", torch.zeros(64, *spec.event_shape))

    def fit(self, train, meter):
        if self.breaks:
            raise ValueError("it breaks")
        for batch in meter.batches(train, batch_size=64):
            self.seen.copy_(batch.x)
            self.was_trained = True

    def sample(self, count, generator):
        rows = torch.randint(len(self.seen), (count,), generator=generator)
        noise = torch.randn(count, *self.seen.shape[1:], generator=generator)
        return self.seen[rows] + (0.02 if self.was_trained == self.flatters else 5.0) * noise
'''


def tune(folder: Path, *options: str, model: str = "vae", out: str = "study") -> int:
    suite = folder / "small.toml"
    suite.write_text(SUITE)
    command = ["tune", "-m", model, "-d", "ring8", "--suite", str(suite), "--seeds", "1", "-j", "2"]
    return run_command_line([*command, "--out", str(folder / out), *options])


def test_a_strangers_model_is_tuned_by_its_validation_figures_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "two_faced.py"
    file.write_text(TWO_FACED)
    options = ("--trials", "4", "--rungs", "1", "--sampler", "random")
    assert tune(tmp_path, *options, model=f"{file}:TwoFaced") == 0
    said = " ".join(capsys.readouterr().out.split())
    trials = Run.open(tmp_path / "study" / "trials")
    drawn = {result.job.hyperparameters["flatters"] for result in trials.results()}
    assert drawn == {True, False}
    assert all(result.metrics == [] and result.curve for result in trials.results())
    evaluation = Run.open(tmp_path / "study" / "evaluation")
    rows = {result.job.variant: result for result in evaluation.results()}
    tuned, default = rows["two-faced:flatters=True"], rows["two-faced"]
    assert tuned.tuned is not None
    assert tuned.tuned.trials == 4
    assert default.tuned is None
    values = [row.metric("js_divergence") for row in (tuned, default)]
    assert all(value is not None and value.value is not None for value in values)
    assert values[0].value > values[1].value  # type: ignore[union-attr, operator]
    assert "two-faced:flatters=True on ring8: best of 4 trials" in said
    assert "the search cost" in said
    assert f"{file}:TwoFaced:flatters=True" in (tmp_path / "study" / "winners-ring8.toml").read_text()

    def stored() -> dict[str, float]:
        return {str(path): path.stat().st_mtime for path in tmp_path.rglob("result.json")}

    before = stored()
    assert tune(tmp_path, *options, model=f"{file}:TwoFaced") == 0
    assert stored() == before


def test_all_trials_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "two_faced.py"
    file.write_text(TWO_FACED)
    model = f"{file}:TwoFaced:breaks=true"
    assert tune(tmp_path, "--trials", "2", "--rungs", "2", model=model) == 2
    said = " ".join(capsys.readouterr().out.split())
    assert "two-faced on ring8: all 2 trials failed; the last one: plugin_error: ValueError" in said
    assert "it breaks" in said
    assert not (tmp_path / "study" / "evaluation").exists()


@pytest.mark.parametrize(
    ("options", "model", "words"),
    [
        (("--budget", "2steps"), "vae", "smaller than one trial"),
        (("--sampler", "grid"), "vae", "expected random or tpe"),
        ((), "held-out", "its constructor takes no learning_rate"),
        ((), "nade:learning_rate=0.1,batch_size=8,hidden=8", "you have set all that would be searched"),
        (("-d", "digits"), "flow-matching", "flow-matching takes"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], model: str, words: str
) -> None:
    assert tune(tmp_path, *options, model=model) == 4
    said = capsys.readouterr().err
    assert words in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "study").exists()


def test_without_optuna_the_extra_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert tune(tmp_path) == 4
    assert "pip install 'genbench[tune]'" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_a_killed_search_ends_with_the_records_of_an_undisturbed_one(tmp_path: Path) -> None:
    options = ("--trials", "6", "--budget", "27steps", "--at-once", "2")
    assert tune(tmp_path, *options, out="whole") == 0
    command = [sys.executable, "-m", "genbench", "tune", "-m", "vae", "-d", "ring8", *options]
    command += ["--suite", str(tmp_path / "small.toml"), "--seeds", "1", "-j", "2"]
    process = subprocess.Popen([*command, "--out", str(tmp_path / "killed")], stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 240
        while len(list((tmp_path / "killed").rglob("result.json"))) < 3:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "killed" / "evaluation").exists()
    assert tune(tmp_path, *options, out="killed") == 0

    def curves(name: str) -> dict[str, object]:
        results = Run.open(tmp_path / name / "trials").results()
        return {
            result.id: [(point.fraction, point.losses, point.metrics) for point in result.curve]
            for result in results
        }

    assert curves("killed") == curves("whole")
    winners = [Run.open(tmp_path / name / "evaluation").plan.tuned[0] for name in ("killed", "whole")]
    assert winners[0].variant == winners[1].variant
    assert winners[0].values == winners[1].values
