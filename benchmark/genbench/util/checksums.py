"""Checksums of published files: SHA-256, or the algorithm that the publisher uses. Free of torch."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

_DIGITS = {"sha256": 64, "md5": 32, "sha1_git": 40}


class Checksum(NamedTuple):
    """The checksum of a file's content."""

    algorithm: str
    """"sha256", "md5" or "sha1_git". The last is the name that git and the Software Heritage archive give to a file's
    content: SHA-1 of "blob LENGTH", a zero byte and the content."""
    digest: str
    """Hexadecimal digits, in lower case."""

    def __str__(self) -> str:
        """Shortened, for messages: "md5 9b9c9b037531…"."""
        return f"{self.algorithm} {self.digest[:12]}…"


def parse_checksum(text: str) -> Checksum:
    """Read "DIGEST" (SHA-256) or "ALGORITHM:DIGEST". Raises ValueError."""
    algorithm, _, digest = text.rpartition(":")
    checksum = Checksum(algorithm or "sha256", digest)
    if checksum.algorithm not in _DIGITS:
        raise ValueError(f"checksum {text!r}: expected one of {', '.join(_DIGITS)} before the colon")
    if not re.fullmatch(f"[0-9a-f]{{{_DIGITS[checksum.algorithm]}}}", digest):
        raise ValueError(
            f"checksum {text!r}: expected {_DIGITS[checksum.algorithm]} hexadecimal digits in lower case"
        )
    return checksum


def checksum_of(path: Path, algorithm: str) -> Checksum:
    """The checksum of the file's content by that algorithm. Raises OSError where it cannot be read."""
    start = b"blob %d\0" % path.stat().st_size if algorithm == "sha1_git" else b""
    with path.open("rb") as stream:
        # not for security: the file is compared with what its publisher announces
        digest = hashlib.file_digest(
            stream, lambda: hashlib.new(algorithm.removesuffix("_git"), start, usedforsecurity=False)
        )
    return Checksum(algorithm, digest.hexdigest())
