"""`npy:PATH`: one array, first axis the examples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Shaped

from genbench import DatasetCard
from genbench.spec import MODALITIES, Modality
from genbench_datasets.own_data.bad_file import BadFile
from genbench_datasets.own_data.own_data import Array, OwnData, integer_type
from genbench_datasets.own_data.reader import Reader
from genbench_datasets.own_data.request import Request
from genbench_datasets.own_data.splitting import by_content

if TYPE_CHECKING:
    from genbench.data import Dataset

_OPTIONS = {"levels": "", "modality": ""}
_AXES: dict[Modality, tuple[str, ...]] = {
    "points": ("(N, D)",),
    "tokens": ("(N, T)",),
    "series": ("(N, T, C)",),
    "pianoroll": ("(N, T, K)",),
    "image": ("(N, H, W)", "(N, C, H, W)"),
}
_EXPECTED = (
    "expected floats (N, D), (N, T, C) or (N, C, H, W), or integers or booleans (N, D), (N, H, W) or (N, C, H, W),"
    " or modality=..."
)


def card(argument: str) -> DatasetCard:
    """Of the array that `argument` names. Raises DataError, UsageError."""
    return _READER.card(argument)


def dataset(argument: str) -> Dataset:
    """The same, for the worker."""
    return _READER.dataset(argument)


def _read(request: Request, files: Sequence[Path]) -> OwnData:
    path = files[0]
    array = _load(path)
    modality = _modality(request, array, path)
    levels = _levels(request, array, modality, path)
    x = _real_values(array, modality, path) if levels is None else _integers(array, levels, path)
    if modality == "image" and x.ndim == 3:
        x = x[:, None]
    if modality == "image" and x.shape[1] not in (1, 3) and x.shape[-1] in (1, 3):
        raise BadFile(path, f"shape {array.shape}: channels come first, (N, C, H, W)")
    about = f"{len(x):,} {modality} examples of {array.dtype}"
    return OwnData(modality, x, by_content(x, together=modality != "points"), about, levels)


def _load(path: Path) -> Array:
    """Mapped, not read."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, SyntaxError) as error:
        if "object" in str(error).lower():
            raise BadFile(path, "holds Python objects, which are not unpickled; expected numbers") from None
        raise BadFile(path, f"no .npy file: {' '.join(str(error).split())}") from None
    if not isinstance(array, np.ndarray):
        array.close()
        raise BadFile(path, "holds several arrays (.npz); expected one, as np.save writes it")
    if array.dtype.kind not in "fiub":
        raise BadFile(path, f"{array.dtype} of shape {array.shape}; expected numbers")
    if array.ndim < 2 or 0 in array.shape:
        raise BadFile(path, f"{array.dtype} of shape {array.shape}; {_EXPECTED}")
    return array


def _modality(request: Request, array: Array, path: Path) -> Modality:
    if request.text("modality"):
        asked = request.choice("modality", MODALITIES)
        modality = next(each for each in MODALITIES if each == asked)
        if array.ndim not in (shape.count(",") + 1 for shape in _AXES[modality]):
            wanted = " or ".join(_AXES[modality])
            raise BadFile(path, f"shape {array.shape}; modality={modality} expects {wanted}")
        return modality
    real = array.dtype.kind == "f" and not request.text("levels")
    known: dict[int, Modality] = {2: "points", 3: "series" if real else "image", 4: "image"}
    if array.ndim not in known:
        raise BadFile(path, f"{array.dtype} of shape {array.shape}; {_EXPECTED}")
    return known[array.ndim]


def _levels(request: Request, array: Array, modality: Modality, path: Path) -> int | None:
    levels = request.whole("levels", 2)
    if levels is None:
        levels = {np.dtype(bool): 2, np.dtype(np.uint8): 256}.get(array.dtype)
    if levels is None and (array.dtype.kind != "f" or modality in ("tokens", "pianoroll")):
        raise BadFile(
            path,
            f"{array.dtype} from {array.min()} to {array.max()}: of how many levels? levels=K says that values are"
            " integers 0..K-1",
        )
    return levels


def _real_values(array: Array, modality: Modality, path: Path) -> Array:
    with np.errstate(over="ignore"):
        x = np.asarray(array, np.float32)
    _refuse(array, ~np.isfinite(x), "no finite number of 32 bits", path)
    if modality == "points" and len(x) > 1:
        constant = np.flatnonzero((x == x[:1]).all(0))
        if constant.size:
            raise BadFile(
                path,
                f"constant column{'s' * (constant.size > 1)} {', '.join(map(str, constant[:8]))}"
                f"{', ...' * (constant.size > 8)} (counted from 0): no density there; leave out, or say levels=K"
                " if the values are integers 0..K-1",
            )
    return x


def _integers(array: Array, levels: int, path: Path) -> Array:
    if array.dtype.kind == "f":
        _refuse(array, array != np.floor(array), "no whole number", path)
    if array.dtype.kind != "b":
        _refuse(array, (array < 0) | (array >= levels), f"outside 0..{levels - 1}", path)
    return array.astype(integer_type(levels))


def _refuse(array: Array, broken: Shaped[np.ndarray, "..."], why: str, path: Path) -> None:
    """Raise BadFile that names the first value that is `broken`, and how many more there are."""
    if not broken.any():
        return
    first = np.unravel_index(int(broken.argmax()), broken.shape)
    more = int(broken.sum()) - 1
    example, *place = (int(index) for index in first)
    raise BadFile(
        path,
        f"example {example} (counted from 0), at {place}: {array[first]} is {why}"
        + (f" (and {more} more)" if more else ""),
    )


_READER = Reader("npy", __name__, _OPTIONS, lambda request: [request.file()], _read)
