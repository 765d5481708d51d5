"""What a model learns and does not keep: tensors and arrays that are neither parameters nor buffers."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

Loose = dict[str, tuple[int, int]]
"""By the name of the attribute, which object it is, and how often that was written into."""


def loose_tensors(model: nn.Module) -> Loose:
    """The attributes of the model and of its modules that are tensors or arrays and neither parameters nor buffers."""
    found: Loose = {}
    for prefix, module in model.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, torch.Tensor | np.ndarray):
                version = value._version if isinstance(value, torch.Tensor) else 0
                found[f"{prefix}.{name}".lstrip(".")] = (id(value), version)
    return found


def lost_by_state(before: Loose, after: Loose) -> str | None:
    """One line on the attributes that training made or changed, which a state that is saved does not have; None where
    there are none."""
    changed = [name for name, value in after.items() if before.get(name) != value]
    if not changed:
        return None
    names = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
    return (
        f"training changed {names}, neither parameter nor buffer: samples are drawn from a model without it; keep what"
        " is learned in parameters, or in buffers by register_buffer"
    )
