"""Audits of functions: right ones pass, and each usual mistake is found and, where it is one of unit, named."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import genbench as gb
from genbench import Dataset, DataSpec, Split
from genbench.cli.main import run_command_line
from genbench.errors import PluginError
from genbench.testing.audit_functions import audit_functions, unit_hint

BITS = DataSpec(name="bits", modality="points", event_shape=(8,), levels=2)
PROBABILITIES = torch.linspace(0.1, 0.8, 8)


def split(count: int, seed: int) -> Split:
    generator = torch.Generator().manual_seed(seed)
    return Split(BITS, torch.bernoulli(PROBABILITIES.expand(count, -1), generator=generator).to(torch.uint8))


DATA = Dataset(BITS, split(2000, 0), split(500, 1), split(500, 2))


def log_prob(x: Tensor) -> Tensor:
    """The truth: independent bits."""
    return torch.where(x == 1, PROBABILITIES.log(), (1 - PROBABILITIES).log()).sum(1)


def sample(count: int) -> Tensor:
    return split(count, 3).x


@pytest.mark.parametrize("drawn", [None, sample], ids=["without samples", "with samples"])
def test_a_right_function_passes(drawn: Callable[[int], Tensor] | None) -> None:
    found = audit_functions(log_prob, DATA, drawn)
    assert found.passed, found.checks
    assert (found.data, found.hint) == ("bits", "")
    assert found.test_mean == pytest.approx(float(log_prob(DATA.test.tensor()).mean()))
    assert ("Not examined without samples" in found.reach) == (drawn is None)


def test_functions_of_numpy_get_and_give_arrays() -> None:
    def of_numpy(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        assert isinstance(x, np.ndarray)
        return log_prob(torch.from_numpy(x)).numpy()

    assert audit_functions(of_numpy, DATA, np.asarray(sample(2000)), takes_numpy=True).passed


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda x: -log_prob(x), "negative log-likelihoods"),
        (lambda x: -log_prob(x) / (8 * math.log(2)), "bits per dimension: return nats"),
        (lambda x: log_prob(x) / 8, "nats per dimension"),
        (lambda x: log_prob(x) + 8 * math.log(2), "scaled to [0, 1]: subtract dimension * ln 2"),
    ],
)
def test_another_unit_is_found_and_named(wrong: Callable[[Tensor], Tensor], hint: str) -> None:
    found = audit_functions(wrong, DATA)
    assert not found.passed
    assert hint in found.hint


def test_a_value_that_depends_on_the_batch_is_found() -> None:
    found = audit_functions(lambda x: log_prob(x) - log_prob(x).mean() - 4.0, DATA)
    assert [check.name for check in found.checks if check.passed is False].count("batch independence") == 1


def test_samples_of_another_distribution_are_found() -> None:
    found = audit_functions(log_prob, DATA, lambda count: torch.bernoulli(torch.full((count, 8), 0.5)).long())
    assert not found.passed


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda x: log_prob(x).mean(), "one number for 500 examples: a mean or a sum"),
        (lambda x: log_prob(x)[:, None], r"shape \(500, 1\), expected \(500,\): drop the last axis"),
        (lambda x: log_prob(x).tolist(), "expected a tensor, got list"),
        (lambda x: x.missing(), "has no attribute 'missing'"),
    ],
)
def test_wrong_shapes_are_one_line(wrong: Callable[[Tensor], Any], said: str) -> None:
    with pytest.raises(PluginError, match=said) as raised:
        audit_functions(wrong, DATA)
    assert "\n" not in str(raised.value)


def test_hints_are_silent_where_nothing_is_near() -> None:
    assert unit_hint(-5.0, -4.8, BITS) == ""
    assert unit_hint(-1e6, -4.8, BITS) == ""
    assert unit_hint(math.nan, -4.8, BITS) == ""


def test_the_command_and_the_call_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "unit_square.py").write_text(
        "import torch\n\n"
        "def log_prob(x):\n    return -0.5 * (x**2).sum(1) - 1.8378770664093453\n\n"
        "def too_large(x):\n    return log_prob(x) + 3\n"
    )
    file = tmp_path / "unit_square.py"
    assert run_command_line(["audit", f"{file}:log_prob", "-d", "two-moons"]) == 0
    assert "passes its audit on two-moons" in capsys.readouterr().out
    assert run_command_line(["audit", f"{file}:too_large", "-d", "two-moons", "--json"]) == 2
    import unit_square  # type: ignore[import-not-found]

    assert capsys.readouterr().out.count('"passed": false') >= 2
    assert not gb.audit(unit_square.too_large, "two-moons").passed
    assert run_command_line(["audit", "unit_square", "-d", "two-moons"]) == 4
    assert "expected MODULE:FUNCTION or FILE.py:FUNCTION" in capsys.readouterr().err
