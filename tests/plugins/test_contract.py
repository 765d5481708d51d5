"""The contract suite over every model that is announced, on every modality and domain that it takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from genbench.cards import Hyperparameter
from genbench.plugin_manager import load_registry
from genbench.testing.contract import Case, contract_cases

# What these models are slow at is their size, and the contract does not ask for quality.
_SMALL: dict[str, dict[str, Hyperparameter]] = {
    "ddpm": {"steps": 6, "hidden": 16, "layers": 1, "width": 4},
    "flow-matching": {"hidden": 16, "layers": 1, "solver_steps": 8},
    "realnvp": {"transforms": 2, "hidden": 16, "layers": 1},
    "maf": {"transforms": 2, "hidden": 16, "layers": 1},
    "spline-flow": {"transforms": 2, "hidden": 16, "layers": 1},
    "gpt": {"width": 16, "layers": 1},
    "vq-vae": {"codes": 8, "width": 8, "prior_width": 16, "prior_layers": 1},
    "dall-e": {"codes": 8, "width": 8, "prior_width": 16, "prior_layers": 1},
    "stylegan": {"style": 16, "width": 8},
    "transgan": {"width": 16, "blocks": 1},
    "nade": {"hidden": 16},
    "gated-pixelcnn": {"width": 8, "layers": 2},
    "pixelcnn-pp": {"width": 4, "blocks": 1, "components": 2},
}
_CASES = [
    case
    for card in load_registry().models.values()
    for case in contract_cases(card, hyperparameters=_SMALL.get(card.name))
]


@pytest.mark.parametrize("case", _CASES, ids=str)
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
