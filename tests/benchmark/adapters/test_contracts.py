"""Each adapter, with the real library: the contract suite holds, the audit of the likelihood included."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch
from adapted_command import Elsewhere
from adapted_models import Mixture

from genbench import ComputeMeter, DataSpec, Split
from genbench.api.budget import Budget
from genbench.errors import PluginError
from genbench.plugin.class_card import card_of_class
from genbench.testing import check_model

SPEC = DataSpec(name="plane", modality="points", event_shape=(2,))
MODELS = [
    pytest.param("adapted_models", "PlainNormal", None, id="torch.nn.Module"),
    pytest.param("adapted_models", "Spline", None, id="zuko"),
    pytest.param("adapted_models", "Mixture", None, id="sklearn-mixture"),
    pytest.param("adapted_models", "Kernels", None, id="sklearn-kernels"),
    pytest.param("adapted_lightning", "FromLightning", "pytorch_lightning", id="lightning"),
    pytest.param("adapted_language_model", "SmallGpt", "transformers", id="gpt2", marks=pytest.mark.slow),
    pytest.param("adapted_language_model", "SmallLlama", "transformers", id="llama", marks=pytest.mark.slow),
    pytest.param("adapted_diffusers", "SmallUnet", "diffusers", id="diffusers", marks=pytest.mark.slow),
    pytest.param("adapted_pythae", "SmallVae", "pythae", id="pythae", marks=pytest.mark.slow),
    pytest.param("adapted_hmm", "Symbols", "hmmlearn", id="hmmlearn-tokens", marks=pytest.mark.slow),
    pytest.param("adapted_hmm", "Curves", "hmmlearn", id="hmmlearn-series", marks=pytest.mark.slow),
    pytest.param("adapted_command", "Elsewhere", None, id="program", marks=pytest.mark.slow),
]


@pytest.mark.filterwarnings("ignore::Warning")  # of the libraries
@pytest.mark.parametrize(("module", "name", "library"), MODELS)
def test_the_contract_holds(module: str, name: str, library: str | None) -> None:
    if library is not None:
        pytest.importorskip(library, reason=f"{library} is not installed", exc_type=ImportError)
    model: Any = getattr(importlib.import_module(module), name)
    check_model(card_of_class(model, f"{module}:{name}"))


def split(seed: int) -> Split:
    return Split(SPEC, 3 + 2 * torch.randn(500, 2, generator=torch.Generator().manual_seed(seed)))


def test_a_program_is_fitted_asked_and_loaded_again() -> None:
    model = Elsewhere(SPEC)
    model.fit(split(0), ComputeMeter(Budget(steps=1), valid=split(1)))
    again = Elsewhere(SPEC)
    again.load_state_dict(model.state_dict())
    drawn = again.sample(400, torch.Generator().manual_seed(0))
    assert drawn.mean().item() == pytest.approx(3, abs=0.3)
    x = split(2).tensor()
    truth = torch.distributions.Normal(3.0, 2.0).log_prob(x).sum(1)
    assert again.log_prob(x).mean().item() == pytest.approx(truth.mean().item(), abs=0.05)


def test_what_a_failing_program_said_is_repeated() -> None:
    class Broken(Elsewhere):
        command = ("sh", "-c", "echo the jax is missing >&2; exit 3")

    with pytest.raises(PluginError, match="sh fit ended with code 3: the jax is missing"):
        Broken(SPEC).fit(split(0), ComputeMeter(Budget(steps=1), valid=split(1)))


@pytest.mark.filterwarnings("ignore::Warning")
def test_a_mixture_is_that_of_scikit_learn_on_the_scale_of_the_data() -> None:
    model = Mixture(SPEC)
    model.fit(split(0), ComputeMeter(Budget(steps=1), valid=split(1)))
    x = split(2).tensor()
    theirs = torch.from_numpy(model.estimator().score_samples(model.scaling(x).double().numpy()))
    assert torch.allclose(model.log_density(x), theirs - model.scaling.width.log().sum(), atol=1e-6)
    again = Mixture(SPEC)
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.log_density(x), model.log_density(x))
