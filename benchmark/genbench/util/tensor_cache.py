"""A cache of tensors that are computed from real data once and used by every job: features, distances.

A file's name is a hash of everything that the tensors depend on, the bytes of the data included. So tensors of an
edited data set, of another extractor, or of training data that a plugin wrote into are never confused with others.
Files are memory-mapped, so that workers share their pages. Where the cache cannot be read or written, the tensors are
computed.
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
# Another worker may be computing the same tensors. After this time, well within the limit on scoring, this one computes
# them as well.
_MAX_WAIT_SECONDS = 120.0


def fingerprint(x: Tensor) -> str:
    """A hash of the values, their type and their shape."""
    return checksum_of_tensors({"x": x})


def cached_tensors(
    what: str, depends_on: tuple[str, ...], compute: Callable[[], Mapping[str, Tensor]]
) -> dict[str, Tensor]:
    """The tensors that `compute` returns, read from the cache if it holds them, else computed and stored there.

    what: the first word of the file's name. depends_on: everything that the tensors depend on, including a version of
    the recipe. Callers must not write into the tensors.
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
    lock = FileLock(path.with_suffix(".lock"), timeout=_MAX_WAIT_SECONDS)
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
            _log.warning("%s cannot be stored in %s: %s", what, path.parent, error)
            return computed
        return read() or computed
    finally:
        if locked:
            lock.release()
