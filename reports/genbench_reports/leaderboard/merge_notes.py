"""Merges the notes of several seeds: notes that differ only in their numbers become one note with ranges."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.]*\w)")


def merge_notes(notes: Sequence[str]) -> list[str]:
    """In the order of their first occurrence: "gap 0.5 nats", "gap 1.2 nats" -> "gap 0.5 to 1.2 nats"."""
    alike: dict[str, list[str]] = {}
    for note in notes:
        alike.setdefault(_NUMBER.sub("0", note), []).append(note)
    return [_with_ranges(members) for members in alike.values()]


def _with_ranges(notes: Sequence[str]) -> str:
    places = zip(*(_NUMBER.findall(note) for note in notes), strict=True)
    ranges = iter([_range(numbers) for numbers in places])
    return _NUMBER.sub(lambda _: next(ranges), notes[0])


def _range(numbers: Sequence[str]) -> str:
    low, high = min(numbers, key=float), max(numbers, key=float)
    return low if float(low) == float(high) else f"{low} to {high}"
