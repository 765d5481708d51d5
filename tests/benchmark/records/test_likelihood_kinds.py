"""The kinds of likelihood as text: an accuracy that is not finite is never written or shown."""

from __future__ import annotations

import math

import pytest

from genbench.records import likelihood_kinds as kinds


@pytest.mark.parametrize("nats", [math.inf, math.nan])
def test_an_accuracy_that_is_not_finite_is_unknown(nats: float) -> None:
    for kind, plain in (
        (kinds.annealed(nats), "AIS estimate"),
        (kinds.annealed_partition(nats), "AIS estimate of Z"),
        ("AIS estimate of Z (within inf nats)", "AIS estimate of Z"),  # as old records have it
    ):
        assert kinds.readable(kind) == f"{plain} (error unknown)"
        assert kinds.comparable(kind) == plain
        assert kinds.accuracy(kind) is None
        assert kinds.sign(kind) == kinds.ESTIMATE_SIGN


def test_a_finite_accuracy_is_kept() -> None:
    kind = kinds.annealed_partition(0.25)
    assert kinds.accuracy(kind) == ("within", 0.25)
    assert kinds.readable(kind) == kind
