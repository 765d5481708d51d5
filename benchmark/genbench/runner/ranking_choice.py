"""What ranks each data set of a plan: the rule on its card, or the metric that the suite names in its place."""

from __future__ import annotations

import msgspec

from genbench.api.cards import DatasetCard
from genbench.api.ranking_rule import RankingRule
from genbench.errors import UnknownNameError, UsageError
from genbench.plugin.registry import Registry
from genbench.runner.suite import Suite


def with_ranking(dataset: DatasetCard, suite: Suite, registry: Registry, samples: int) -> DatasetCard:
    """The card with the rule by which the plan ranks it.

    samples: how many samples are scored. Raises UnknownNameError if no metric has the name, UsageError if the metric
    cannot rank the data set.
    """
    rule = dataset.ranking_rule
    if (named := suite.ranking.get(dataset.name)) is not None and named != rule.metric:
        rule = RankingRule(
            metric=named,
            reason=f"the suite {suite.name} names it",
            zero=rule.zero,
            zero_reason=rule.zero_reason,
            true_families=rule.true_families,
        )
    _check(rule, dataset, registry, samples)
    return msgspec.structs.replace(dataset, ranking=rule)


def _check(rule: RankingRule, dataset: DatasetCard, registry: Registry, samples: int) -> None:
    where = f"{dataset.name} is ranked by {rule.metric}"
    if rule.metric not in registry.metrics:
        raise UnknownNameError(f"metric that ranks {dataset.name}", rule.metric, registry.metrics)
    card = registry.metrics[rule.metric]
    if card.better == "neither":
        raise UsageError(f"{where}, of which neither direction is better")
    if dataset.spec.modality not in card.modalities:
        raise UsageError(f"{where}, which takes {', '.join(card.modalities)} and not {dataset.spec.modality}")
    if card.requires_truth and dataset.truth is None:
        raise UsageError(f"{where}, which needs a known density, and the card names none")
    count = max(samples, rule.samples or 0)
    if count < card.min_samples:
        raise UsageError(f"{where}, which needs {card.min_samples} samples; the plan has {count}")
