"""State whose shape depends on the data: arrays by name, in one buffer of bytes.

A model's state has to be tensors that the constructor makes. Estimators of other libraries find out only when they are
fitted what they have to keep. Their arrays are written into a buffer in the safetensors format, which takes any size
when a state is loaded. Nothing is pickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load, save
from torch import Tensor, nn

Array = NDArray[Any]


class StoredArrays(nn.Module):
    """Name this before `GenerativeModel` among the bases: `self.store(arrays)` in `fit`, `self.stored()` afterwards."""

    arrays: Tensor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register_buffer("arrays", torch.zeros(0, dtype=torch.uint8))

    def store(self, arrays: Mapping[str, Array]) -> None:
        """Keep these arrays, in place of those before."""
        content = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
        self.arrays = torch.frombuffer(bytearray(content), dtype=torch.uint8).to(self.arrays.device)

    def stored(self) -> dict[str, Array]:
        """The arrays by name; empty before the first `store`."""
        return load(self.arrays.cpu().numpy().tobytes()) if len(self.arrays) else {}

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        loaded = state_dict.get(prefix + "arrays")
        if loaded is not None:
            self.arrays = torch.empty_like(loaded, device=self.arrays.device)
        super()._load_from_state_dict(state_dict, prefix, *args)


def fitted_arrays(estimator: object) -> tuple[dict[str, Array], list[str]]:
    """What an estimator has learned, by the convention of scikit-learn: attributes whose name ends with an underscore.
    Returns them as arrays, and the names of those that are no numbers."""
    arrays: dict[str, Array] = {}
    others: list[str] = []
    for name, value in vars(estimator).items():
        if not name.endswith("_"):
            continue
        array = (
            np.asarray(value)
            if isinstance(value, np.ndarray | list | bool | int | float | np.generic)
            else None
        )
        if array is not None and array.dtype.kind in "biuf":
            arrays[name] = array
        elif value is not None:
            others.append(name)
    return arrays, others


def restore_fitted(estimator: object, arrays: Mapping[str, Array]) -> None:
    """Set what `fitted_arrays` returned on a new estimator."""
    for name, array in arrays.items():
        setattr(estimator, name, array.item() if array.ndim == 0 else array)
