"""The version of a metric: a hash of its source, so that values of an edited metric do not meet old ones. No torch.

For a metric of a plugin the hash covers what the metric's module imports within its own top-level package. For a
built-in one it covers what is imported within `genbench.metrics`, except cards and the code that calls metrics and
makes their records: those change with every metric that is added. What an extractor does is told by the extractor's
own hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from genbench.api.cards import MetricCard
from genbench.util.source_hash import source_hash

_ROOM = "genbench.metrics"
_CALLERS = tuple(
    f"{_ROOM}.{name}" for name in ("cards", "conditional_cards", "sequence_cards", "metric_values", "scoring")
)


def metric_version(factory: str) -> str:
    """12 hexadecimal digits for the factory of a metric's card."""
    is_built_in = factory.startswith(f"{_ROOM}.")
    return source_hash(factory, within=_ROOM if is_built_in else "", without=_CALLERS)


def metric_versions(cards: Iterable[MetricCard]) -> dict[str, str]:
    """The version of each factory that the cards name."""
    factories = dict.fromkeys(card.factory for card in cards if card.factory is not None)
    return {factory: metric_version(factory) for factory in factories}


def outdated(
    stored: Mapping[str, str | None], cards: Iterable[MetricCard], versions: dict[str, str]
) -> list[MetricCard]:
    """The cards of those stored values that another version of their metric has computed.

    stored: the version of each value of a record, by metric (`Head.versions`). versions: the present ones, by factory.
    A value without a version counts as another version's.
    """
    return [
        card
        for card in cards
        if card.factory is not None and card.name in stored and stored[card.name] != versions[card.factory]
    ]
