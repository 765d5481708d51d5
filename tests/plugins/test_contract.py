"""The contract suite over every model that is announced, on every modality and domain that it takes."""

from __future__ import annotations

import pytest
import torch

from genbench.plugin_manager import load_registry
from genbench.testing import Case, NotApplicable, contract_cases

CASES = [case for card in load_registry().models.values() for case in contract_cases(card)]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    """Tiny models only lose by more."""
    torch.set_num_threads(1)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_contract(case: Case) -> None:
    try:
        case.run()
    except NotApplicable as reason:
        pytest.skip(str(reason))


def test_the_families_that_are_compared_are_there() -> None:
    families = {card.family for card in load_registry().models.values()}
    assert {"gan", "vae", "autoregressive", "baseline"} <= families
