"""Collapse that is plain is named, and what is merely imperfect is not."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jobs import make_task

from genbench.execution.worker import run_task
from genbench.samples.mode_collapse import MIN_SHARE, collapse_warning

DATA = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
BITS = torch.randint(0, 2, (200, 1, 4, 4), generator=torch.Generator().manual_seed(0))


def test_samples_that_are_all_alike_are_named() -> None:
    warning = collapse_warning(torch.full((150, 2), 3.0), DATA)
    assert warning == "mode collapse: all of 150 samples are alike"


def test_a_few_samples_over_and_over_are_named() -> None:
    warning = collapse_warning(BITS[:5].repeat(40, 1, 1, 1), BITS)
    kinds = len({tuple(row) for row in BITS.flatten(1).tolist()})
    assert warning == f"mode collapse: 5 distinct samples of 200, where the data have {kinds}"


@given(st.floats(0.01, 3.0))
def test_samples_of_little_variance_are_named(scale: float) -> None:
    warning = collapse_warning(scale * DATA.flip(0), DATA)
    if scale**2 < 0.99 * MIN_SHARE:
        assert warning is not None
        measured = re.fullmatch(r"mode collapse: samples have (.*) of the data's variance", warning)
        assert measured is not None, warning
        half_a_digit = 0.51 * 10.0 ** (math.floor(math.log10(scale**2)) - 1)  # of two
        assert abs(float(measured[1]) - scale**2) <= half_a_digit
    if scale**2 > 1.01 * MIN_SHARE:
        assert warning is None


@pytest.mark.parametrize("data", [DATA, BITS])
def test_the_data_themselves_are_not_collapsed(data: torch.Tensor) -> None:
    assert collapse_warning(data.flip(0), data) is None


def test_binary_data_of_few_kinds_are_no_collapse() -> None:
    few = torch.tensor([[0, 1], [1, 0], [1, 1]]).repeat(30, 1)
    assert collapse_warning(few, few) is None


def test_nothing_is_said_of_constant_data_or_of_a_single_sample() -> None:
    constant = torch.ones(20, 2)
    assert collapse_warning(constant, constant) is None
    assert collapse_warning(DATA[:1], DATA) is None


@pytest.mark.parametrize(
    ("model", "warnings"),
    [("Collapsed", ["mode collapse: all of 16 samples are alike"]), ("Good", [])],
)
def test_the_worker_names_it_in_the_result(model: str, warnings: list[str], tmp_path: Path) -> None:
    outcome = run_task(make_task(model, tmp_path))
    assert [warning for warning in outcome.warnings if "collapse" in warning] == warnings
