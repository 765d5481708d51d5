"""Which image formats are opened, and what Pillow does not say of an image: how many bits its channels have, and how it
is turned."""

from __future__ import annotations

from functools import cache
from typing import Any

from PIL import Image, TiffImagePlugin

_FORMATS = (
    *(
        "AVIF",
        "BMP",
        "DIB",
        "GIF",
        "JPEG",
        "JPEG2000",
        "MPO",
        "PCX",
        "PNG",
        "PPM",
        "QOI",
        "SGI",
        "TGA",
        "TIFF",
    ),
    "WEBP",
)
"""By Pillow's names. The others are documents or rare, and Pillow hands some to another program, EPS to Ghostscript."""
_ORIENTATION = 0x0112
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each orientation of the EXIF standard; 1 is upright."""


@cache
def opened_formats() -> tuple[str, ...]:
    """Those of the formats that this build of Pillow knows."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def is_postscript(start: bytes) -> bool:
    """Whether a file begins like EPS, with or without the binary header of DOS."""
    return start.startswith((b"%!PS", b"\xc5\xd0\xd3\xc6"))


def bits_per_channel(image: Image.Image, start: bytes) -> int:
    """8, or more where Pillow would drop the low bits of what it reads, without a word.

    start: the first bytes of the file, which hold the headers.
    """
    if image.format == "TIFF":
        bits = image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (8,))  # type: ignore[attr-defined]
        return max(8, *bits) if isinstance(bits, tuple) else max(8, int(bits))
    if image.format == "PPM":
        return 16 if _ppm_maximum(image) > 255 else 8
    if image.format == "JPEG2000":  # the precision less one stands 38 bytes behind the marker SIZ
        at = start.find(b"\xff\x4f\xff\x51") + 2
        return (start[at + 40] & 0x7F) + 1 if 2 <= at < len(start) - 40 else 8
    if image.format == "AVIF":  # flags of the third byte of the codec's configuration
        at = start.find(b"av1C") + 4
        flags = start[at + 2] if 4 <= at < len(start) - 2 else 0
        return 12 if flags & 0x20 else 10 if flags & 0x40 else 8
    return 16 if any(";16" in str(tile.args) or tile.codec_name == "SGI16" for tile in _tiles(image)) else 8


def orientation(image: Image.Image) -> int:
    """The orientation of the EXIF standard; 1 where the data are broken, which says nothing of the pixels.

    A TIFF is turned by Pillow itself.
    """
    if image.format == "TIFF":
        return 1
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # of many kinds: EXIF is a TIFF within the image
        return 1
    return found if isinstance(found, int) and found in _TRANSPOSITIONS else 1


def upright(image: Image.Image) -> Image.Image:
    """The image, turned and mirrored as its orientation says."""
    turned = orientation(image)
    return image if turned == 1 else image.transpose(_TRANSPOSITIONS[turned])


def upright_size(image: Image.Image) -> tuple[int, int]:
    """(width, height) of `upright`, without reading the pixels."""
    if (
        image.format == "TIFF"
    ):  # newer versions of Pillow give the size as it will be, older ones as it is stored
        turned = image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
        tags = image.tag_v2  # type: ignore[attr-defined]
        stored = (tags.get(TiffImagePlugin.IMAGEWIDTH), tags.get(TiffImagePlugin.IMAGELENGTH))
        return image.size[::-1] if turned and image.size == stored else image.size
    return image.size[::-1] if orientation(image) >= 5 else image.size


def _tiles(image: Image.Image) -> list[Any]:
    return getattr(image, "tile", None) or []


def _ppm_maximum(image: Image.Image) -> int:
    """The largest value that the header announces."""
    args = [tile.args for tile in _tiles(image)]
    return max((arg[1] for arg in args if isinstance(arg, tuple) and len(arg) == 2), default=255)
