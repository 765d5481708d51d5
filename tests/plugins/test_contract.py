"""The contract suite over every model that is announced, on every modality and domain that it takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from small_models import small

from genbench.plugin_manager import load_registry
from genbench.testing.contract import Case, contract_cases

# What is said of these is also said by others: of the modality with another domain, of the domain with another
# modality. `make test-slow` has them all.
_SAID_BY_OTHERS = ("tiny-points-5-levels", "tiny-series-2-levels", "tiny-pianoroll-5-levels")


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
