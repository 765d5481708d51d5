"""Models that are named by file and class."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from genbench import ComputeMeter, GenerativeModel, ModelCard, Split
from genbench.cli.main import run_command_line
from genbench.errors import PluginError, UsageError
from genbench.plugin.class_card import card_of_class, find_model
from genbench.plugin.discovery import load_registry
from genbench.plugin.unannounced_models import with_unannounced
from genbench.records.run_folder import Run

SOURCE = '''
import torch
from genbench import GenerativeModel
from neighbour import WIDTH

print("said while the module is imported")


class WideNormal(GenerativeModel):
    """A normal distribution.

    It is wide.
    """

    family = "flow"
    modalities = ("points",)

    def __init__(self, spec, *, width: float = WIDTH):
        super().__init__(spec)
        self.width = width
        self.mean = torch.nn.Parameter(torch.zeros(spec.event_shape))

    def fit(self, train, meter):
        for batch in meter.batches(train, 8):
            loss = ((batch.x - self.mean) ** 2).sum()
            loss.backward()
            with torch.no_grad():
                self.mean -= 0.01 * self.mean.grad
            meter.log(loss=loss)

    def sample(self, count, generator):
        return self.mean.detach() + self.width * torch.randn(count, *self.spec.event_shape, generator=generator)
'''


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """my_own_normal.py, beside a module that it imports."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "neighbour.py").write_text("WIDTH = 2.0\n")
    path = tmp_path / "my_own_normal.py"
    path.write_text(SOURCE)
    yield path
    for name in ("my_own_normal", "neighbour"):
        sys.modules.pop(name, None)


class Named(GenerativeModel):
    """With a log_prob."""

    family = "autoregressive"
    name = "by-another-name"
    prior: ClassVar[int] = 0

    def fit(self, train: Split, meter: ComputeMeter) -> None: ...

    def sample(
        self, count: int, generator: torch.Generator, *, condition: torch.Tensor | None = None
    ) -> torch.Tensor:
        raise NotImplementedError

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


def test_a_card_is_read_off_the_class() -> None:
    card = card_of_class(Named, "somewhere:Named")
    assert (card.name, card.family, card.summary) == ("by-another-name", "autoregressive", "With a log_prob.")
    assert set(card.capabilities) == {"sample", "log_prob", "condition"}
    assert set(card.modalities) == {"points", "image", "series", "tokens", "pianoroll"}


def test_a_class_may_bring_its_card() -> None:
    brought = ModelCard(name="brought", family="gan", summary="x", factory="", modalities=("image",))
    found = card_of_class(type("Carded", (Named,), {"card": brought}), "here:Carded")
    assert (found.name, found.factory, found.modalities) == ("brought", "here:Carded", ("image",))


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"family": None}, r'needs a family, as in `family = "vae"`.*it has none.*gan, vae, autoregressive'),
        ({"family": "gna"}, "it has 'gna'"),
        ({"modalities": ("images",)}, "has images; modalities: points, image"),
    ],
)
def test_what_a_class_lacks_is_said(attributes: dict[str, object], said: str) -> None:
    with pytest.raises(PluginError, match=said):
        card_of_class(type("Lacking", (Named,), attributes), "x:Lacking")


def test_names_are_hyphenated() -> None:
    names = {"MyVAE2": "my-vae-2", "HTTPModel": "http-model", "plain": "plain"}
    for written, expected in names.items():
        assert card_of_class(type(written, (Named,), {"name": None}), "x:y").name == expected


def test_a_module_with_several_models_asks_for_one(file: Path) -> None:
    file.write_text(SOURCE + "\n\nclass Second(WideNormal):\n    pass\n")
    sys.path.insert(0, str(file.parent))
    with pytest.raises(PluginError, match="name one of them after a colon: Second, WideNormal"):
        find_model("my_own_normal", None)
    assert find_model("my_own_normal", "Second").__name__ == "Second"
    with pytest.raises(PluginError, match="no subclass of genbench"):
        find_model("my_own_normal", "WIDTH")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.py", "there is no file .*missing.py"),
        ("my-model.py", "rename it, with letters, digits and _ alone"),
        ("random.py", "the name of a module of Python"),
        ("torch.py", "the name of another module, .*torch"),
    ],
)
def test_files_that_cannot_be_imported_by_their_name(tmp_path: Path, name: str, said: str) -> None:
    before = [*sys.path]
    if name != "missing.py":
        (tmp_path / name).write_text("")
    try:
        with pytest.raises(UsageError, match=said):
            with_unannounced([str(tmp_path / name)], load_registry())
    finally:
        sys.path[:] = before


def test_announced_names_stay_as_they_are() -> None:
    names = ["vae", "vae:latent_dim=3", "family:gan", "*", "conv-vae", "veo:x"]
    registry = load_registry()
    assert with_unannounced(names, registry) == (names, registry)


def test_a_file_is_run_and_its_results_are_shown_and_scored_without_it(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    model = f"{file}:WideNormal"
    command = ["run", "-m", model, "-m", f"{model}:width=0.5", "-d", "ring8", "--budget", "3steps"]
    assert run_command_line([*command, "--no-probe", "--out", str(folder)]) == 0
    results = Run.open(folder).results()
    assert [(each.job.variant, each.job.family, each.status) for each in results] == [
        ("wide-normal", "flow", "ok"),
        ("wide-normal:width=0.5", "flow", "ok"),
    ]
    assert results[0].job.hyperparameters == {"width": 2.0}
    assert run_command_line([*command, "--no-probe", "--out", str(folder)]) == 0
    captured = capsys.readouterr()
    assert "2 are done already" in captured.out
    assert "said while" not in captured.out
    file.unlink()
    assert run_command_line(["score", str(folder)]) == 0
    assert run_command_line(["show", str(folder)]) == 0
    assert "wide-normal" in capsys.readouterr().out
