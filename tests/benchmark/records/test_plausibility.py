"""Figures that cannot be true, and records that cannot be stored, become notes."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from genbench.api.cards import MetricCard
from genbench.records.plausibility import plausible_values
from genbench.records.result import MetricValue


def card(name: str, **limits: float) -> MetricCard:
    return MetricCard(
        name=name, summary="", unit="u", better="lower", group="quality", modalities=("points",), **limits
    )


DISTANCE = card("distance", minimum=0.0)
SHARE = card("share", minimum=0.0, maximum=1.0)
FREE = card("free")
CARDS = {each.name: each for each in (DISTANCE, SHARE, FREE)}


def value(name: str, number: Any, **fields: Any) -> MetricValue:
    return MetricValue(name=name, value=number, unit="u", better="lower", **fields)


@pytest.mark.parametrize(
    ("name", "number", "note"),
    [
        ("distance", -0.5, "came out as -0.5, less than 0, which is impossible"),
        ("share", 1.2, "came out as 1.2, more than 1, which is impossible"),
        ("share", -0.01, "came out as -0.01, less than 0, which is impossible"),
        ("free", float("nan"), "came out as nan"),
        ("distance", float("inf"), "came out as inf"),
        ("free", "many", "the record cannot be stored: could not convert string to float: 'many'"),
    ],
)
def test_an_impossible_figure_is_a_note(name: str, number: Any, note: str) -> None:
    (record,) = plausible_values([value(name, number, stderr=0.1, real=2.0)], CARDS)
    assert (record.name, record.value, record.note) == (name, None, note)
    assert record.stderr is record.real is None


@pytest.mark.parametrize(
    ("name", "number"), [("free", -3.0), ("distance", 0.0), ("share", 1.0), ("distance", 1e9)]
)
def test_a_possible_figure_is_kept(name: str, number: float) -> None:
    given = value(name, number, stderr=0.1, test_stderr=0.05, real=2.0, note="n", n=3)
    assert plausible_values([given], CARDS) == [given]


def test_rounding_past_a_limit_gives_the_limit() -> None:
    below, above = plausible_values([value("distance", -1e-9), value("share", 1 + 1e-9)], CARDS)
    assert (below.value, above.value) == (0.0, 1.0)


def test_numbers_of_other_libraries_become_plain_ones() -> None:
    given = value("free", torch.tensor(1.5), stderr=np.float32(0.5), real=float("nan"), real_stderr=-1.0)
    (record,) = plausible_values([given], CARDS)
    assert msgspec.json.decode(msgspec.json.encode(record), type=MetricValue) == record
    assert (record.value, record.stderr, record.real, record.real_stderr) == (1.5, 0.5, None, None)


def test_what_no_card_announces_is_left_out_and_said() -> None:
    records = plausible_values([value("share", 0.5), value("other", 1.0), 7], CARDS)
    by_name = {record.name: record for record in records}
    assert by_name.keys() == CARDS.keys()
    assert (by_name["share"].value, by_name["share"].note) == (0.5, None)
    for name in ("distance", "free"):
        assert by_name[name].value is None
        assert by_name[name].note == "the factory returned 'other', a int, which no card announces"


def test_a_metric_that_does_not_apply_may_be_left_out() -> None:
    assert [record.name for record in plausible_values([value("share", 0.5)], CARDS)] == ["share"]
