"""One image, from a file or from bytes, as an array of bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from genbench.errors import UsageError
from genbench_datasets.own_data.bad_files import BadFiles
from genbench_datasets.own_data.located import LocatedError
from genbench_datasets.own_data.memory import need_memory
from genbench_datasets.own_data.readers.image_kinds import (
    bits_per_channel,
    is_postscript,
    opened_formats,
    upright,
    upright_size,
)
from genbench_datasets.own_data.request import Request

Images = UInt8[np.ndarray, "count channels height width"]
Source = Path | bytes

_HEADER_BYTES = 65_536
"""Where the headers of all formats are."""
_GREY = ("1", "L", "LA", "La")
_EIGHT_BITS = (*_GREY, "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "LAB", "HSV")
_Read = TypeVar("_Read")


@dataclass(frozen=True)
class Header:
    """What is known of an image without its pixels."""

    size: tuple[int, int]
    """(width, height), after it is turned by its EXIF orientation."""
    grey: bool
    """Whether it has no colours."""


class BadImage(Exception):
    """An image that cannot be used; the text says why."""


class NoImage(BadImage):
    """The file is no image."""


def size_option(request: Request) -> tuple[int, int] | None:
    """The value of `size=WIDTHxHEIGHT`; None where it is not set. Raises UsageError."""
    text = request.text("size")
    if not text:
        return None
    width, _, height = text.lower().partition("x")
    if not all(
        side.isascii() and side.isdigit() and 0 < len(side) < 10 and int(side) > 0 for side in (width, height)
    ):
        raise UsageError(f"{request.shown}: size={text[:40]}: expected WIDTHxHEIGHT, as in size=32x32")
    return int(width), int(height)


@dataclass(frozen=True)
class ReadImages:
    """The images of a folder or a column."""

    images: Images
    """(N, 1, H, W) where all are grey, else (N, 3, H, W)."""
    kept: list[int]
    """Which of the sources they are, (N,); all of them unless bad ones were skipped."""


def read_images(
    sources: Sequence[Source],
    size: tuple[int, int] | None,
    name: Callable[[int], str],
    progress: Callable[[Sequence[Source]], Iterable[Source]] = iter,
    *,
    advice: str = "",
    bad: BadFiles | None = None,
) -> ReadImages:
    """name: what an error calls the i-th image.

    size: (width, height) that each is stretched to; where None, all must be of one size. advice: added to the error
    about a file that is no image at all. bad: takes those that are bad; None is an error for the first of them.
    Raises LocatedError that names the image that is broken, of another size, or not of 8 bits a channel.
    """
    bad = BadFiles() if bad is None else bad

    def read(index: int, action: Callable[[Source], _Read]) -> _Read | None:
        return bad.read(name(index), partial(_named, name(index), sources[index], action, advice))

    found = [read(index, read_header) for index in range(len(sources))]
    bad.need_others(len(sources))
    headers = {index: header for index, header in enumerate(found) if header is not None}
    first = next(iter(headers))
    width, height = size or headers[first].size
    if size is None:
        for index, header in headers.items():
            if header.size != (width, height):
                raise LocatedError(
                    f"{name(index)}: {header.size[0]}x{header.size[1]} pixels, but {name(first)} has {width}x{height};"
                    " all must be of one size, or size=WIDTHxHEIGHT makes them so"
                )
    channels = 1 if all(header.grey for header in headers.values()) else 3
    need_memory(
        2 * len(headers) * channels * width * height,  # they are copied when they are shared out to splits
        f"{len(headers):,} images of {width}x{height} in {channels} channels take",
        "; size=WIDTHxHEIGHT makes them smaller",
    )
    images = np.empty((len(headers), channels, height, width), np.uint8)
    kept: list[int] = []
    for index, _ in enumerate(progress(sources)):
        if index in headers:
            pixels = read(index, partial(read_pixels, channels=channels, size=size))
            if pixels is not None:
                images[len(kept)] = pixels
                kept.append(index)
    bad.need_others(len(sources))
    return ReadImages(images[: len(kept)], kept)


def _named(name: str, source: Source, read: Callable[[Source], _Read], advice: str) -> _Read:
    try:
        return read(source)
    except NoImage as error:
        raise LocatedError(f"{name}: {error}{advice}") from None
    except BadImage as error:
        raise LocatedError(f"{name}: {error}") from None


def read_header(source: Source) -> Header:
    """The header, without reading the pixels. Raises BadImage."""
    with _opened(source) as image:
        if (bits := bits_per_channel(image, _start(source))) > 8:
            raise BadImage(
                f"{bits} bits a channel; expected 8, and other bits would be lost: convert it first"
            )
        if image.mode not in _EIGHT_BITS:
            raise BadImage(f"mode {image.mode}: not 8 bits a channel")
        # further pictures of a phone's photo are a depth map, or the other eye
        if image.format != "MPO" and (frames := getattr(image, "n_frames", 1)) > 1:
            raise BadImage(f"{frames} frames; expected one")
        return Header(upright_size(image), image.mode in _GREY)


def read_pixels(
    source: Source, channels: int, size: tuple[int, int] | None
) -> UInt8[np.ndarray, "channels height width"]:
    """The pixels, turned by the EXIF orientation, transparent ones laid on white, stretched to `size` (width,
    height) by Pillow's Lanczos filter. Raises BadImage."""
    with _opened(source) as opened:
        image = upright(opened)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert("L" if channels == 1 else "RGB")
        if size is not None and image.size != size:
            image = image.resize(size, Image.Resampling.LANCZOS)
        pixels = np.asarray(image)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def _start(source: Source) -> bytes:
    if isinstance(source, bytes):
        return source[:_HEADER_BYTES]
    with source.open("rb") as file:
        return file.read(_HEADER_BYTES)


@contextmanager
def _opened(source: Source) -> Iterator[Image.Image]:
    """The image; whatever Pillow raises within the block is about it, and becomes BadImage."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about broken metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            file = io.BytesIO(source) if isinstance(source, bytes) else source
            with Image.open(file, formats=opened_formats()) as image:
                yield image
    except (BadImage, MemoryError):
        raise
    except UnidentifiedImageError:
        if is_postscript(_start(source)):
            raise BadImage(
                "PostScript, which is a program; expected an image that was drawn already"
            ) from None
        raise NoImage("no image, or none of a format that is read here") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise BadImage(f"announces more than {Image.MAX_IMAGE_PIXELS:,} pixels") from None
    except OSError as error:
        raise BadImage(f"cannot be read: {error.strerror or error}") from None
    except Exception as error:
        raise BadImage(f"broken: {type(error).__name__}: {' '.join(str(error).split())}") from None
