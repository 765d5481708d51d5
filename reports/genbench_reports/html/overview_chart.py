"""The picture of the first screen, quality against cost, as SVG that needs no script.

Everything is placed here, in pixels from the top left; `overview_chart.svg.j2` writes it down.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from genbench_reports.charts.label_places import Box, Spot, name_lines, place_labels, text_width
from genbench_reports.charts.overview_costs import CostChoice, cost_choices
from genbench_reports.charts.palette import style_of
from genbench_reports.format.numbers import format_bytes, format_count, format_seconds, format_value
from genbench_reports.format.text import clean
from genbench_reports.overview.model_points import ModelPoint, Quality
from genbench_reports.overview.overview import Overview
from genbench_reports.statistics.pareto import pareto_front

NAME_SIZE, LINE_HEIGHT = 12, 14
"""Size of the letters of names, in pixels."""
_LEFT, _RIGHT, _ABOVE, _BELOW = 52, 12, 26, 44
"""Room around the plotting area, in pixels."""
_MARGIN = 0.07
"""Empty room beyond the least and the largest value, as a share of the axis."""
_MIN_TICKS, _MAX_TICKS = 3, 7
_WIDE, _NARROW = (1064, 330), (358, 252)
"""Widths and usual heights of the picture on a desk and on a phone, in pixels."""
_ROOM_PER_NAME = 1.4
"""Share of the plotting area's height, in lines per name of one width, that names may fill before it grows."""

# paths of symbols around the origin, by their names in the palette
SYMBOLS = {
    "circle": "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0z",
    "square": "M-4.5,-4.5h9v9h-9z",
    "diamond": "M0,-6L6,0L0,6L-6,0z",
    "triangle-up": "M0,-5.5L5.5,4.5L-5.5,4.5z",
    "triangle-down": "M0,5.5L5.5,-4.5L-5.5,-4.5z",
    "pentagon": "M0,-5.5L5.2,-1.7L3.2,4.4L-3.2,4.4L-5.2,-1.7z",
    "star": "M0,-6.5L1.6,-2L6.2,-2L2.5,0.9L3.8,5.3L0,2.6L-3.8,5.3L-2.5,0.9L-6.2,-2L-1.6,-2z",
    "x": "M-4,-5L0,-1L4,-5L5,-4L1,0L5,4L4,5L0,1L-4,5L-5,4L-1,0L-5,-4z",
    "hexagon": "M-5.5,0L-2.7,-4.8L2.7,-4.8L5.5,0L2.7,4.8L-2.7,4.8z",
}


@dataclass(frozen=True)
class Tick:
    """A number on an axis."""

    place: float
    """Where it stands, in pixels."""
    text: str
    """The number with its unit."""


@dataclass(frozen=True)
class Mark:
    """One model."""

    label: str
    """Its name, cleaned."""
    family: str
    """Its family, cleaned."""
    symbol: str
    """Path of its symbol."""
    x: float
    """Horizontal coordinate."""
    y: float
    """Vertical coordinate."""
    ends: tuple[float, float] | None
    """Vertical coordinates of the ends of its error bar; None where the error is not known."""
    is_hollow: bool
    """It met other boards than the models of the verdict."""
    name: tuple[str, ...]
    """Its name, in lines; empty where there is no room."""
    name_x: float
    """Horizontal coordinate of the middle of its name."""
    name_y: float
    """Vertical coordinate of the middle of its name."""
    is_far: bool
    """A line leads from the symbol to the name."""
    said: str
    """All values in words."""


@dataclass(frozen=True)
class ChartPicture:
    """One picture."""

    width: int
    """In pixels."""
    height: int
    """In pixels."""
    frame: Box
    """The plotting area; `low` is its upper edge."""
    x_title: str
    """Title of the horizontal axis."""
    y_title: str
    """Title of the vertical axis."""
    x_ticks: tuple[Tick, ...]
    """Numbers on the horizontal axis."""
    y_ticks: tuple[Tick, ...]
    """Numbers on the vertical axis."""
    marks: tuple[Mark, ...]
    """The models."""
    front: str
    """Points of the line through the models that no other beats in both, as SVG writes them."""

    @property
    def unnamed(self) -> list[str]:
        """Models for whose names there is no room."""
        return [mark.label for mark in self.marks if not mark.name]

    @property
    def families(self) -> list[str]:
        """Families of the models, each once."""
        return list(dict.fromkeys(mark.family for mark in self.marks))


@dataclass(frozen=True)
class OverviewChart:
    """The picture against one cost, for two widths of the screen."""

    name: str
    """The cost, in a word or two."""
    title: str
    """The cost, as the axis names it."""
    wide: ChartPicture
    """On a desk."""
    narrow: ChartPicture
    """On a phone."""
    csv: str
    """The values behind it, as CSV."""
    without: tuple[str, ...]
    """Models that are not in it, because a value is missing."""

    @property
    def hollow(self) -> bool:
        """Whether a mark is hollow."""
        return any(mark.is_hollow for mark in self.wide.marks)


def overview_charts(overview: Overview) -> list[OverviewChart]:
    """A picture against each cost that was measured, first the one to open with; empty where models have no common
    quality."""
    if overview.quality is None:
        return []
    charts = []
    for choice in cost_choices(overview.models):
        models = [
            model for model in overview.models if model.quality is not None and model.label in choice.values
        ]
        without = tuple(clean(model.label) for model in overview.models if model not in models)
        wide, narrow = (_picture(overview, choice, models, *size) for size in (_WIDE, _NARROW))
        charts.append(
            OverviewChart(choice.name, choice.title, wide, narrow, _csv(overview, choice, models), without)
        )
    return charts


def _picture(
    overview: Overview, choice: CostChoice, models: Sequence[ModelPoint], width: int, height: int
) -> ChartPicture:
    assert overview.quality is not None
    names = [name_lines(clean(model.label)) for model in models]
    lines = sum(len(name) for name in names)
    area = sum(LINE_HEIGHT * len(name) * _name_width(name) for name in names)
    inner = width - _LEFT - _RIGHT
    height = max(height, round(_ROOM_PER_NAME * area / inner) + _ABOVE + _BELOW, lines * 4)
    frame = Box(_LEFT, width - _RIGHT, _ABOVE, height - _BELOW)
    x_scale = _Scale.over([choice.values[model.label] for model in models], frame.left, frame.right, True)
    qualities = [model.quality for model in models if model.quality is not None]
    ends = [
        end for quality in qualities for end in (quality.low, quality.value, quality.high) if end is not None
    ]
    y_scale = _Scale.over(ends, frame.high, frame.low, overview.quality.is_logarithmic)
    spots = [
        Spot(
            x_scale.at(choice.values[model.label]),
            y_scale.at(quality.value),
            _name_width(name),
            LINE_HEIGHT * len(name),
        )
        for model, quality, name in zip(models, qualities, names, strict=True)
    ]
    places = place_labels(spots, Box(2, width - 2, 2, frame.high), LINE_HEIGHT)
    write = format_seconds if choice.unit == "seconds" else format_bytes
    marks = tuple(
        Mark(
            label=clean(model.label),
            family=clean(model.family),
            symbol=SYMBOLS[style_of(model.family).symbol],
            x=spot.x,
            y=spot.y,
            ends=_ends(quality, y_scale),
            is_hollow=not model.is_compared and overview.quality.is_distance,
            name=tuple(name) if place is not None else (),
            name_x=spot.x if place is None else place.x,
            name_y=spot.y if place is None else place.y,
            is_far=place is not None and place.is_far,
            said=_said(model, quality, overview.quality.title, choice, write),
        )
        for model, quality, name, spot, place in zip(models, qualities, names, spots, places, strict=True)
    )
    return ChartPicture(
        width=width,
        height=height,
        frame=frame,
        x_title=choice.title,
        y_title=overview.quality.title,
        x_ticks=_ticks(x_scale, write, binary=choice.unit == "bytes"),
        y_ticks=_ticks(y_scale, format_count if overview.quality.is_logarithmic else format_value),
        marks=marks,
        front=_front(overview, choice, models, x_scale, y_scale),
    )


def _ends(quality: Quality, scale: _Scale) -> tuple[float, float] | None:
    if quality.low is None or quality.high is None:
        return None
    return scale.at(quality.low), scale.at(quality.high)


def _front(
    overview: Overview, choice: CostChoice, models: Sequence[ModelPoint], x_scale: _Scale, y_scale: _Scale
) -> str:
    """The front as steps: between two models, the cheaper one is what can be had."""
    assert overview.quality is not None
    if overview.quality.better == "neither":
        return ""
    counted = [
        (choice.values[model.label], model.quality.value)
        for model in models
        if model.quality is not None and (model.is_compared or not overview.quality.is_distance)
    ]
    front = [counted[index] for index in pareto_front(counted, overview.quality.better)]
    corners = []
    for number, (x, y) in enumerate(front):
        if number:
            corners.append((x, front[number - 1][1]))
        corners.append((x, y))
    return " ".join(f"{x_scale.at(x):.1f},{y_scale.at(y):.1f}" for x, y in corners)


def _said(
    model: ModelPoint, quality: Quality, title: str, choice: CostChoice, write: Callable[[float | None], str]
) -> str:
    interval = (
        "" if quality.low is None else f" ({format_value(quality.low)} to {format_value(quality.high)})"
    )
    others = "" if model.is_compared else ", over other data sets than the models of the verdict"
    return (
        f"{clean(model.label)} ({clean(model.family)}): {title} {format_value(quality.value)}{interval},"
        f" {choice.title} {write(choice.values[model.label])}{others}"
    )


def _csv(overview: Overview, choice: CostChoice, models: Sequence[ModelPoint]) -> str:
    assert overview.quality is not None
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    unit = "s" if choice.unit == "seconds" else "bytes"
    writer.writerow(
        ["model", "family", f"{choice.title}, {unit}", overview.quality.title, "low", "high", "compared"]
    )
    for model in models:
        assert model.quality is not None
        quality = model.quality
        writer.writerow(
            [
                spreadsheet_text(model.label),
                spreadsheet_text(model.family),
                choice.values[model.label],
                quality.value,
                quality.low,
                quality.high,
                model.is_compared,
            ]
        )
    return buffer.getvalue()


def spreadsheet_text(text: str) -> str:
    """A name in which no spreadsheet reads a formula."""
    cleaned = clean(text)
    return f"'{cleaned}" if cleaned[:1] in ("=", "+", "-", "@") else cleaned


def _name_width(lines: Sequence[str]) -> float:
    return max(text_width(line, NAME_SIZE) for line in lines)


# ---- axes


@dataclass(frozen=True)
class _Scale:
    """From values to pixels."""

    low: float
    """Value at `begin`; where the axis is logarithmic, its logarithm to the base 10."""
    high: float
    """Value at `end`, likewise."""
    begin: float
    """In pixels."""
    end: float
    """In pixels."""
    is_logarithmic: bool

    @classmethod
    def over(cls, values: Sequence[float], begin: float, end: float, is_logarithmic: bool) -> _Scale:
        """A scale with some room beyond the values."""
        places = [math.log10(value) if is_logarithmic else value for value in values]
        low, high = min(places), max(places)
        margin = _MARGIN * (high - low) or 0.3
        return cls(low - margin, high + margin, begin, end, is_logarithmic)

    def at(self, value: float) -> float:
        """The coordinate of a value, in pixels."""
        place = math.log10(value) if self.is_logarithmic else value
        return self.begin + (place - self.low) / (self.high - self.low) * (self.end - self.begin)


def _ticks(scale: _Scale, write: Callable[[float], str], *, binary: bool = False) -> tuple[Tick, ...]:
    return tuple(
        Tick(round(scale.at(value), 1), write(value))
        for value in tick_values(scale.low, scale.high, is_logarithmic=scale.is_logarithmic, binary=binary)
    )


def tick_values(low: float, high: float, *, is_logarithmic: bool, binary: bool = False) -> list[float]:
    """Round numbers between the ends of an axis, which on logarithmic ones are logarithms to the base 10.

    binary: powers of two in place of those of ten.
    """
    if not is_logarithmic:
        return _even_ticks(low, high)
    if binary:
        first, last = math.ceil(low / math.log10(2)), math.floor(high / math.log10(2))
        powers = [2.0**power for power in range(first, last + 1)]
        if len(powers) >= _MIN_TICKS:
            return powers[:: math.ceil(len(powers) / _MAX_TICKS)]
    for digits in ((1,), (1, 3), (1, 2, 5), (1, 2, 3, 5, 7), tuple(range(1, 10))):
        found = [
            digit * 10.0**power
            for power in range(math.floor(low), math.ceil(high) + 1)
            for digit in digits
            if low <= math.log10(digit) + power <= high
        ]
        if len(found) >= _MIN_TICKS:
            return found[:: math.ceil(len(found) / _MAX_TICKS)]
    return _even_ticks(10**low, 10**high)


def _even_ticks(low: float, high: float) -> list[float]:
    rough = (high - low) / (_MAX_TICKS - 1)
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * size for factor in (1, 2, 5, 10) if factor * size >= rough)
    return [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
