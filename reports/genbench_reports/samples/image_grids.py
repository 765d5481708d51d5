"""Examples as small rasters, all of a data set at one scale: images, series, piano rolls and binary vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped, UInt8
from PIL import Image, ImageDraw
from torch import Tensor

from genbench.api import DataSpec
from genbench_reports.samples.png import LEVELS, NOT_GIVEN, Mono, Picture, colour_sheet, grey_sheet, ink_sheet

INK = (47, 125, 196)
_WIDEST_IMAGE = 64
_SERIES_SIZE, _SHARPENING = (72, 44), 3
_SHEET_PIXELS = 26_000
"""Of one grid: so many bytes before compression, whatever the size of its tiles."""


@dataclass(frozen=True)
class Tiles:
    """draw: (n, *event_shape) and the number of columns -> a sheet. columns, count: of the usual sheet. kind: what is
    on it, in words. draw_given: of images, (n, *event_shape), what is given of them (n, *event_shape) and the number of
    columns -> a sheet on which the rest has a colour of its own."""

    draw: Callable[[Tensor, int], Picture]
    columns: int
    count: int
    kind: str
    draw_given: Callable[[Tensor, Bool[Tensor, "..."], int], Picture] | None = None


def tiles_of(spec: DataSpec, reference: Tensor) -> Tiles | None:
    """How examples of that spec are drawn; None where single examples say nothing to the eye (points, text).

    reference: (N, *event_shape), whose range is the scale of real values.
    """
    if spec.modality == "image":
        return _image_tiles(spec, reference)
    if spec.modality == "series":
        low, high = float(reference[..., 0].min()), float(reference[..., 0].max())
        margin = 0.08 * ((high - low) or 1.0)
        scale = low - margin, high + margin
        return Tiles(lambda x, n: _ink(_lines(x, scale), n, pixelated=False), 4, 16, "series, over time")
    if spec.modality == "pianoroll":
        low_key, high_key = _keys(reference)
        width = spec.event_shape[0]
        columns = max(1, min(6, 128 // width))
        return Tiles(
            lambda x, n: _ink(_rolls(x, low_key, high_key), n), columns, 3 * columns, "rolls, pitch over time"
        )
    if spec.modality == "points" and spec.levels is not None:
        rows = min(40, max(12, _SHEET_PIXELS // (16 * spec.dimension)))
        return Tiles(lambda x, n: _ink(_bits(x, spec.levels or 2, rows), n), 1, rows, "examples, a row each")
    return None


# ---- images


def _image_tiles(spec: DataSpec, reference: Tensor) -> Tiles:
    channels, height, width = spec.event_shape
    low, high = (
        (0.0, spec.levels - 1.0)
        if spec.levels is not None
        else (float(reference.min()), float(reference.max()))
    )
    colour = channels == 3
    shrunk = max(height, width) > _WIDEST_IMAGE
    size = min(height, _WIDEST_IMAGE) * min(width, _WIDEST_IMAGE) * (2 if colour else 1)
    side = int(np.clip(np.sqrt(_SHEET_PIXELS / size), 2, 8))

    def draw(x: Tensor, columns: int, given: Tensor | None = None) -> Picture:
        missing = None if given is None else ~given[:, 0]
        if missing is not None and shrunk:
            missing = (
                torch.nn.functional.interpolate(missing[:, None].double(), size=_WIDEST_IMAGE)[:, 0] > 0.5
            )
        shades = ((x.double() - low) / max(high - low, 1e-12)).clamp(0, 1)
        if shrunk:
            shades = torch.nn.functional.interpolate(shades, size=_WIDEST_IMAGE, mode="area")
        if colour:
            rgb = (shades * 255).round().to(torch.uint8).movedim(1, -1)
            if missing is not None:
                rgb[missing] = torch.tensor(NOT_GIVEN, dtype=torch.uint8)
            return colour_sheet(rgb.numpy(), columns)
        grey = (shades[:, 0] * (LEVELS - 1)).round().to(torch.uint8)
        if missing is not None:
            grey[missing] = LEVELS
        return grey_sheet(grey.numpy(), columns)

    return Tiles(draw, side, side * side, "images", lambda x, given, columns: draw(x, columns, given))


# ---- ink


def _ink(tiles: Mono, columns: int, *, pixelated: bool = True) -> Picture:
    return ink_sheet(tiles, columns, INK, pixelated=pixelated)


def _lines(x: Shaped[Tensor, "n time channels"], scale: tuple[float, float]) -> Mono:
    """The first channel over time, clipped to the scale of real data."""
    width, height = _SERIES_SIZE
    low, high = scale
    values = ((x[:, :, 0].double() - low) / (high - low)).clamp(-0.02, 1.02).numpy()
    across = np.linspace(1, width - 2, values.shape[1])
    tiles = np.zeros((len(x), height, width), np.uint8)
    for tile, series in zip(tiles, values, strict=True):
        canvas = Image.new("L", (width * _SHARPENING, height * _SHARPENING))
        down = (1 - series) * (height - 3) + 1
        path = [(a * _SHARPENING, d * _SHARPENING) for a, d in zip(across, down, strict=True)]
        ImageDraw.Draw(canvas).line(path, fill=LEVELS - 1, width=4, joint="curve")
        tile[:] = np.asarray(canvas.resize((width, height), Image.Resampling.BOX))
        tile[-1] = np.maximum(tile[-1], 5)  # the ground that it stands on
    return tiles


def _keys(reference: Tensor) -> tuple[int, int]:
    """The keys that real data use, and two more on either side."""
    used = reference.flatten(0, 1).amax(0).nonzero()[:, 0]
    if len(used) == 0:
        return 0, reference.shape[-1]
    return max(0, int(used.min()) - 2), min(reference.shape[-1], int(used.max()) + 3)


def _rolls(x: Shaped[Tensor, "n time keys"], low_key: int, high_key: int) -> Mono:
    """High notes above; all ink where a key sounds, and a faint ground."""
    sounding = x[:, :, low_key:high_key].flip(2).transpose(1, 2) > 0
    return torch.where(sounding, LEVELS - 1, 3).to(torch.uint8).numpy()


def _bits(
    x: Shaped[Tensor, "n dim"], levels: int, rows: int
) -> UInt8[np.ndarray, "1 {min(rows,len(x))} dim"]:
    """One tile with a row for each example."""
    shades = x[:rows].double() / (levels - 1) * (LEVELS - 1)
    return shades.clamp(min=2).round().to(torch.uint8)[None].numpy()


def rounded(values: Float[np.ndarray, "..."] | Tensor, digits: int = 4) -> list[float | None]:
    """Numbers as JSON wants them: short, and never NaN."""
    flat = np.asarray(values, dtype=np.float64).ravel()
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in flat]
