"""Pictures of samples from arrays, for the command `pictures`, which selects the arrays. Drawn with matplotlib's
objects rather than pyplot, which has global state."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from genbench.api import DatasetCard, DataSpec
from genbench.samples.completions import Completions, masks_for
from genbench_reports.samples.series import spread
from genbench_reports.samples.series_units import SeriesUnits, series_units
from genbench_reports.samples.texts import text_of

_GRID_SIDE = 8
"""Images per row and per column of a grid."""
_MAX_POINTS, _MAX_SERIES, _MAX_COMPLETED = 2000, 12, 12
_MAX_ROLLS, _ROLL_COLUMNS = 12, 3
_MAX_TEXTS, _MAX_TEXT_CHARACTERS, _TEXT_LINE_CHARACTERS = 4, 320, 64
_GAP = 1.0
"""White, between images."""
_MISSING = (0.85, 0.25, 0.2)
"""Colour of what a model had to fill in."""

Pixels = NDArray[np.float64]


def pixels(x: Tensor, spec: DataSpec) -> Pixels:
    """(N, C, H, W) on the data's scale -> (N, H, W, 3) in [0, 1]; other numbers of channels than 3 are shown by their
    first, as grey."""
    values = x.double().numpy()
    low, high = (0.0, spec.levels - 1.0) if spec.levels is not None else (values.min(), values.max())
    values = ((values - low) / max(high - low, 1e-12)).clip(0, 1)
    if values.shape[1] != 3:
        values = values[:, :1].repeat(3, 1)
    return np.moveaxis(values, 1, -1)


def tiled(images: Pixels, columns: int) -> Pixels:
    """(N, H, W, 3) -> one image, filled row by row, with a white pixel between neighbours."""
    count, height, width, _ = images.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1, 3), _GAP)
    for number, image in enumerate(images):
        top, left = number // columns * (height + 1), number % columns * (width + 1)
        sheet[top : top + height, left : left + width] = image
    return sheet


def samples_beside_real(samples: Tensor, real: Tensor, card: DatasetCard, title: str) -> Figure | None:
    """None for points on a line."""
    spec = card.spec
    if spec.modality == "points" and spec.dimension < 2:
        return None
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(1, 2, sharey=spec.modality == "series")
    if spec.modality == "series":
        # held-out windows follow each other by one step
        real = spread(real)
    for axis, name, x in zip(axes, ("held-out real data", "samples"), (real, samples), strict=True):
        axis.set_title(name, fontsize="medium")
        if spec.modality == "image":
            _show(axis, tiled(pixels(x[: _GRID_SIDE**2], spec), _GRID_SIDE))
        elif spec.modality == "points":
            _scatter(axis, x.flatten(1).double().numpy(), real.flatten(1).double().numpy())
        elif spec.modality == "series":
            _lines(axis, x, real, series_units(card))
        elif spec.modality == "tokens":
            _texts(axis, x, card.alphabet, spec.source_steps)
        else:
            rolls = x[:_MAX_ROLLS].double().transpose(1, 2).flip(1).unsqueeze(1)
            _show(axis, tiled(1 - pixels(rolls, spec), _ROLL_COLUMNS))
    return figure


def _lines(axis: Axes, x: Tensor, real: Tensor, units: SeriesUnits) -> None:
    """The first variable of the first series, on the scale of the real ones."""
    axis.plot(x[:_MAX_SERIES, :, 0].double().numpy().T, linewidth=0.8)
    low, high = float(real[:, :, 0].min()), float(real[:, :, 0].max())
    axis.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))
    axis.set_xlabel(units.time)
    axis.set_ylabel(units.value)


def _texts(axis: Axes, x: Tensor, alphabet: Sequence[str] | None, source_steps: int | None) -> None:
    """The beginnings of the first texts."""
    texts = [text_of(example, alphabet, source_steps) for example in x[:_MAX_TEXTS]]
    shown = [
        text if len(text) <= _MAX_TEXT_CHARACTERS else text[:_MAX_TEXT_CHARACTERS] + "…" for text in texts
    ]
    lines = [
        piece
        for text in shown
        for line in (*text.split("\n"), "")
        for piece in textwrap.wrap(line, _TEXT_LINE_CHARACTERS, drop_whitespace=False) or [""]
    ]
    axis.text(0, 1, "\n".join(lines), family="monospace", fontsize=7, va="top", parse_math=False)
    axis.set_axis_off()


def _scatter(axis: Axes, x: Pixels, real: Pixels) -> None:
    """The first two dimensions, as counts per cell with points on top, within the limits of the real data."""
    low, high = real[:, :2].min(0), real[:, :2].max(0)
    margin = 0.15 * (high - low)
    limits = [(low[i] - margin[i], high[i] + margin[i]) for i in range(2)]
    axis.hist2d(x[:, 0], x[:, 1], bins=60, range=limits, cmap="Blues")
    axis.plot(x[:_MAX_POINTS, 0], x[:_MAX_POINTS, 1], ".", markersize=1.5, color="black", alpha=0.35)
    axis.set_xlim(limits[0])
    axis.set_ylim(limits[1])
    axis.set_aspect("equal")


def completions(found: Completions, real: Tensor, spec: DataSpec, dataset: str, title: str) -> Figure:
    """Three rows for each mask: the truth, what is given, the completion."""
    done = {name: each.x for name, each in found.items() if each.x is not None}
    total = len(next(iter(done.values())))
    shown = min(_MAX_COMPLETED, total)
    masks = masks_for(spec, dataset, total)
    figure = Figure(figsize=(9, 2.4 * len(done) + 0.8), layout="constrained")
    figure.suptitle(f"{title}: truth, given, completed")
    for axis, (name, x) in zip(figure.subplots(len(done), 1, squeeze=False)[:, 0], done.items(), strict=True):
        truth = pixels(real[:shown], spec)
        given = np.where(masks[name][:shown, 0].numpy()[..., None], truth, np.array(_MISSING))
        sheet = np.concatenate([truth, given, pixels(x[:shown], spec)])
        _show(axis, tiled(sheet, shown))
        axis.set_title(name.replace("_", " "), fontsize="medium")
    return figure


def rows(x: Tensor, spec: DataSpec, title: str) -> Figure:
    """x: (rows, columns, C, H, W)."""
    count, columns = x.shape[:2]
    figure = Figure(figsize=(0.9 * columns + 0.5, 0.9 * count + 0.9), layout="constrained")
    figure.suptitle(title, fontsize="medium", wrap=True)
    _show(figure.subplots(), tiled(pixels(x.flatten(0, 1), spec), columns))
    return figure


def entropy(examples: Tensor, nats: Tensor, spec: DataSpec, title: str) -> Figure:
    """examples: (M, C, H, W). nats: (N, C, H, W) with N at most M; the channels of a pixel are added."""
    count = len(nats)
    figure = Figure(figsize=(1.1 * count + 1.2, 3.2), layout="constrained")
    figure.suptitle(f"{title}: entropy of each pixel given those before it", fontsize="medium")
    above, below = figure.subplots(2, 1)
    _show(above, tiled(pixels(examples[:count], spec), count))
    by_pixel = nats.sum(1).double().numpy()
    height, width = by_pixel.shape[1:]
    sheet = np.full((height, count * (width + 1) - 1), np.nan)
    for number, each in enumerate(by_pixel):
        sheet[:, number * (width + 1) : number * (width + 1) + width] = each
    shown = below.imshow(sheet, cmap="magma", interpolation="nearest")
    below.set_axis_off()
    figure.colorbar(shown, ax=[above, below], label="nats", shrink=0.6)
    return figure


def _show(axis: Axes, sheet: Pixels) -> None:
    axis.imshow(sheet, interpolation="nearest")
    axis.set_axis_off()
