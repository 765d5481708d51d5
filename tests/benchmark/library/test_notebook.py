"""A notebook that is executed as a user would: a run with its progress, tables as HTML, samples."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.slow,
    # of the kernel's libraries, which belong to other projects
    pytest.mark.filterwarnings("ignore::Warning"),
]

MODEL = '''
%%writefile my_model.py
import torch

from genbench import GenerativeModel


class Centre(GenerativeModel):
    """The mean of the data, and noise."""

    family = "baseline"

    def __init__(self, spec):
        super().__init__(spec)
        self.register_buffer("mean", torch.zeros(spec.event_shape))

    def fit(self, train, meter):
        self.mean.copy_(train.tensor().mean(0))
        meter.charge(steps=1, examples=len(train))

    def sample(self, count, generator):
        return self.mean + torch.randn(count, *self.spec.event_shape, generator=generator)
'''.strip()
CELLS = [
    MODEL,
    "import genbench as gb\n"
    'ran = gb.run(["my_model.py:Centre", "marginals", "held-out"], ["two-moons"], budget="5steps", out="run")',
    "ran",
    "ran.show()",
    'ran.samples("centre").shape',
    "class Here(gb.GenerativeModel):\n    family = 'gan'\n    def fit(self, train, meter): ...\n"
    "    def sample(self, count, generator): ...\n"
    "try:\n    gb.run([Here], ['two-moons'])\nexcept Exception as error:\n    print(type(error).__name__, error)",
]


def outputs(cell: Any, kind: str) -> str:
    texts = [output.get("data", {}).get(kind, "") for output in cell.outputs]
    return "".join(texts if kind != "stream" else [output.get("text", "") for output in cell.outputs])


def test_a_notebook_runs_shows_and_refuses(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    nbclient.NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    _, ran, shown, show, samples, refused = notebook.cells
    progress = re.sub(r"\x1b\[[\d;]*m", "", outputs(ran, "stream") + outputs(ran, "text/plain"))
    assert re.search(r"3/3 ok +\S+ on two-moons, seed 0", progress)
    assert "two-moons is done" in progress
    assert "\x1b" not in progress  # no terminal, so no line is drawn over
    for cell in (shown, show):
        html = outputs(cell, "text/html")
        assert "<table" in html
        assert "centre" in html
        assert "two-moons" in html
    assert "torch.Size([" in outputs(samples, "text/plain")
    assert "UsageError Here is defined in a notebook" in outputs(refused, "stream")
    assert "%%writefile" in outputs(refused, "stream")
