"""From lines to series: one metric or cost of one model on one data set over commits, and where it changed.

Change points: PELT (Killick, Fearnhead and Eckley 2012) for the mean of a normal series, as `ruptures` has it, on
values in units of their noise. The noise is that of the steps from one commit to the next, by their median: a level
that changes does not count as noise.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genbench.api import Better, MetricCard
from genbench.errors import UsageError
from genbench_reports.gate.baseline import Machine
from genbench_reports.gate.costs import COMPARED_COSTS
from genbench_reports.history.history import Line, Point

PENALTY = 16.0
"""How much a change point must improve the fit, in squares of the noise. With this penalty, one in a hundred stationary
normal series of 50 points has any change point (docs/regression-gate.md). Since the noise is estimated, one penalty
serves series of 10 to 200 points."""
MIN_POINTS = 8
"""With fewer points the noise of the steps cannot be estimated."""
MIN_SEGMENT_POINTS = 2
"""Points on each side of a change: a single run proves nothing."""
_ROUNDING = 1e-6
_COSTS = {cost.name: cost for cost in COMPARED_COSTS}


@dataclass(frozen=True)
class ChangePoint:
    """A place in a series where its level changed."""

    index: int
    """Index of the first point on the new level."""
    before: float
    """Mean level before."""
    after: float
    """Mean level after."""


@dataclass(frozen=True)
class Series:
    """One metric or cost of one model on one data set over commits."""

    model: str
    """The model variant."""
    dataset: str
    """The data set."""
    metric: str
    """Name of the metric or cost."""
    label: str
    """What distinguishes it from other series with the same names: budget and kind."""
    better: Better
    """The better direction."""
    group: str
    """Group of the metric's card; speed, memory or cost for costs."""
    unit: str
    """Unit of the values."""
    times: tuple[str, ...]
    """When each run began."""
    commits: tuple[str, ...]
    """The first ten digits of each commit, or a date where there is none."""
    values: tuple[float, ...]
    """Means over seeds; times are converted to the speed of the first machine."""
    errors: tuple[float | None, ...]
    """Standard errors over seeds."""

    def worse_by(self, change: ChangePoint) -> float | None:
        """How much worse the new level is, as a share of the level before; None where the metric has no direction or
        the level was 0."""
        if self.better == "neither" or change.before == 0:
            return None
        return (change.after - change.before) / abs(change.before) * (1 if self.better == "lower" else -1)


def make_series(lines: Sequence[Line], cards: Mapping[str, MetricCard]) -> list[Series]:
    """Every metric and cost over time: a series for each setting and kind, and for times also for each hardware."""
    found: dict[tuple[str, ...], list[tuple[Line, Point]]] = {}
    for line in lines:
        for name, point in line.points.items():
            hardware = line.hardware if _group(line, name, cards) == "speed" else ""
            key = (line.dataset, line.model, name, line.setting, point.kind or "", hardware)
            found.setdefault(key, []).append((line, point))
    names = [key[:3] for key in found]
    return [
        _series(key, members, cards, alone=names.count(key[:3]) == 1)
        for key, members in sorted(found.items())
    ]


def change_points(values: Sequence[float]) -> list[ChangePoint]:
    """Where the level changed. In series without noise (counts, runs of fixed steps) every change is one.

    Raises UsageError where `ruptures` is not installed and would be needed.
    """
    steps = [after - before for before, after in itertools.pairwise(values)]
    if len(values) < 2:
        return []
    noise = statistics.median(abs(step) for step in steps) / 0.6744897501960817 / math.sqrt(2)
    scale = max(abs(value) for value in values)
    if noise <= _ROUNDING * scale:
        ends = [place + 1 for place, step in enumerate(steps) if abs(step) > _ROUNDING * scale]
    elif len(values) < MIN_POINTS:
        return []
    else:
        ends = _pelt(values, noise)
    bounds = [0, *ends, len(values)]
    levels = [math.fsum(values[one:other]) / (other - one) for one, other in itertools.pairwise(bounds)]
    return [ChangePoint(end, levels[place], levels[place + 1]) for place, end in enumerate(ends)]


def _pelt(values: Sequence[float], noise: float) -> list[int]:
    try:
        import ruptures
    except ImportError:
        raise UsageError(
            "change points need the package ruptures: pip install 'genbench[history]', or --no-changes"
        ) from None
    import numpy as np

    signal = (np.asarray(values, dtype=np.float64) - values[0]) / noise
    search = ruptures.Pelt(model="l2", min_size=MIN_SEGMENT_POINTS, jump=1).fit(signal.reshape(-1, 1))
    return [int(end) for end in search.predict(pen=PENALTY)[:-1]]


def _series(
    key: tuple[str, ...],
    members: Sequence[tuple[Line, Point]],
    cards: Mapping[str, MetricCard],
    *,
    alone: bool,
) -> Series:
    dataset, model, name, setting, kind, _ = key
    first = members[0][0]
    group = _group(first, name, cards)
    card = cards.get(name)
    cost = _COSTS.get(name)
    better: Better = cost.better if cost else card.better if card else first.better.get(name, "lower")
    unit = cost.unit if cost else card.unit if card else ""
    factors = [_factor(first.machine, line.machine, unit) if group == "speed" else 1.0 for line, _ in members]
    label = first.budget if alone else f"{first.budget}, {kind or setting}"
    return Series(
        model=model,
        dataset=dataset,
        metric=name,
        label=label,
        better=better,
        group=group,
        unit=unit,
        times=tuple(line.time for line, _ in members),
        commits=tuple((line.commit or line.time)[:10] + ("+" if line.dirty else "") for line, _ in members),
        values=tuple(point.mean * factor for (_, point), factor in zip(members, factors, strict=True)),
        errors=tuple(
            None if point.stderr is None else point.stderr * factor
            for (_, point), factor in zip(members, factors, strict=True)
        ),
    )


def _group(line: Line, name: str, cards: Mapping[str, MetricCard]) -> str:
    if name in _COSTS:
        return _COSTS[name].group
    return cards[name].group if name in cards else line.group.get(name, "quality")


def _factor(first: Machine, now: Machine, unit: str) -> float:
    """To the speed of the first machine, where both have a probe of the same version."""
    if not (first.probe_seconds and now.probe_seconds) or first.probe_version != now.probe_version:
        return 1.0
    speed = first.probe_seconds / now.probe_seconds
    return speed if unit == "s" else 1 / speed
