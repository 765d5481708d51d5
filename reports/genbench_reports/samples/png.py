"""Rasters as PNG data URIs: sheets of tiles in indexed colours, so small that a page can hold hundreds of them."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from PIL import Image

LEVELS = 32
"""Shades of one colour: digits look alike in 32 and in 256 shades, and 32 take half the bytes."""
NOT_GIVEN = (217, 95, 60)
"""The colour of what a model had to fill in."""
_COLOURS = 128
_GAP = 255
"""Index of the colour between tiles: transparent, so that the background of the page shows."""

Raster = UInt8[np.ndarray, "rows columns"]
Mono = UInt8[np.ndarray, "n height width"]
Colour = UInt8[np.ndarray, "n height width 3"]


@dataclass(frozen=True)
class Picture:
    """A picture in the page."""

    uri: str
    """A PNG as a data URI."""
    width: int
    """Width in its own pixels."""
    height: int
    """Height in its own pixels."""
    pixelated: bool = True
    """The page enlarges it without smoothing."""


def grey_sheet(tiles: Mono, columns: int) -> Picture:
    """Tiles of shades from 0 (black) to LEVELS - 1 (white), row by row; LEVELS marks values that were not given."""
    ramp = np.linspace(0, 255, LEVELS).round().astype(np.uint8)
    return _encode(_laid_out(tiles, columns), ramp.repeat(3).tobytes() + bytes(NOT_GIVEN), {_GAP: 0})


def ink_sheet(tiles: Mono, columns: int, ink: tuple[int, int, int], *, pixelated: bool = True) -> Picture:
    """Tiles of one ink on a transparent ground, from no ink (0) to full ink (LEVELS - 1)."""
    opacity = {level: round(255 * level / (LEVELS - 1)) for level in range(LEVELS)} | {_GAP: 0}
    return _encode(_laid_out(tiles, columns), bytes(ink) * LEVELS, opacity, pixelated=pixelated)


def ramp_picture(raster: Raster, colours: list[tuple[int, int, int]]) -> Picture:
    """Indices into `colours`; index 0 is transparent."""
    return _encode(raster, bytes(sum(colours, ())), {0: 0})


def colour_sheet(tiles: Colour, columns: int) -> Picture:
    """Tiles of red, green and blue, reduced to the palette that represents them best."""
    sheet = np.stack([_laid_out(tiles[..., channel], columns, gap=0) for channel in range(3)], axis=-1)
    between = _laid_out(np.zeros(tiles.shape[:3], np.uint8), columns) == _GAP
    indexed = Image.fromarray(sheet).quantize(_COLOURS, dither=Image.Dither.NONE)
    palette = bytes(indexed.getpalette() or [])
    return _encode(np.where(between, _GAP, np.asarray(indexed)).astype(np.uint8), palette, {_GAP: 0})


def _laid_out(tiles: Mono, columns: int, gap: int = _GAP) -> Raster:
    """One raster with the tiles in it, with a pixel between neighbours."""
    count, height, width = tiles.shape
    rows = -(-count // columns)
    columns = min(columns, count)
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), gap, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * (height + 1), number % columns * (width + 1)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def _encode(
    raster: Raster,
    palette: bytes,
    opacity: dict[int, int],
    *,
    pixelated: bool = True,
) -> Picture:
    image = Image.fromarray(raster, mode="L")
    image.putpalette(palette + bytes(768 - len(palette)))
    alphas = bytes(opacity.get(index, 255) for index in range(int(max(opacity)) + 1))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True, transparency=alphas)
    uri = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Picture(uri, image.width, image.height, pixelated)
