"""Completion in a fixed order is exact where all that is given comes before all that is missing, and only there."""

from __future__ import annotations

from jaxtyping import Bool
from torch import Tensor

from genbench.errors import UnsupportedMask


def require_given_first(given: Bool[Tensor, "batch length"], order: str = "row by row") -> None:
    """Raises UnsupportedMask where something given comes after something missing: the missing part would be drawn
    without regard to it. given: in the model's order."""
    if bool((given[:, 1:] & ~given[:, :-1]).any()):
        raise UnsupportedMask(f"draws in order, {order}: what is given must come before what is missing")
