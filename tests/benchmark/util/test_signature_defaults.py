"""Defaults are read from the source as Python would see them, and nothing is imported."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from genbench.api.cards import load_factory
from genbench.errors import PluginError
from genbench.plugin.discovery import load_registry
from genbench.util.signature_defaults import signature_defaults

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """write(model=source, ...): the name of a package of these modules."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(**sources: str) -> str:
        folder = tmp_path / tmp_path.name.replace("-", "_")
        folder.mkdir()
        for name, source in {"__init__": "raise RuntimeError", **sources}.items():
            (folder / f"{name}.py").write_text(source)
        return folder.name

    return write


SIGNATURE = """
class Model(Base):
    '''For instance:

    def __init__(self, spec, *, depth=9):
        pass
    '''

    size = 3

    def __init__(
        self,
        spec: dict[str, int],  # it ends here:
        *,
        rate: float = -1e-3, layers: int = 2,
        name: str = "a:",
        deep: bool = True,
        width: int | None = None,
        penalty: float = PENALTY,
    ) -> None:
        super().__init__(spec)

    def fit(self, *, steps=7): ...

PENALTY: float = 0.5
"""


def test_literals_and_constants_in_the_order_of_the_signature(write: Write) -> None:
    package = write(model="raise RuntimeError\n" + SIGNATURE)
    found = signature_defaults(f"{package}.model:Model")
    expected = {"rate": -1e-3, "layers": 2, "name": "a:", "deep": True, "width": None, "penalty": 0.5}
    assert list(found.items()) == list(expected.items())
    assert [type(value) for value in found.values()] == [float, int, str, bool, type(None), float]
    assert package not in sys.modules


def test_a_class_without_a_constructor_has_that_of_its_bases(write: Write) -> None:
    package = write(
        model="import torch\nfrom . import middle as m\nfrom .other import Mixin\n"
        "class Model(Mixin, m.Middle[int], torch.nn.Module):\n    pass\n",
        middle="from typing import Generic\nfrom .names import Base as B\nclass Middle(B, Generic[int]): pass\n",
        names="from .base import Base\n",
        base="from .other import Common\nfrom .sizes import SIZE\n"
        "class Base(Common):\n    def __init__(self, spec, *, size=SIZE): pass\n",
        other="class Common:\n    def __init__(self, spec, *, wrong=1): pass\nclass Mixin(Common): pass\n",
        sizes="SIZE = 16\n",
    )
    assert signature_defaults(f"{package}.model:Model") == {"size": 16}


def test_what_has_no_hyperparameters(write: Write) -> None:
    package = write(
        model="from genbench import GenerativeModel\nclass Model(GenerativeModel): pass\n"
        "def build(spec, *, size=2): ...\n"
    )
    assert signature_defaults(f"{package}.model:Model") == {}
    assert signature_defaults(f"{package}.model:build") == {"size": 2}
    assert signature_defaults("no_such_package_anywhere:Model") == {}
    assert signature_defaults(f"{package}.no_such_module:Model") == {}


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("Model = make()", "defines no class or function 'Model'"),
        ("class Model(make()): pass", r"the base 'make\(\)' of Model is no plain name"),
        ("from .absent import Base\nclass Model(Base): pass", r"there is no module \w+\.absent"),
        ("class Model:\n    def __init__(self, spec, size=2): pass", "'size': expected a keyword-only"),
        ("class Model:\n    def __init__(self, spec, **rest): pass", r"'\*\*rest': expected a keyword-only"),
        ("class Model:\n    def __init__(self, spec, *, size): pass", "'size': expected a default"),
        ("class Model:\n    def __init__(self, spec, *, size=2**4): pass", r"its default, 2 \*\* 4, is no"),
        ("class Model:\n    def __init__(self, spec, *, size=(1, 2)): pass", r"\(1, 2\), is no plain number"),
        ("class Model:\n    def __init__(self, spec, *, size=SIZE): pass", "its default, SIZE, is no"),
        ("class Model(:", "invalid syntax"),
    ],
)
def test_what_cannot_be_read_is_named(write: Write, source: str, problem: str) -> None:
    package = write(model=source)
    with pytest.raises(PluginError, match=problem):
        signature_defaults(f"{package}.model:Model")


def test_built_in_models_have_the_defaults_that_python_sees() -> None:
    for card in load_registry().models.values():
        _, *parameters = inspect.signature(load_factory(card.factory)).parameters.values()
        expected = {parameter.name: parameter.default for parameter in parameters}
        assert list(signature_defaults(card.factory).items()) == list(expected.items()), card.name
        assert card.defaults == expected, card.name
