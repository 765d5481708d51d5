"""Arrays in memory as data sets."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from genbench.api.spec import Modality
from genbench.errors import DataError
from genbench.util.atomic_files import write_atomically
from genbench.util.cache_folder import cache_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


def data(
    array: NDArray[Any] | Tensor,
    *,
    levels: int | None = None,
    modality: Modality | None = None,
    standardise: bool = False,
) -> str:
    """A name for `-d` and for `genbench.run(datasets=...)` of an array, whose first axis is the examples.

    The array is written to the cache, under its checksum. levels: the data are the integers 0..levels-1; None lets the
    reader decide. modality: what an example is; None: (N, D) are points, (N, C, H, W) images. standardise: make each
    number's mean 0 and its standard deviation 1. What the reader refuses (NaN, constant columns, too few examples) is
    reported when the run is planned; objects raise DataError here.
    """
    values = np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)
    if values.dtype == object:
        raise DataError("an array of Python objects is no data set; expected numbers")
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=False)
    content = stream.getvalue()
    path = cache_folder() / "arrays" / f"{hashlib.sha256(content).hexdigest()[:16]}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    settings = {
        "levels": levels,
        "modality": modality,
        "standardise": "yes" if standardise else None,
    }
    chosen = "&".join(f"{key}={value}" for key, value in settings.items() if value is not None)
    return f"npy:{path}{'?' if chosen else ''}{chosen}"
