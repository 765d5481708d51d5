"""Grids of small pictures of examples, on one scale per data set: images, series, piano rolls and binary vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Shaped, UInt8
from PIL import Image, ImageDraw
from torch import Tensor

from genbench.api import DataSpec
from genbench_reports.samples.png import LEVELS, NOT_GIVEN, Mono, Picture, colour_sheet, grey_sheet, ink_sheet

INK = (47, 125, 196)
"""Colour of drawings on a transparent ground."""
_MAX_IMAGE_PIXELS = 64
_SERIES_SIZE, _SHARPENING = (72, 44), 3
_MAX_SHEET_PIXELS = 26_000
"""Largest size of one grid before compression, in pixels, whatever the size of its tiles."""


@dataclass(frozen=True)
class Tiles:
    """How the examples of a data set are drawn as a grid."""

    draw: Callable[[Tensor, int], Picture]
    """(n, *event_shape) and the number of columns -> a picture."""
    columns: int
    """Columns of a usual grid."""
    count: int
    """Examples on a usual grid."""
    kind: str
    """What is on it, in words."""
    draw_given: Callable[[Tensor, Bool[Tensor, "..."], int], Picture] | None = None
    """For images: (n, *event_shape), which of their values are given (n, *event_shape), and the number of columns ->
    a picture in which the rest has a colour of its own. None for other data."""


def tiles_of(spec: DataSpec, reference: Tensor) -> Tiles | None:
    """How examples of that spec are drawn; None where pictures of single examples show nothing (points, text).

    reference: (N, *event_shape), the real data whose range sets the scale.
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
        rows = min(40, max(12, _MAX_SHEET_PIXELS // (16 * spec.dimension)))
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
    shrunk = max(height, width) > _MAX_IMAGE_PIXELS
    size = min(height, _MAX_IMAGE_PIXELS) * min(width, _MAX_IMAGE_PIXELS) * (2 if colour else 1)
    side = int(np.clip(np.sqrt(_MAX_SHEET_PIXELS / size), 2, 8))

    def draw(x: Tensor, columns: int, given: Tensor | None = None) -> Picture:
        missing = None if given is None else ~given[:, 0]
        if missing is not None and shrunk:
            missing = (
                torch.nn.functional.interpolate(missing[:, None].double(), size=_MAX_IMAGE_PIXELS)[:, 0] > 0.5
            )
        shades = ((x.double() - low) / max(high - low, 1e-12)).clamp(0, 1)
        if shrunk:
            shades = torch.nn.functional.interpolate(shades, size=_MAX_IMAGE_PIXELS, mode="area")
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
    """The first channel over time, clipped to the scale of the real data."""
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
        tile[-1] = np.maximum(tile[-1], 5)  # a baseline
    return tiles


def _keys(reference: Tensor) -> tuple[int, int]:
    """The range of keys that real data use, with two more on either side."""
    used = reference.flatten(0, 1).amax(0).nonzero()[:, 0]
    if len(used) == 0:
        return 0, reference.shape[-1]
    return max(0, int(used.min()) - 2), min(reference.shape[-1], int(used.max()) + 3)


def _rolls(x: Shaped[Tensor, "n time keys"], low_key: int, high_key: int) -> Mono:
    """High notes at the top: full ink where a key sounds, faint ink elsewhere."""
    sounding = x[:, :, low_key:high_key].flip(2).transpose(1, 2) > 0
    return torch.where(sounding, LEVELS - 1, 3).to(torch.uint8).numpy()


def _bits(
    x: Shaped[Tensor, "n dim"], levels: int, rows: int
) -> UInt8[np.ndarray, "1 {min(rows,len(x))} dim"]:
    """One tile with a row for each example."""
    shades = x[:rows].double() / (levels - 1) * (LEVELS - 1)
    return shades.clamp(min=2).round().to(torch.uint8)[None].numpy()
