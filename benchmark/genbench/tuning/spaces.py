"""Which hyperparameters of a model are searched, and among which values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from genbench.api.cards import ModelCard
from genbench.api.search_space import FloatRange, Range, contradiction
from genbench.errors import UsageError

LEARNING_RATE = "learning_rate"
"""The hyperparameter over which models without a search space are tuned."""
USUAL_LEARNING_RATE = 1e-3
"""The middle of the range where the default of the learning rate is None or 0."""
LEARNING_RATE_FACTOR = 10.0
"""The range of the learning rate reaches from the default divided by this to the default times this."""


@dataclass(frozen=True)
class Space:
    """What a search varies."""

    ranges: Mapping[str, Range]
    """The values of each hyperparameter, by its name."""
    note: str | None = None
    """What to tell the user about where the space comes from; None where the card has it."""


def space_of(card: ModelCard, fixed: Collection[str] = ()) -> Space:
    """The search space of the card without the hyperparameters that the user has set.

    A card without a search space is searched over the learning rate. Raises UsageError where nothing is left to
    search, or where the space contradicts the constructor.
    """
    ranges, note = card.search_space, None
    if ranges is None:
        ranges, note = _over_learning_rate(card)
    if (problem := contradiction(ranges, card.hyperparameters)) is not None:
        raise UsageError(f"{card.name} cannot be tuned: {problem}")
    left = {name: values for name, values in ranges.items() if name not in fixed}
    if not left:
        raise UsageError(
            f"{card.name} cannot be tuned: you have set all that would be searched ({', '.join(ranges)})"
        )
    return Space(left, note)


def _over_learning_rate(card: ModelCard) -> tuple[dict[str, Range], str]:
    default = card.hyperparameters.get(LEARNING_RATE)
    is_rate = default is None or isinstance(default, float)
    if LEARNING_RATE not in card.hyperparameters or not is_rate:
        raise UsageError(
            f"{card.name} cannot be tuned: its card has no search_space, and its constructor takes no {LEARNING_RATE}"
        )
    middle = default if isinstance(default, float) and default > 0 else USUAL_LEARNING_RATE
    low, high = middle / LEARNING_RATE_FACTOR, middle * LEARNING_RATE_FACTOR
    note = f"{card.name} has no search space on its card: it is tuned over its learning rate alone, {low:g} to {high:g}"
    return {LEARNING_RATE: FloatRange(low, high, log=True)}, note
