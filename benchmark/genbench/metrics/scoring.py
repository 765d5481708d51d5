"""Scoring: from a model's samples to its figures. The harness computes them all, the same way for every
model, so a metric added later can be computed for old runs without training again."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from genbench.api.cards import MetricCard, load_factory
from genbench.api.data import Dataset, Split, Truth, storage_dtype, working_dtype
from genbench.api.spec import DataSpec
from genbench.errors import PluginError
from genbench.features import Extractor
from genbench.records.job import Job
from genbench.records.result import MetricValue
from genbench.samples.class_samples import ClassSamples
from genbench.samples.completions import Completions
from genbench.samples.conditional_samples import ConditionalSamples
from genbench.util.seeding import derive_seed
from genbench.util.tensor_cache import cached_tensors, fingerprint

# Features are computed of this many numbers at a time: 16 MB in the working dtype.
_CHUNK_NUMBERS = 2**21


@dataclass(frozen=True)
class ScoringInputs:
    """What a metric may look at. N is the same for the samples and the reference.

    samples: (N, *event_shape) from the model. reference: (N, *event_shape) real data that the model has
    not seen. Both in the working dtype, on the CPU. train: real data that it has seen, M examples as they lie
    in memory, shared by all workers: take what you need of it in chunks.
    extractor: makes the features. truth: the known density, or None. seed: for metrics that draw.
    valid: real data to choose a metric's own settings on, or None.
    dataset: its name, as the job has it. completions: of the first images of the reference, where the model
    made any. class_samples: where it takes labels.
    """

    spec: DataSpec
    samples: Tensor
    reference: Tensor
    train: Split
    extractor: Extractor
    truth: Truth | None = None
    seed: int = 0
    valid: Split | None = None
    dataset: str = ""
    completions: Completions | None = None
    class_samples: ClassSamples | None = None

    @cached_property
    def sample_features(self) -> Tensor:
        """(N, D) float32."""
        return self.extractor(self.samples)

    @cached_property
    def reference_features(self) -> Tensor:
        """(N, D) float32, computed once for all jobs. Not to be written into."""
        return self._kept_features(self.reference, self.reference_fingerprint)

    @cached_property
    def train_features(self) -> Tensor:
        """(M, D) float32, computed once for all jobs, and memory-mapped. Not to be written into."""
        return self._kept_features(self.train.x, self.train_fingerprint)

    @cached_property
    def train_fingerprint(self) -> str:
        """Of the training examples, as they are now."""
        return fingerprint(self.train.x)

    @cached_property
    def reference_fingerprint(self) -> str:
        """Of the reference."""
        return fingerprint(self.reference.to(storage_dtype(self.spec)))

    def _kept_features(self, x: Tensor, data: str) -> Tensor:
        kept = cached_tensors(
            "features", (self.extractor.identity, data), lambda: {"features": self._features_in_chunks(x)}
        )
        return kept["features"]

    def _features_in_chunks(self, x: Tensor) -> Tensor:
        if len(x) == 0:
            return self.extractor(x.to(working_dtype(self.spec)))
        chunks = x.split(max(1, _CHUNK_NUMBERS // self.spec.dimension))
        return torch.cat([self.extractor(chunk.to(working_dtype(self.spec))) for chunk in chunks])

    def generator(self) -> torch.Generator:
        """A fresh generator, the same for every model, so that random projections pair up."""
        return torch.Generator().manual_seed(self.seed)


def reference_examples(dataset: Dataset, job: Job) -> Tensor:
    """(N, *event_shape) test examples in the working dtype: the same ones for every model and seed."""
    return dataset.test.random_subset(job.samples, derive_seed(0, job.dataset, "reference")).tensor()


def scoring_inputs(
    dataset: Dataset,
    job: Job,
    samples: Tensor,
    reference: Tensor,
    extractor: Extractor,
    conditional_samples: ConditionalSamples | None = None,
) -> ScoringInputs:
    return ScoringInputs(
        spec=dataset.spec,
        samples=samples,
        reference=reference,
        train=dataset.train,
        extractor=extractor,
        truth=dataset.truth,
        seed=derive_seed(0, job.dataset, "scoring"),
        valid=dataset.valid,
        dataset=job.dataset,
        completions=None if conditional_samples is None else conditional_samples.completions,
        class_samples=None if conditional_samples is None else conditional_samples.class_samples,
    )


def score(cards: Sequence[MetricCard], inputs: ScoringInputs) -> list[MetricValue]:
    """Every figure of `cards` that applies to the data, in the order of the cards.

    Cards that share a factory are computed in one call. A factory that fails costs its own figures: they
    stay without a value, and their note says why. Raises PluginError where a factory returns a figure that
    no card announces.
    """
    applicable = [
        card
        for card in cards
        if card.factory is not None
        and inputs.spec.modality in card.modalities
        and (inputs.truth is not None or not card.requires_truth)
    ]
    metric_values: dict[str, MetricValue] = {}
    for factory in dict.fromkeys(card.factory for card in applicable if card.factory):
        announced = {card.name: card for card in applicable if card.factory == factory}
        for metric_value in _computed(factory, announced, inputs):
            if metric_value.name not in announced:
                raise PluginError(
                    f"metric factory {factory!r} returned {metric_value.name!r}, which no card announces"
                )
            metric_values[metric_value.name] = metric_value
    return [metric_values[card.name] for card in applicable if card.name in metric_values]


def _computed(factory: str, announced: dict[str, MetricCard], inputs: ScoringInputs) -> list[MetricValue]:
    try:
        return list(load_factory(factory)(inputs))
    except Exception as error:  # a metric may come from a plugin
        traceback.print_exc()
        note = f"{type(error).__name__}: {error}"
        return [
            MetricValue(name=card.name, value=None, unit=card.unit, better=card.better, note=note)
            for card in announced.values()
        ]
