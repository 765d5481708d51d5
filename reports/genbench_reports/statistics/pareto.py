"""The Pareto front: the points that no other point beats in both cost and quality."""

from __future__ import annotations

from collections.abc import Sequence

from genbench.api import Better


def pareto_front(points: Sequence[tuple[float, float]], better: Better) -> list[int]:
    """Indices of the points (cost, quality) on the front, by increasing cost; the first of equal points.

    better: the better direction of quality; lower costs are better.
    """
    sign = -1.0 if better == "higher" else 1.0
    ordered = sorted(range(len(points)), key=lambda index: (points[index][0], sign * points[index][1], index))
    front: list[int] = []
    for index in ordered:
        if not front or sign * points[index][1] < sign * points[front[-1]][1]:
            front.append(index)
    return front
