"""Which entries nothing beats: less costly and better at once."""

from __future__ import annotations

from collections.abc import Sequence

from genbench.api import Better


def pareto_front(points: Sequence[tuple[float, float]], better: Better) -> list[int]:
    """Indices of (cost, quality) that no other beats in one without losing in the other, by rising cost. Of equal
    points the first. better: which direction of quality is."""
    sign = -1.0 if better == "higher" else 1.0
    ordered = sorted(range(len(points)), key=lambda index: (points[index][0], sign * points[index][1], index))
    front: list[int] = []
    for index in ordered:
        if not front or sign * points[index][1] < sign * points[front[-1]][1]:
            front.append(index)
    return front
