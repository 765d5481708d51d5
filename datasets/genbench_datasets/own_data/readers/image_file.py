"""One image, from a file or from bytes, as an array of bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import psutil
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from genbench.errors import DataError, UsageError
from genbench_datasets.own_data.located import LocatedError
from genbench_datasets.own_data.request import Request

Images = UInt8[np.ndarray, "count channels height width"]
Source = Path | bytes

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
    if not all(side.isascii() and side.isdigit() and int(side) > 0 for side in (width, height)):
        raise UsageError(f"{request.name}: size={text}: expected WIDTHxHEIGHT, as in size=32x32")
    return int(width), int(height)


def read_images(
    sources: Sequence[Source],
    size: tuple[int, int] | None,
    name: Callable[[int], str],
    progress: Callable[[Sequence[Source]], Iterable[Source]] = iter,
    *,
    advice: str = "",
) -> Images:
    """(N, 1, H, W) where all are grey, else (N, 3, H, W). name: what an error calls the i-th image.

    size: (width, height) that each is stretched to; where None, all must be of one size. advice: added to the error
    about a file that is no image at all. Raises LocatedError that names the image that is broken, of another size,
    or not of 8 bits a channel.
    """

    def named(index: int, read: Callable[[Source], _Read]) -> _Read:
        try:
            return read(sources[index])
        except NoImage as error:
            raise LocatedError(f"{name(index)}: {error}{advice}") from None
        except BadImage as error:
            raise LocatedError(f"{name(index)}: {error}") from None

    headers = [named(index, read_header) for index in range(len(sources))]
    width, height = size or headers[0].size
    if size is None:
        for index, header in enumerate(headers):
            if header.size != (width, height):
                raise LocatedError(
                    f"{name(index)}: {header.size[0]}x{header.size[1]} pixels, but {name(0)} has {width}x{height};"
                    " all must be of one size, or size=WIDTHxHEIGHT makes them so"
                )
    channels = 1 if all(header.grey for header in headers) else 3
    _need_memory(len(sources), channels, width, height)
    images = np.empty((len(sources), channels, height, width), np.uint8)
    for index, _ in enumerate(progress(sources)):
        images[index] = named(index, lambda source: read_pixels(source, channels, size))
    return images


def read_header(source: Source) -> Header:
    """The header, without reading the pixels. Raises BadImage."""
    with _opened(source) as image:
        if image.mode not in _EIGHT_BITS:
            raise BadImage(f"mode {image.mode}: not 8 bits a channel")
        if (frames := getattr(image, "n_frames", 1)) > 1:
            raise BadImage(f"{frames} frames; expected one")
        turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        return Header(image.size[::-1] if turned else image.size, image.mode in _GREY)


def read_pixels(
    source: Source, channels: int, size: tuple[int, int] | None
) -> UInt8[np.ndarray, "channels height width"]:
    """The pixels, turned by the EXIF orientation, transparent ones laid on white, stretched to `size` (width,
    height) by Pillow's Lanczos filter. Raises BadImage."""
    with _opened(source) as image:
        image = ImageOps.exif_transpose(image)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert("L" if channels == 1 else "RGB")
        if size is not None and image.size != size:
            image = image.resize(size, Image.Resampling.LANCZOS)
        pixels = np.asarray(image)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


@contextmanager
def _opened(source: Source) -> Iterator[Image.Image]:
    """The image; whatever Pillow raises within the block is about it, and becomes BadImage."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about broken metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
                yield image
    except (BadImage, MemoryError):
        raise
    except UnidentifiedImageError:
        raise NoImage("no image, or none that Pillow can read") from None
    except OSError as error:
        raise BadImage(f"cannot be read: {error.strerror or error}") from None
    except Exception as error:
        raise BadImage(f"broken: {type(error).__name__}: {' '.join(str(error).split())}") from None


def _need_memory(count: int, channels: int, width: int, height: int) -> None:
    # twice, because they are copied when they are shared out to splits
    wanted = 2 * count * channels * width * height
    free = psutil.virtual_memory().available
    if wanted > free:
        raise DataError(
            f"{count:,} images of {width}x{height} in {channels} channels take {wanted / 1e9:.1f} GB, and"
            f" {free / 1e9:.1f} GB are free; size=WIDTHxHEIGHT makes them smaller"
        )
