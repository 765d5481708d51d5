"""What a metric returned, as records that can be stored: impossible figures are refused, each with a note.

A metric may come from a plugin, and a figure that cannot be true (a negative distance, a share of 1.2, NaN) would stand
in a column among true ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from genbench.api.cards import MetricCard
from genbench.records.result import MetricValue

SLACK = 1e-6
"""A value that passes a limit by less than this share of it (of 1 for smaller limits) is rounded to the limit."""


def plausible_values(returned: Iterable[object], announced: Mapping[str, MetricCard]) -> list[MetricValue]:
    """One record at most for each announced card: what its factory returned, or a record without a value and with a
    note. announced: the cards of the factory, by name."""
    found: dict[str, MetricValue] = {}
    strange: list[str] = []
    for each in returned:
        if not isinstance(each, MetricValue):
            strange.append(f"a {type(each).__name__}")
        elif each.name not in announced:
            strange.append(repr(each.name))
        else:
            found[each.name] = _plausible(each, announced[each.name])
    if strange:
        note = f"the factory returned {', '.join(strange)}, which no card announces"
        for name, card in announced.items():
            found.setdefault(name, without_value(card, note))
    return [found[name] for name in announced if name in found]


def without_value(card: MetricCard, note: str) -> MetricValue:
    """The record of a metric that has no value. note: why."""
    return MetricValue(name=card.name, value=None, unit=card.unit, better=card.better, note=note)


def _plausible(record: MetricValue, card: MetricCard) -> MetricValue:
    try:
        # a plugin may have put tensors or numbers of numpy into the fields
        plain = msgspec.structs.replace(
            record,
            value=_number(record.value),
            stderr=_error(record.stderr),
            test_stderr=_error(record.test_stderr),
        )
        plain = msgspec.structs.replace(
            plain, real=_finite(record.real), real_stderr=_error(record.real_stderr)
        )
        msgspec.convert(msgspec.to_builtins(plain), MetricValue)
    except (TypeError, ValueError, msgspec.ValidationError) as error:
        return without_value(card, f"the record cannot be stored: {error}")
    if plain.value is None:
        return plain
    if not math.isfinite(plain.value):
        return _refused(plain, f"came out as {plain.value}")
    for limit, sign, words in ((card.minimum, 1, "less than"), (card.maximum, -1, "more than")):
        if limit is None or sign * (plain.value - limit) >= 0:
            continue
        if sign * (limit - plain.value) > SLACK * max(1.0, abs(limit)):
            return _refused(plain, f"came out as {plain.value:g}, {words} {limit:g}, which is impossible")
        plain = msgspec.structs.replace(plain, value=limit)
    return plain


def _refused(record: MetricValue, note: str) -> MetricValue:
    return msgspec.structs.replace(
        record, value=None, stderr=None, test_stderr=None, real=None, real_stderr=None, note=note
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _finite(value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and math.isfinite(number) else None


def _error(value: Any) -> float | None:
    number = _finite(value)
    return number if number is not None and number >= 0 else None
