"""How figures and other people's text are written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench_reports.format.numbers import format_bytes, format_count, format_seconds, format_value
from genbench_reports.format.text import MISSING, clean, shorten, superscript

FORMATS = (format_value, format_count, format_seconds, format_bytes)


@pytest.mark.parametrize("write", FORMATS)
@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_is_missing(write: object, value: float | None) -> None:
    assert callable(write)
    assert write(value) == MISSING


@pytest.mark.parametrize(
    ("value", "stderr", "text"),
    [
        (2.30987, None, "2.310"),
        (0.03456, None, "0.0346"),
        (0.0, None, "0"),
        (123456.0, None, "1.2e+05"),
        (0.00012, None, "1.2e-04"),
        (2.30987, 0.0213, "2.310±0.021"),
        (0.5, 0.0, "0.500±0.000"),
        (0.12532, 0.00041, "0.1253±0.0004"),
        (4.087, 0.00012, "4.0870±0.0001"),
        (8.0, 1e-5, "8.000±0.000"),
        (-4.078, None, "-4.078"),
        (512.4, 12.3, "512±12"),
        (4380.2, 2699.4, "4400±2700"),
        (512.4, 123.4, "510±120"),
        (1.0, math.nan, "1.000"),
    ],
)
def test_digits_of_a_figure(value: float, stderr: float | None, text: str) -> None:
    assert format_value(value, stderr) == text


@given(st.floats(1e-300, 1e300), st.booleans())
def test_a_figure_reads_back_within_its_digits(size: float, negative: bool) -> None:
    value = -size if negative else size
    assert float(format_value(value)) == pytest.approx(value, rel=0.05)


@given(st.floats(-1e5, 1e5), st.floats(0, 1e5))
def test_the_mean_and_its_error_have_the_same_places(value: float, stderr: float) -> None:
    mean, error = format_value(value, stderr).split("±")
    if "e" not in mean:
        assert len(mean.partition(".")[2]) == len(error.partition(".")[2])
        # rounding moves the mean by half a unit of the last place at most, which is below the error: of one of 100 or
        # more, the last place is that of its second digit
        unit = 10.0 ** -len(mean.partition(".")[2]) if stderr < 100 else 10.0 ** (len(error) - 2)
        assert abs(float(mean) - value) <= max(0.5 * unit, 1e-12) * 1.001


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (format_count(84113), "84.1k"),
        (format_count(999), "999"),
        (format_count(999_999), "1M"),
        (format_count(4.4e10), "44G"),
        (format_seconds(0.00021), "210 µs"),
        (format_seconds(0.9996), "1 s"),
        (format_seconds(10.04), "10 s"),
        (format_seconds(3600), "3600 s"),
        (format_bytes(2**20), "1 MiB"),
        (format_bytes(1.5 * 2**30), "1.5 GiB"),
        (format_bytes(12), "12 B"),
    ],
)
def test_units(text: str, expected: str) -> None:
    assert text == expected


@given(st.text())
def test_cleaned_text_is_one_printable_line(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.isprintable()
    assert cleaned == clean(cleaned)
    assert "\n" not in cleaned


def test_terminal_sequences_and_line_reversals_go() -> None:
    assert clean("a\x1b[31mred\x1b[0m\x1b]0;title\x07 b") == "ared b"
    assert clean("safe\u202etxt") == "safe txt"
    assert clean(" tabs\tand\r\nlines ") == "tabs and lines"


@given(st.text(), st.integers(1, 50))
def test_shortened_text_keeps_the_limit(text: str, limit: int) -> None:
    assert len(shorten(text, limit)) <= limit


def test_superscripts() -> None:
    assert superscript(102) == "¹⁰²"
