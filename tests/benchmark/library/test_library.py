"""`genbench.run`, `load` and `data`: one small run, read in every way."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from pathlib import Path

import broken_models
import numpy as np
import pandas as pd
import pytest
import torch

import genbench as gb
from genbench.api.cards import ModelCard
from genbench.errors import DataError, GenbenchError, UnknownNameError, UsageError

CARD = ModelCard(
    name="fails",
    family="gan",
    summary="raises in fit",
    factory="failing_fit:FailsInFit",
    modalities=("points",),
)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> gb.Comparison:
    """marginals, noise and a model that fails on ring8, and marginals on an array of integers."""
    array = np.random.default_rng(0).integers(0, 5, size=(400, 3))
    return gb.run(
        ["marginals", "noise", "held-out", CARD],
        ["ring8", gb.data(array, levels=5)],
        budget="3steps",
        seeds=1,
        out=tmp_path_factory.mktemp("library") / "run",
        progress=False,
    )


def test_the_frame_has_a_row_for_every_value_and_every_failure(compared: gb.Comparison) -> None:
    frame = compared.frame()
    values = sum(max(1, len(result.metrics)) for result in compared.results)
    assert len(frame) == values
    (failed,) = frame[(frame.model == "fails") & (frame.dataset == "ring8")].itertuples()
    assert (failed.status, pd.isna(failed.metric)) == ("plugin_error", True)
    assert "there is no such feature" in failed.reason
    record = next(r for r in compared.results if (r.job.model, r.job.dataset) == ("noise", "ring8"))
    for metric in record.metrics:
        row = frame[(frame.job == record.id) & (frame.metric == metric.name)].iloc[0]
        assert row.value == metric.value or (metric.value is None and pd.isna(row.value))
    assert frame.value.dtype == float


def test_leaderboards_and_families_are_those_of_the_summary(compared: gb.Comparison) -> None:
    summary = json.loads(str(compared.report("summary")))
    board = compared.leaderboard("ring8")
    (shown,) = [each for each in summary["boards"] if each["dataset"] == "ring8"]
    assert board.model.tolist() == [row["model"] for row in shown["rows"]]
    assert board.value.tolist() == [row["value"]["mean"] for row in shown["rows"] if row["value"]]
    assert set(board.metric) <= {"js_divergence"}
    assert len(compared.leaderboard()) == sum(len(each["rows"]) for each in summary["boards"])
    assert compared.verdict == summary["overview"]["verdict"]
    assert compared.families().columns.tolist()[:1] == ["family"] or compared.families().empty
    with pytest.raises(UnknownNameError, match="unknown data set of the run 'ring9'; did you mean 'ring8'"):
        compared.leaderboard("ring9")


def test_samples_are_read_from_the_run(compared: gb.Comparison) -> None:
    samples = compared.samples("noise", "ring8")
    assert samples.shape[1:] == (2,)
    assert torch.isfinite(samples).all()
    with pytest.raises(UsageError, match=r"noise ran on ring8, npy:.*: which one"):
        compared.samples("noise")
    with pytest.raises(UsageError, match=r"its job plugin_error: .*no such feature"):
        compared.samples("fails", "ring8")
    with pytest.raises(UsageError, match="no job of noise on ring8 with seed 7"):
        compared.samples("noise", "ring8", seed=7)


def test_an_array_of_integers_keeps_its_levels(compared: gb.Comparison) -> None:
    name = next(result.job.dataset for result in compared.results if result.job.dataset.startswith("npy:"))
    samples = compared.samples("held-out", name)
    assert samples.dtype == torch.int64
    assert set(samples.unique().tolist()) <= set(range(5))


def test_reports_are_returned_or_written(compared: gb.Comparison, tmp_path: Path) -> None:
    text = compared.report("md")
    assert isinstance(text, str)
    assert compared.report("md", tmp_path / "board.md") is None
    assert (tmp_path / "board.md").read_text(encoding="utf-8") == text
    with pytest.raises(UsageError, match="cannot write"):
        compared.report("md", tmp_path / "missing" / "board.md")
    with pytest.raises(UnknownNameError, match="unknown report format 'pdf'"):
        compared.report("pdf")


def test_a_run_is_loaded_and_continued(
    compared: gb.Comparison, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    again = gb.load(compared.folder)
    pd.testing.assert_frame_equal(again.frame(), compared.frame())
    assert repr(again) == f"Comparison({str(compared.folder)!r}: 8 of 8 jobs)"
    again.show()
    assert again.verdict in capsys.readouterr().out
    shown: list[str] = []
    notebook = types.SimpleNamespace(
        get_ipython=lambda: object(), display=types.SimpleNamespace(display=shown.append, HTML=str)
    )
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    again.show()
    assert "<table" in shown[0]


def test_arrays_are_named_by_what_they_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path))
    array = np.arange(12.0).reshape(6, 2)
    name = gb.data(array, standardise=True)
    assert name == gb.data(torch.from_numpy(array), standardise=True)
    assert name.endswith(".npy?standardise=yes")
    assert np.array_equal(np.load(name.removeprefix("npy:").partition("?")[0]), array)
    with pytest.raises(DataError, match="Python objects"):
        gb.data(np.array([object()]))


class Local(broken_models.Sound):
    """A class of this module, which workers cannot import by the name that pytest gave it."""

    family = "flow"


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ("vae", r"expected a list, as in models=\['vae'\]"),
        (["veo"], "unknown model 'veo'; did you mean 'vae'"),
        ([type("InPrompt", (Local,), {"__module__": "__main__"})], "is defined in a notebook or at a prompt"),
        ([type("Gan", (Local,), {"name": "gan"})], "there is a model 'gan' already"),
    ],
)
def test_mistakes_are_said_in_a_line(
    models: list[object], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
    with pytest.raises(GenbenchError, match=said) as raised:
        gb.run(models, ["ring8"], progress=False)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


SCRIPT = """
import genbench as gb
from tiny_normal import TinyNormal

ran = gb.run([TinyNormal, "noise"], ["ring8"], budget="2steps", out="run", progress=False)
print(sorted(ran.leaderboard().model), len([r for r in ran.results if r.status == "ok"]))
"""
MODEL = '''
import torch
import genbench as gb


class TinyNormal(gb.GenerativeModel):
    """A normal distribution."""

    family = "flow"
    modalities = ("points",)

    def fit(self, train, meter):
        for batch in meter.batches(train, 8):
            meter.log(loss=torch.zeros(()))

    def sample(self, count, generator):
        return torch.randn(count, *self.spec.event_shape, generator=generator)
'''


def test_a_script_without_a_guard_works(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "tiny_normal.py").write_text(MODEL)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=250
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "['noise', 'tiny-normal'] 2\n"


@pytest.mark.slow
def test_a_script_that_defines_its_model_is_told_to_use_a_guard(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(MODEL + SCRIPT.replace("from tiny_normal import TinyNormal", ""))
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=250
    )
    assert done.stdout == "['noise'] 1\n" or "1" in done.stdout
    (reason,) = {
        result.reason for result in gb.load(tmp_path / "run").results if result.job.model == "tiny-normal"
    }
    assert "put the call below `if __name__" in str(reason)
