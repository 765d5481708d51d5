"""Archives for tests, made in memory."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping


def tar_gz(members: Mapping[str, bytes | tarfile.TarInfo]) -> bytes:
    """Files by their names; a `TarInfo` is put in as it is, without content. No date is in it: tests are named by their
    arguments, and every worker must give them the same names."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0)


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info
