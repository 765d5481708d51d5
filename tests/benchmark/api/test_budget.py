"""Budgets: what is read, what is refused, and that printing and reading agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.api.budget import Budget
from genbench.errors import BudgetError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", Budget(seconds=30)),
        ("1.5min", Budget(seconds=90)),
        ("3m", Budget(seconds=180)),
        ("30 s", Budget(seconds=30)),
        ("3 min, 2ksteps", Budget(seconds=180, steps=2000)),
        ("2 cpu-m", Budget(cpu_seconds=120)),
        ("2h", Budget(seconds=7200)),
        ("10cpu-s", Budget(cpu_seconds=10)),
        ("1.5cpu-min", Budget(cpu_seconds=90)),
        ("2cpu-h,1e12flops", Budget(cpu_seconds=7200, flops=1e12)),
        ("2000steps", Budget(steps=2000)),
        ("2ksteps", Budget(steps=2000)),
        ("100kexamples", Budget(examples=100_000)),
        ("1e12flops", Budget(flops=1e12)),
        ("1.5Tflops", Budget(flops=1.5e12)),
        ("30s,1e12flops", Budget(seconds=30, flops=1e12)),
        ("30s, 4GiB", Budget(seconds=30, memory_bytes=2**32)),
        ("10steps,500MB", Budget(steps=10, memory_bytes=500_000_000)),
    ],
)
def test_what_is_read(text: str, expected: Budget) -> None:
    assert Budget.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("30", "'30' needs a positive number and a unit"),
        ("", "needs a positive number and a unit"),
        ("s", "needs a positive number and a unit"),
        ("-1s", "'-1s' needs a positive number and a unit"),
        ("1e99flops", "'1e99flops' is beyond 1e+24 flops"),
        ("1e999s", "is beyond"),
        ("0s", "'0s' allows nothing"),
        ("0.5steps", "'0.5steps' allows nothing"),
        ("10parsecs", "unknown unit 'parsecs'"),
        ("10ks", "unknown unit 'ks'"),
        ("nans", "needs a positive number and a unit"),
        ("30s,,1steps", "'' needs a positive number and a unit"),
        ("30s,1min", "limits seconds twice"),
        ("10kcpu-s", "needs a positive number and a unit"),
        ("10cpu", "unknown unit 'cpu'"),
        ("10cpu-steps", "unknown unit 'cpu-steps'"),
        ("4GiB", "limits only memory"),
    ],
)
def test_what_is_refused_is_repeated(text: str, words: str) -> None:
    with pytest.raises(BudgetError) as caught:
        Budget.parse(text)
    assert words in str(caught.value)
    assert repr(text) in str(caught.value)


budgets = st.builds(
    Budget,
    seconds=st.none() | st.integers(1, 10**6).map(lambda tenths: tenths / 10),
    steps=st.none() | st.integers(1, 10**12),
    examples=st.none() | st.integers(1, 10**15),
    flops=st.none() | st.integers(1, 10**6).map(lambda giga: giga * 1e9),
    memory_bytes=st.none() | st.integers(1, 10**6).map(lambda mebi: mebi * 2**20),
).filter(lambda budget: any((budget.seconds, budget.steps, budget.examples, budget.flops)))


@given(budgets)
def test_a_budget_is_read_as_it_is_printed(budget: Budget) -> None:
    assert Budget.parse(str(budget)) == budget


def test_only_a_clock_makes_a_budget_unrepeatable() -> None:
    assert Budget.parse("10steps,1e9flops").is_repeatable
    assert not Budget.parse("10steps,1s").is_repeatable


def test_processor_time_is_wall_time_on_a_gpu() -> None:
    budget = Budget.parse("10cpu-s,4GiB")
    assert budget.on_device("cpu") == budget
    assert budget.on_device("cuda") == Budget.parse("10s,4GiB")
    assert Budget.parse("5s,10cpu-s").on_device("cuda") == Budget.parse("5s")


def test_a_budget_that_depends_on_a_clock_is_not_repeatable() -> None:
    assert not Budget.parse("10cpu-s").is_repeatable
    assert Budget.parse("10steps").expected_seconds is None
    assert Budget.parse("30s,10cpu-s").expected_seconds == 10
