"""What is computed from real data once, and used by every job: features of the training split, distances.

Kept in the cache folder under a hash of all that went in, the data's own bytes included: an edited data set,
another extractor, or a plugin that wrote into the training data can never meet another's figures. Read back it
is memory-mapped, so workers share its pages. A cache that cannot be read or written costs time only.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping

from filelock import FileLock, Timeout
from safetensors import SafetensorError
from torch import Tensor

from genbench.errors import DataError
from genbench.util.cache_folder import cache_folder
from genbench.util.tensor_files import WRITE_ERRORS, checksum_of_tensors, read_tensors, write_tensors

_log = logging.getLogger(__name__)
# Another worker may be computing the same; past this we compute it too. Well within what scoring may take.
_PATIENCE_SECONDS = 120.0


def fingerprint(x: Tensor) -> str:
    """Of the values, their type and shape."""
    return checksum_of_tensors({"x": x})


def cached_tensors(
    what: str, depends_on: tuple[str, ...], compute: Callable[[], Mapping[str, Tensor]]
) -> dict[str, Tensor]:
    """What `compute` returns, from the cache where it is there, else computed and put there.

    what: a word for the file's name. depends_on: all that the tensors depend on, a version of the recipe
    included. Do not write into what comes back.
    """
    key = hashlib.sha256("\0".join((what, *depends_on)).encode()).hexdigest()[:32]
    path = cache_folder() / "kept" / f"{what}-{key}.safetensors"

    def read() -> dict[str, Tensor] | None:
        try:
            return read_tensors(path).tensors
        except (FileNotFoundError, NotADirectoryError, RuntimeError):
            return None
        except (SafetensorError, OSError, DataError) as error:
            _log.warning("%s is computed again: %s: %s", what, path, error)
            return None

    if (found := read()) is not None:
        return found
    lock = FileLock(path.with_suffix(".lock"), timeout=_PATIENCE_SECONDS)
    locked = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        locked = True
        if (found := read()) is not None:
            return found
    except (OSError, Timeout) as error:
        _log.warning("%s: no lock in %s: %s", what, path.parent, error)
    try:
        computed = dict(compute())
        try:
            write_tensors(computed, path)
        except WRITE_ERRORS as error:
            _log.warning("%s cannot be kept in %s: %s", what, path.parent, error)
            return computed
        return read() or computed
    finally:
        if locked:
            lock.release()
