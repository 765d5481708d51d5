"""How a change of one value is written: as a percentage where that means something, else in the value's unit."""

from __future__ import annotations

from genbench_reports.format.columns import metric_title
from genbench_reports.format.numbers import format_bytes, format_count, format_seconds, format_value
from genbench_reports.format.text import MISSING
from genbench_reports.gate.thresholds import UNIT_FLOORS
from genbench_reports.gate.verdict import ValueComparison

MIN_ERRORS_FROM_ZERO = 4.0
"""A baseline that is fewer standard errors away from 0 is near 0: a share of it says nothing."""
MAX_SHARE = 1.0
"""Larger changes are written in the unit of the value: "501 % worse" is true and helps nobody."""
_ABSOLUTE_UNITS = UNIT_FLOORS.keys() - {"bytes"}
"""Bounded or logarithmic scales, of which a share means little."""


def title(compared: ValueComparison) -> str:
    """The name of the metric or cost, with the arrow of its direction."""
    return metric_title(compared.name, compared.better)


def format_compared(compared: ValueComparison, value: float | None, error: float | None = None) -> str:
    """A value of either side, in its unit."""
    if value is None:
        return MISSING
    if compared.unit == "bytes":
        return format_bytes(value)
    if compared.unit == "s":
        return format_seconds(value)
    if compared.unit in ("1/s", "FLOPs", "parameters"):
        return format_count(value)
    return format_value(value, error)


def format_change(compared: ValueComparison) -> str:
    """ "12 % worse" or, where a percentage would mean little, "0.179 worse" in the unit of the value."""
    if compared.worse_by is None:
        return MISSING
    way = "worse" if compared.worse_by > 0 else "better"
    share = relative_change(compared)
    return f"{_size(compared)} {way}" if share is None else f"{format_percent(share)} {way}"


def format_signed(compared: ValueComparison) -> str:
    """The direction in which the value moved, and how far, in its unit: "+0.179"."""
    if compared.worse_by is None:
        return MISSING
    up = (compared.worse_by > 0) == (compared.better == "lower")
    return f"{'+' if up else '−'}{_size(compared)}"


def relative_change(compared: ValueComparison) -> float | None:
    """How much worse the value is as a share of the baseline; None where a share would mislead: on scales of which a
    share means little, next to zero, across zero, and beyond `MAX_SHARE`."""
    if compared.relative is None or compared.unit in _ABSOLUTE_UNITS:
        return None
    assert compared.baseline is not None
    near_zero = abs(compared.baseline) < MIN_ERRORS_FROM_ZERO * (compared.baseline_error or 0.0)
    if (
        near_zero
        or compared.baseline < 0
        or (compared.current or 0.0) < 0
        or abs(compared.relative) > MAX_SHARE
    ):
        return None
    return compared.relative


def format_percent(share: float) -> str:
    """Without a sign: 0.0123 -> "1.2 %"."""
    share = abs(share)
    return f"{share * 100:.1f} %" if share < 0.1 else f"{share * 100:,.0f} %"


def _size(compared: ValueComparison) -> str:
    """With no more digits than the errors of the two values allow."""
    assert compared.worse_by is not None
    errors = [error for error in (compared.baseline_error, compared.current_error) if error is not None]
    error = sum(each**2 for each in errors) ** 0.5
    size = abs(compared.worse_by)
    # digits that show no more than how small the error is are left out with the error
    texts = (
        format_compared(compared, size),
        format_compared(compared, size, error or None).partition("±")[0],
    )
    return min(texts, key=len)
