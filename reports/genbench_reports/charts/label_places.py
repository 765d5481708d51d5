"""Where the names of points stand in a chart: near the point, and never on another name or on a point.

`html/assets/label_places.js` does the same in the browser, where readers choose what a chart shows.
"""

from __future__ import annotations

import math
import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_FIRST_GAP, _RING_STEP, _RINGS = 0.7, 0.8, 24
"""How far a name stands from the centre of its point at first, how much farther with each try, and how many tries there
are; in heights of a line."""
_DIRECTIONS = 16
_MARKER_RADIUS = 0.5
"""Half the room that a point takes, in heights of a line."""
MAX_NAME_CHARACTERS = 26
"""Longer names are broken into lines."""
_EM_PER_CHARACTER, _EM_PER_WIDE_CHARACTER = 0.58, 1.05
"""Estimates of the width of a character that are rather too large, for fonts that are not known here."""


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    left: float
    """Its least horizontal coordinate."""
    right: float
    """Its largest horizontal coordinate."""
    low: float
    """Its least vertical coordinate."""
    high: float
    """Its largest vertical coordinate."""

    def overlaps(self, other: Box) -> bool:
        """Whether both share more than an edge."""
        across = self.left < other.right and other.left < self.right
        return across and self.low < other.high and other.low < self.high

    def holds(self, other: Box) -> bool:
        """Whether the other one lies within this one."""
        across = self.left <= other.left and other.right <= self.right
        return across and self.low <= other.low and other.high <= self.high


@dataclass(frozen=True)
class Spot:
    """A point and the size of its name."""

    x: float
    """Horizontal coordinate of the point."""
    y: float
    """Vertical coordinate of the point."""
    width: float
    """Width of the name."""
    height: float
    """Height of the name."""


@dataclass(frozen=True)
class Place:
    """Where a name stands."""

    x: float
    """Horizontal coordinate of its centre."""
    y: float
    """Vertical coordinate of its centre."""
    is_far: bool
    """A line should lead from the point to the name."""


def place_labels(spots: Sequence[Spot], frame: Box, line_height: float) -> list[Place | None]:
    """A place within `frame` for each name, in the order of `spots`, of which the first choose first; None where there
    is no room. All lengths have the same unit."""
    radius = _MARKER_RADIUS * line_height
    taken = [Box(spot.x - radius, spot.x + radius, spot.y - radius, spot.y + radius) for spot in spots]
    places: list[Place | None] = []
    for spot in spots:
        place = _place(spot, frame, taken, line_height)
        places.append(place)
        if place is not None:
            taken.append(_box(place, spot))
    return places


def _place(spot: Spot, frame: Box, taken: Sequence[Box], line_height: float) -> Place | None:
    for ring in range(_RINGS):
        gap = (_FIRST_GAP + _RING_STEP * ring) * line_height
        for step in range(_DIRECTIONS):
            # right, left, up and down come first
            angle = 2 * math.pi * ((0, 8, 4, 12)[step % 4] + step // 4) / _DIRECTIONS
            place = Place(
                spot.x + math.cos(angle) * (gap + spot.width / 2),
                spot.y + math.sin(angle) * (gap + spot.height / 2),
                is_far=ring > 0,
            )
            box = _box(place, spot)
            if frame.holds(box) and not any(box.overlaps(other) for other in taken):
                return place
    return None


def _box(place: Place, spot: Spot) -> Box:
    return Box(
        place.x - spot.width / 2,
        place.x + spot.width / 2,
        place.y - spot.height / 2,
        place.y + spot.height / 2,
    )


def stack_labels(heights: Sequence[float], wanted: Sequence[float], low: float, high: float) -> list[float]:
    """Vertical centres of names in a column, each as near to its `wanted` one as the others allow; `wanted` itself
    where they do not all fit between `low` and `high`."""
    if sum(heights) > high - low:
        return list(wanted)
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    centres = list(wanted)
    edge = low
    for index in order:
        centres[index] = max(wanted[index], edge + heights[index] / 2)
        edge = centres[index] + heights[index] / 2
    edge = high
    for index in reversed(order):
        centres[index] = min(centres[index], edge - heights[index] / 2)
        edge = centres[index] - heights[index] / 2
    return centres


def name_lines(name: str) -> list[str]:
    """A name in lines of at most `MAX_NAME_CHARACTERS`."""
    return textwrap.wrap(name, MAX_NAME_CHARACTERS, break_on_hyphens=True) or [""]


def text_width(text: str, font_size: float) -> float:
    """An estimate of the width of one line, in the unit of `font_size`."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return font_size * (_EM_PER_WIDE_CHARACTER * wide + _EM_PER_CHARACTER * (len(text) - wide))
