"""From an extractor's card to the extractor. If it cannot be loaded, the metrics that need it have no value."""

from __future__ import annotations

import traceback

from torch import Tensor

from genbench.api.cards import ExtractorCard, load_factory
from genbench.api.data import Dataset
from genbench.errors import FeatureError
from genbench.features.extractor import Extractor


def load_extractor(card: ExtractorCard, dataset: Dataset) -> Extractor:
    """The card's extractor. Raises FeatureError where its factory fails, or returns another extractor than the recorded
    one."""
    try:
        extractor = load_factory(card.factory)(dataset)
    except FeatureError:
        raise
    except Exception as error:  # a plugin's
        reason = (str(error).strip().splitlines() or [""])[0]
        raise FeatureError(f"extractor {card.name}: {type(error).__name__}: {reason}") from error
    if not isinstance(extractor, Extractor):
        raise FeatureError(
            f"extractor {card.name}: {card.factory} returned {type(extractor).__name__}, expected an Extractor"
        )
    if card.hash is not None and extractor.hash != card.hash:
        raise FeatureError(
            f"extractor {card.name}: its hash is {extractor.hash}, its card records {card.hash}; refused"
        )
    return extractor


def load_extractor_or_reason(card: ExtractorCard, dataset: Dataset) -> Extractor:
    """The card's extractor, or one that raises FeatureError with the reason at each use. The metrics that need it then
    have no value and that note; the job's other metrics are computed."""
    try:
        return load_extractor(card, dataset)
    except FeatureError as error:
        traceback.print_exc()
        reason = str(error)

        def refuse(x: Tensor) -> Tensor:
            raise FeatureError(reason)

        return Extractor(card.name, card.hash or "unavailable", refuse)
