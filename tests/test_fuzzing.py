"""Readers take any bytes: `make test` tries a few for each reader, `make test-slow` many (docs/robustness.md)."""

from __future__ import annotations

from functools import cache

import fuzz_targets
import pytest
from fuzz_targets import TARGETS, Target
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FEW, MANY = 8, 1_000
NUMBERS = [
    b"0",
    b"-1",
    b"1e999",
    b"NaN",
    b"9" * 400,
    b"null",
    b"[]",
    b"{}",
    b'""',
    b"\xff\xff\xff\xff",
    b"\0" * 8,
]


@st.composite
def damaged(draw: st.DrawFn, good: bytes) -> bytes:
    """The input with a few places replaced, doubled, swapped or cut off."""
    content = bytearray(good)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        kind = draw(st.sampled_from(["replace", "insert", "cut", "double", "number"]))
        piece = draw(st.sampled_from(NUMBERS) if kind == "number" else st.binary(min_size=1, max_size=6))
        if kind == "cut":
            del content[at:]
        elif kind == "double":
            content[at:at] = content[at : at + 64]
        else:
            content[at : at + len(piece) * (kind != "insert")] = piece
    return bytes(content)


@cache
def good_of(target: Target) -> list[bytes]:
    """Made once: some encoders of images write other bytes each time, and hypothesis repeats what it has drawn."""
    return list(target.good())


def try_bytes(target: Target, data: st.DataObject) -> None:
    good = good_of(target)
    if not good:
        pytest.skip("what reads it is not installed")
    content = data.draw(st.one_of(damaged(data.draw(st.sampled_from(good))), st.binary(max_size=200)))
    fuzz_targets.outcome(target, content)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_good_bytes_are_read(target: Target) -> None:
    for good in target.good():
        said = fuzz_targets.outcome(target, good)
        assert said == "read", said


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@given(data=st.data())
@settings(max_examples=FEW, suppress_health_check=list(HealthCheck))
def test_any_bytes_are_read_or_refused(target: Target, data: st.DataObject) -> None:
    try_bytes(target, data)


@pytest.mark.slow
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@given(data=st.data())
@settings(max_examples=MANY, suppress_health_check=list(HealthCheck))
def test_many_bytes_are_read_or_refused(target: Target, data: st.DataObject) -> None:
    try_bytes(target, data)
