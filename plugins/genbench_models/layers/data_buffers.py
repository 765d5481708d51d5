"""Buffers whose size depends on the data."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import nn


class DataBuffers(nn.Module):
    """Name this before `GenerativeModel` among the bases, and list such buffers in `sized_by_data`.

    A freshly built model has them empty. When a state is loaded they take the shape of the loaded tensors, where torch
    would refuse a shape that differs.
    """

    sized_by_data: ClassVar[tuple[str, ...]]

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        for name in self.sized_by_data:
            loaded = state_dict.get(prefix + name)
            if loaded is not None:
                setattr(self, name, torch.empty_like(loaded, device=self.get_buffer(name).device))
        super()._load_from_state_dict(state_dict, prefix, *args)
