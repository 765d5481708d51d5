"""The IDX format of MNIST's files, compressed or not."""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from genbench.errors import DataError

_UNSIGNED_BYTES = 8
_MAX_BYTES, _MAX_DIMENSIONS = 2**31, 8
Stream = io.BufferedIOBase | gzip.GzipFile


def read_idx(path: Path) -> UInt8[np.ndarray, "..."]:
    """The array of unsigned bytes that the file holds, in the shape that its header gives. Raises DataError."""
    with path.open("rb") as file:
        is_compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not is_compressed:
            return _read(file, path)
        try:
            with gzip.open(file) as unpacked:
                return _read(unpacked, path)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path}: cannot be decompressed: {error}") from None


def _read(stream: Stream, path: Path) -> UInt8[np.ndarray, "..."]:
    """No more is read, and unpacked, than the header says, and it may not say more than `_MAX_BYTES`."""
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] != _UNSIGNED_BYTES:
        raise DataError(f"{path}: not an IDX file of unsigned bytes")
    dimensions = start[3]
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise DataError(f"{path}: ends within its header")
    shape = struct.unpack(f">{dimensions}I", sizes)
    said = "x".join(map(str, shape))
    if (size := math.prod(shape)) > _MAX_BYTES or dimensions > _MAX_DIMENSIONS:
        raise DataError(f"{path}: its header says {said[:80]}, more than {_MAX_BYTES:,} bytes")
    content = stream.read(size + 1)
    if len(content) != size:
        raise DataError(f"{path}: {len(content)} bytes of data, its header says {said}")
    return np.frombuffer(content, np.uint8).reshape(shape)
