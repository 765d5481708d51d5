"""A module that changes torch's default type for whatever is imported after it."""

from __future__ import annotations

import torch
from hostile_models import Good

torch.set_default_dtype(torch.float64)


class WantsDoubles(Good):
    """Its weights are doubles."""
