"""The contract suite over every model that is announced, on every modality and domain that it takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from genbench.cards import Hyperparameter, ModelCard
from genbench.plugin_manager import load_registry
from genbench.testing.contract import Case, contract_cases

# What models are slow at is their size, and the contract does not ask for quality: no hyperparameter of these names is
# larger than this.
_AT_MOST: dict[str, int] = {
    "hidden": 16,
    "width": 8,
    "layers": 2,
    "blocks": 1,
    "components": 3,
    "codes": 8,
    "prior_width": 16,
    "prior_layers": 1,
    "pseudo_inputs": 8,
    "style": 16,
    "transforms": 2,
    "solver_steps": 8,
    "steps": 6,
}
_OTHERWISE: dict[str, dict[str, Hyperparameter]] = {
    # four heads in layers of a quarter of the width
    "transgan": {"width": 16},
    "ddpm": {"width": 4, "layers": 1},
    "flow-matching": {"layers": 1},
    # with few units its posterior misses mass, and a sum of weights needs more draws
    "ladder-vae": {"hidden": 128, "layers": 1},
}
# What is said of these is also said by others: of the modality with another domain, of the domain with another
# modality. `make test-slow` has them all.
_SAID_BY_OTHERS = ("tiny-points-5-levels", "tiny-series-2-levels", "tiny-pianoroll-5-levels")


def small(card: ModelCard) -> dict[str, Hyperparameter]:
    """The model's hyperparameters that are smaller than by default."""
    sizes: dict[str, Hyperparameter] = {
        name: most
        for name, most in _AT_MOST.items()
        if isinstance(default := card.defaults.get(name), int) and default > most
    }
    return sizes | _OTHERWISE.get(card.name, {})


_CASES = [
    pytest.param(
        case, id=str(case), marks=pytest.mark.slow if case.subject.spec.name in _SAID_BY_OTHERS else ()
    )
    for card in load_registry().models.values()
    for case in contract_cases(card, hyperparameters=small(card))
]


@pytest.mark.parametrize("case", _CASES)
def test_contract(case: Case) -> None:
    case.run()


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Tiny models only lose by more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_the_families_that_are_compared_are_there() -> None:
    families = {card.family for card in load_registry().models.values()}
    assert {"gan", "vae", "autoregressive", "baseline"} <= families
