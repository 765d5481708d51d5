"""From lines to series: one figure of one model on one data set over commits, and where it changed.

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
"""What a change point must gain, in squares of the noise. Of stationary normal series, of 50 points, one in a hundred
has one at all (docs/regression-gate.md); the noise being estimated, the same penalty serves from 10 points to 200."""
LEAST_POINTS = 8
"""With fewer, the noise of the steps is a guess."""
LEAST_SEGMENT = 2
"""Points on each side: a single run proves nothing."""
_ROUNDING = 1e-6
_COSTS = {cost.name: cost for cost in COMPARED_COSTS}


@dataclass(frozen=True)
class ChangePoint:
    """index: the first point of the new level. before, after: mean levels on its two sides."""

    index: int
    before: float
    after: float


@dataclass(frozen=True)
class Series:
    """label: what tells it from another series of the same names: budget, kind. values: times are brought to the speed
    of the first machine. commits: ten digits, or a date where there is none."""

    model: str
    dataset: str
    metric: str
    label: str
    better: Better
    group: str
    unit: str
    times: tuple[str, ...]
    commits: tuple[str, ...]
    values: tuple[float, ...]
    errors: tuple[float | None, ...]

    def worse_by(self, change: ChangePoint) -> float | None:
        """As a share of the level before; None where nothing is better or the level was 0."""
        if self.better == "neither" or change.before == 0:
            return None
        return (change.after - change.before) / abs(change.before) * (1 if self.better == "lower" else -1)


def make_series(lines: Sequence[Line], cards: Mapping[str, MetricCard]) -> list[Series]:
    """Every figure over time, apart for each setting and kind; times apart for each hardware."""
    found: dict[tuple[str, ...], list[tuple[Line, Point]]] = {}
    for line in lines:
        for name, point in line.figures.items():
            hardware = line.hardware if _group(line, name, cards) == "speed" else ""
            key = (line.dataset, line.model, name, line.setting, point.kind or "", hardware)
            found.setdefault(key, []).append((line, point))
    names = [key[:3] for key in found]
    return [
        _series(key, members, cards, alone=names.count(key[:3]) == 1)
        for key, members in sorted(found.items())
    ]


def change_points(values: Sequence[float]) -> list[ChangePoint]:
    """Where the level changed. Series without noise (figures of fixed steps, counts) changed wherever they did.

    Raises UsageError where `ruptures` is not installed and would be needed.
    """
    steps = [after - before for before, after in itertools.pairwise(values)]
    if len(values) < 2:
        return []
    noise = statistics.median(abs(step) for step in steps) / 0.6744897501960817 / math.sqrt(2)
    scale = max(abs(value) for value in values)
    if noise <= _ROUNDING * scale:
        ends = [place + 1 for place, step in enumerate(steps) if abs(step) > _ROUNDING * scale]
    elif len(values) < LEAST_POINTS:
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
    search = ruptures.Pelt(model="l2", min_size=LEAST_SEGMENT, jump=1).fit(signal.reshape(-1, 1))
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
