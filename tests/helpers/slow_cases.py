"""Parametrised tests of which `make test` has a few cases and `make test-slow` the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from _pytest.mark import ParameterSet


def slow_beyond(quick: Sequence[object], cases: Iterable[Any]) -> list[ParameterSet]:
    """The cases, of which all but `quick` are marked slow. Several parameters make a tuple.

    Raises ValueError where a case of `quick` is none of the cases.
    """
    all_cases = list(cases)
    if absent := [case for case in quick if case not in all_cases]:
        raise ValueError(f"no case is {absent[0]!r}")
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)), marks=() if case in quick else pytest.mark.slow
        )
        for case in all_cases
    ]
