"""Small text files that somebody else may have written, read as JSON or TOML: suites, baselines, records of a run.

Whatever they hold, the outcome is a value of the type that is asked for, or one error of one kind. A byte order mark,
which some editors write, is no content.
"""

from __future__ import annotations

import codecs
import errno
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

_Kind = TypeVar("_Kind")


def read_bounded(path: Path, *, max_bytes: int) -> bytes:
    """The content of a file that its user named, through links and from pipes. Raises OSError, also where it is larger.

    Files that are found in a folder are read by `genbench.util.regular_files` instead.
    """
    with path.open("rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"is larger than {max_bytes / 2**20:g} MiB", str(path))
    return content


def decode_json(content: bytes, kind: type[_Kind]) -> _Kind:
    """Raises msgspec.DecodeError."""
    return _decode(lambda: msgspec.json.decode(without_mark(content), type=kind))


def decode_toml(content: bytes, kind: type[_Kind]) -> _Kind:
    """Raises msgspec.DecodeError."""
    return _decode(lambda: msgspec.toml.decode(without_mark(content), type=kind))


def without_mark(content: bytes) -> bytes:
    return content.removeprefix(codecs.BOM_UTF8)


def _decode(decode: Callable[[], _Kind]) -> _Kind:
    try:
        return decode()
    except msgspec.DecodeError:
        raise
    except RecursionError:
        raise msgspec.DecodeError("values are nested too deeply") from None
    except (ValueError, OverflowError) as error:  # a number of thousands of digits, text that is not UTF-8
        raise msgspec.DecodeError(" ".join(str(error).split())) from None
