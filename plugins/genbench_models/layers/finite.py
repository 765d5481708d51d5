"""Values that are not finite, named with their place: no closed form survives them."""

from __future__ import annotations

from torch import Tensor

from genbench import Split
from genbench.errors import DataError


def require_finite(split: Split) -> None:
    """Raises DataError for the first value of a split of real numbers that is NaN or infinite, and for a split without
    examples."""
    name = split.spec.name
    if len(split) == 0:
        raise DataError(f"{name}: there are no examples to train on")
    if split.spec.is_discrete:
        return
    wrong: Tensor = (~split.x.isfinite()).nonzero()
    if len(wrong) > 0:
        example, *place = wrong[0].tolist()
        where = ", ".join(map(str, place))
        value = split.x[tuple(wrong[0])].item()
        raise DataError(
            f"{name}: example {example} has {value} at [{where}]; values without gaps are expected"
        )
