"""The modality and the number of levels of the examples of an array."""

from __future__ import annotations

import numpy as np

from genbench.api import MODALITIES, Modality
from genbench_datasets.own_data.located import BadFile
from genbench_datasets.own_data.own_data import Array
from genbench_datasets.own_data.request import Request
from genbench_datasets.own_data.values import Place, real_values, refuse_constant_columns, whole_values

OPTIONS = {"levels": "", "modality": ""}
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


def array_examples(
    array: Array, request: Request, where: str, place: Place
) -> tuple[Modality, Array, int | None]:
    """(modality, examples in the storage dtype, levels), as the options `levels` and `modality` say, else by type and
    shape: bytes have 256 levels, booleans 2. where: what the array is called. Raises BadFile, UsageError."""
    if array.dtype.kind not in "fiub" or 0 in array.shape:
        raise BadFile(where, f"{array.dtype} of shape {array.shape}; {_EXPECTED}")
    modality = _modality(array, request, where)
    levels = _levels(array, request, modality, where)
    x = real_values(array, place) if levels is None else whole_values(array, levels, place)
    if modality == "points" and levels is None:
        names = [str(number) for number in range(x.shape[1])]
        refuse_constant_columns(x, names, where, "they are counted from 0; leave them out")
    if modality == "image":
        x = x[:, None] if x.ndim == 3 else x
        if x.shape[1] not in (1, 3) and x.shape[-1] in (1, 3):
            raise BadFile(where, f"shape {array.shape}: channels come first, (N, C, H, W)")
    return modality, x, levels


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
    levels = request.whole("levels", 2)
    if levels is None:
        levels = {np.dtype(bool): 2, np.dtype(np.uint8): 256}.get(array.dtype)
    if levels is None and (array.dtype.kind != "f" or modality in ("tokens", "pianoroll")):
        raise BadFile(
            where,
            f"{array.dtype} from {array.min()} to {array.max()}: of how many levels? levels=K says that values are"
            " integers 0..K-1",
        )
    return levels
