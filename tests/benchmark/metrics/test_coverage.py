"""Nominal 95 % intervals hold the mean over redrawn sets in 90 to 99 % of the draws, or call their errors rough."""

from __future__ import annotations

import pytest
from coverage_settings import QUICK, SETTINGS, coverage

QUICK_DRAWS, DRAWS = 100, 400


@pytest.mark.parametrize("name", QUICK)
def test_coverage_of_the_most_important(name: str) -> None:
    """With 100 draws, the binomial error of 95 % is 2 %. Windows that are counted as independent have 25 to 30 %."""
    found = coverage(QUICK[name], QUICK_DRAWS)
    assert found.rough < 0.1
    assert found.share > 0.84
    assert found.over_spread < 2.5


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_coverage(name: str) -> None:
    """With 400 draws, the binomial error of 95 % is 1.1 %."""
    found = coverage(SETTINGS[name], DRAWS)
    assert found.rough > 0.5 or 0.88 < found.share <= 0.9976
