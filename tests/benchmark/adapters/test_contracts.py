"""Each adapter, with the real library: the contract suite holds, the audit of the likelihood included."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from genbench.plugin.class_card import card_of_class
from genbench.testing import check_model

MODELS = [
    ("adapted_models", "PlainNormal", None),
    ("adapted_models", "Spline", None),
    ("adapted_models", "Mixture", None),
    ("adapted_models", "Kernels", None),
    ("adapted_hmm", "Symbols", "hmmlearn"),
    ("adapted_hmm", "Curves", "hmmlearn"),
    ("adapted_lightning", "FromLightning", "pytorch_lightning"),
    ("adapted_command", "Elsewhere", None),
]


@pytest.mark.filterwarnings("ignore::Warning")  # of the libraries
@pytest.mark.parametrize(("module", "name", "library"), MODELS, ids=lambda each: str(each))
def test_the_contract_holds(module: str, name: str, library: str | None) -> None:
    if library is not None:
        pytest.importorskip(library, reason=f"{library} is not installed", exc_type=ImportError)
    model: Any = getattr(importlib.import_module(module), name)
    check_model(card_of_class(model, f"{module}:{name}"))
