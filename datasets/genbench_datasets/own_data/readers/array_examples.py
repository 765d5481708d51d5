"""The modality and the number of levels of the examples of an array."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genbench.api import MODALITIES, Modality
from genbench.errors import UsageError
from genbench_datasets.own_data.columns import OPTION as STANDARDISE_OPTION
from genbench_datasets.own_data.columns import is_standardised, real_columns, refuse_coarse
from genbench_datasets.own_data.located import BadFile
from genbench_datasets.own_data.memory import need_memory
from genbench_datasets.own_data.own_data import Array
from genbench_datasets.own_data.request import Request
from genbench_datasets.own_data.values import Place, real_values, whole_values

OPTIONS = {"levels": "", "modality": "", **STANDARDISE_OPTION}
_SHAPES: dict[Modality, dict[int, str]] = {
    "points": {2: "(N, D)"},
    "tokens": {2: "(N, T)"},
    "series": {3: "(N, T, C)"},
    "pianoroll": {3: "(N, T, K)"},
    "image": {3: "(N, H, W)", 4: "(N, C, H, W)"},
}
_EXPECTED = (
    "expected numbers (N, D) or (N, C, H, W), floats (N, T, C) or integers (N, H, W); else modality=..."
)


@dataclass(frozen=True)
class Examples:
    """Examples that were read, in the type in which they are stored."""

    modality: Modality
    """As in `DataSpec`."""
    x: Array
    """(N, *event_shape)."""
    levels: int | None
    """As in `DataSpec`."""
    words: str = ""
    """For the card: what was changed or lost; empty for nothing."""


def array_examples(array: Array, request: Request, where: str, place: Place) -> Examples:
    """The examples of an array, as the options `levels`, `modality` and `standardise` say, else by type and shape:
    bytes have 256 levels, booleans 2. where: what the array is called. Raises BadFile, UsageError."""
    if array.dtype.kind not in "fiub" or 0 in array.shape:
        raise BadFile(where, f"{array.dtype} of shape {array.shape}; {_EXPECTED}")
    modality = _modality(array, request, where)
    levels = _levels(array, request, modality, where)
    need_memory(2 * array.size * 4, f"{array.dtype} of shape {array.shape} take")
    if levels is None and modality == "points":
        names = [str(number) for number in range(array.shape[1])]
        remedy = "they are counted from 0; leave them out"
        points = real_columns(list(array.T), names, place, where, remedy, request)
        return Examples(modality, points.x, None, points.words)
    if is_standardised(request):
        raise UsageError(f"{request.shown}: standardise=yes is for points of real values")
    if levels is None:
        x = real_values(array, place)
        refuse_coarse(array, x, where)
    else:
        x = whole_values(array, levels, place)
    if modality == "image":
        x = x[:, None] if x.ndim == 3 else x
        if x.shape[1] not in (1, 3) and x.shape[-1] in (1, 3):
            raise BadFile(where, f"shape {array.shape}: channels come first, (N, C, H, W)")
    return Examples(modality, x, levels)


def _modality(array: Array, request: Request, where: str) -> Modality:
    if request.text("modality"):
        asked = request.choice("modality", MODALITIES)
        modality = next(each for each in MODALITIES if each == asked)
        if array.ndim not in _SHAPES[modality]:
            wanted = " or ".join(_SHAPES[modality].values())
            raise BadFile(where, f"shape {array.shape}; modality={modality} expects {wanted}")
        return modality
    real = array.dtype.kind == "f" and not request.text("levels")
    known: dict[int, Modality] = {2: "points", 3: "series" if real else "image", 4: "image"}
    if array.ndim not in known:
        raise BadFile(where, f"{array.dtype} of shape {array.shape}; {_EXPECTED}")
    return known[array.ndim]


def _levels(array: Array, request: Request, modality: Modality, where: str) -> int | None:
    levels = request.levels()
    if levels is None:
        levels = {np.dtype(bool): 2, np.dtype(np.uint8): 256}.get(array.dtype)
    if levels is None and (array.dtype.kind != "f" or modality in ("tokens", "pianoroll")):
        raise BadFile(
            where,
            f"{array.dtype} from {array.min()} to {array.max()}: of how many levels? levels=K says that values are"
            " integers 0..K-1",
        )
    return levels
