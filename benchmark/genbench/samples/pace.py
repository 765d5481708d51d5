"""How fast a model samples, found out at its first checkpoint with few samples, so that a sampler that cannot keep its
budget ends its job then, and not after minutes of drawing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from genbench.errors import SamplingTimeout

_SIZES = (1, 4, 16, 64, 256, 1024)
_CONCLUSIVE_SECONDS = 1.0
"""A call that takes less may have been disturbed, and says nothing; a larger one follows."""
PATIENCE = 2.0
"""How many times the sampling budget the drawing may be expected to take. The estimate is rough, and the drawing itself
is timed."""


def check_pace(draw: Callable[[int], object], count: int, budget_seconds: float) -> None:
    """Raise SamplingTimeout, with the seconds per sample, if `count` samples cannot be drawn in about the budget.

    draw: draws that many samples in one call. It is called with few, and with more only as long as it is not clear
    that the model is fast enough, or that it is not.
    """
    timed: list[tuple[int, float]] = []
    for size in _SIZES:
        if size >= count:
            return
        began = time.perf_counter()
        draw(size)
        seconds = time.perf_counter() - began
        timed.append((size, seconds))
        per_sample, expected = _expected(timed, count)
        if expected <= PATIENCE * budget_seconds:
            return
        if seconds >= max(_CONCLUSIVE_SECONDS, min(budget_seconds, 10.0) / 4) and (
            len(timed) > 1 or seconds > PATIENCE * budget_seconds
        ):
            raise SamplingTimeout(
                f"{per_sample:.3g} s per sample: {count} samples would take about {expected:.3g} s, the sampling"
                f" budget is {budget_seconds:g} s"
            )


def _expected(timed: Sequence[tuple[int, float]], count: int) -> tuple[float, float]:
    """Seconds per further sample, and for `count` samples, from the last two calls: what a call costs apart from its
    samples is paid once."""
    size, seconds = timed[-1]
    if len(timed) == 1:
        return seconds / size, seconds / size * count
    fewer, before = timed[-2]
    per_sample = max(0.0, seconds - before) / (size - fewer)
    return per_sample, seconds + per_sample * (count - size)
