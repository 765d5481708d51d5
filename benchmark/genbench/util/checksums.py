"""Checksums of published files: SHA-256, or what their publishers give instead. Free of torch."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

_DIGITS = {"sha256": 64, "md5": 32, "sha1_git": 40}
_BLOCK_BYTES = 1 << 20


class Checksum(NamedTuple):
    """algorithm: "sha256"; "md5"; "sha1_git", the name that git and the Software Heritage archive give to a
    file's content (SHA-1 of "blob LENGTH", a zero byte and the content). digest: hexadecimal, lower case."""

    algorithm: str
    digest: str

    def __str__(self) -> str:
        """Short, for people: "md5 9b9c9b037531…"."""
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
    """The file's checksum by that algorithm; read in blocks."""
    # not for security: a file is compared with what its publisher says of it
    digest = hashlib.new(algorithm.removesuffix("_git"), usedforsecurity=False)
    with path.open("rb") as stream:
        if algorithm == "sha1_git":
            digest.update(b"blob %d\0" % path.stat().st_size)
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return Checksum(algorithm, digest.hexdigest())
