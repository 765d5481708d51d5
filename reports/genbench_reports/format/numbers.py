"""How numbers are written: with as many digits as their error allows, and never as NaN."""

from __future__ import annotations

import math

from genbench_reports.format.text import MISSING

_MORE_PLACES = 1
"""Places that a value may get beyond its digits, so that its error does not read as 0."""
_PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def rounded(value: float | None, digits: int) -> float | None:
    """The value with that many significant digits; None where it is missing or not finite."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.{digits}g}")


def format_value(value: float | None, stderr: float | None = None) -> str:
    """A value with its standard error, where there is one: two digits of the error and at most four of the value, three
    where it is below 1. One more may show the first digit of a smaller error; an error of 100 or more is rounded to two
    digits, and the value with it. Values that are not finite are missing.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if stderr is not None and not math.isfinite(stderr):
        stderr = None
    size = max(abs(value), stderr or 0.0)
    if size != 0 and not 1e-3 <= size < 1e5:
        return f"{value:.1e}" if stderr is None else f"{value:.1e}±{stderr:.0e}"
    places = _decimals(value if stderr is None else size, 4 if size >= 1 else 3, most=3)
    if stderr is None:
        return f"{value:.{places}f}" if value else "0"
    if stderr and stderr >= 100:  # 4380±2699 -> 4400±2700
        tens = math.floor(math.log10(stderr)) - 1
        return f"{round(value, -tens):.0f}±{round(stderr, -tens):.0f}"
    if stderr:
        places = min(places, _decimals(stderr, 2, most=5))
        places = next((n for n in range(places, places + _MORE_PLACES + 1) if round(stderr, n)), places)
    return f"{value:.{places}f}±{stderr:.{places}f}"


def _decimals(value: float, digits: int, *, most: int) -> int:
    """Decimal places that show `digits` significant ones; small values get up to two places more."""
    if value == 0:
        return most
    exponent = math.floor(math.log10(abs(value)))
    return max(0, min(digits - 1 - exponent, most if exponent >= -1 else most + 2))


def format_count(value: float | None) -> str:
    """84113 -> "84.1k"; whole numbers below a thousand as they are."""
    if value is None or not math.isfinite(value):
        return MISSING
    for size, prefix in _PREFIXES:
        if abs(value) >= 0.9995 * size:
            return f"{value / size:.3g}{prefix}" if value < 1e18 else f"{value:.1e}"
    return f"{value:.3g}"


def format_integer(value: float | None) -> str:
    """1024 -> "1,024"."""
    return MISSING if value is None or not math.isfinite(value) else f"{value:,.0f}"


def format_seconds(value: float | None) -> str:
    """With its unit: 0.00021 -> "210 µs"."""
    if value is None or not math.isfinite(value):
        return MISSING
    if value >= 0.9995:
        return f"{value:.3g} s" if value < 1000 else f"{value:.0f} s"
    return f"{value * 1e3:.3g} ms" if value >= 0.9995e-3 else f"{value * 1e6:.3g} µs"


def format_bytes(value: float | None) -> str:
    """In binary units: 2**20 -> "1 MiB"."""
    if value is None or not math.isfinite(value):
        return MISSING
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if abs(value) >= 0.9995 * 1024**power:
            return f"{value / 1024**power:.3g} {unit}" if value < 1000 * 1024**3 else f"{value:.1e} B"
    return f"{value:.0f} B"
