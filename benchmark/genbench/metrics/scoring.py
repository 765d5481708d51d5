"""Scoring: from a model's samples to the values of its metrics.

The harness computes them in the same way for every model, from stored samples, so that a metric that is added later can
be computed for earlier runs without training again.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
import torch
from torch import Tensor

from genbench.api.cards import DatasetCard, MetricCard, load_factory
from genbench.api.data import Dataset, Split, Truth, storage_dtype, working_dtype
from genbench.api.spec import DataSpec
from genbench.datasets.pieces import Pieces, cut_windows, window_spec, windows_of_split
from genbench.features import Extractor
from genbench.records.job import Job
from genbench.records.plausibility import plausible_values, without_value
from genbench.records.result import MetricValue
from genbench.samples.class_samples import ClassSamples
from genbench.samples.completions import Completions
from genbench.samples.conditional_samples import ConditionalSamples
from genbench.samples.translations import Translations
from genbench.util.mean_errors import Windows
from genbench.util.seeding import derive_seed
from genbench.util.tensor_cache import cached_tensors, fingerprint

# Features are computed of so many numbers at a time: 16 MB in the working type.
_CHUNK_NUMBERS = 2**21


@dataclass(frozen=True)
class ScoringInputs:
    """What a metric is computed from. There are as many samples as reference examples, and all have one shape: of
    pieces of different lengths, real and generated ones, they are windows, and the whole pieces are there besides."""

    spec: DataSpec
    """Domain of the samples and of the reference."""
    samples: Tensor
    """N of the model's samples, (N, *event_shape), in the working type, on the CPU. Metrics are computed from these,
    unless they say otherwise."""
    reference: Tensor
    """Test examples, (N, *event_shape), in the working type, on the CPU. The model was not trained on them."""
    train: Split
    """The M training examples, memory-mapped and shared by all workers. Take what you need in chunks."""
    extractor: Extractor
    """Computes the features."""
    truth: Truth | None = None
    """The density that the data were drawn from; None where it is not known."""
    seed: int = 0
    """Seed of metrics that draw random numbers."""
    valid: Split | None = None
    """Validation examples, on which a metric can choose settings of its own; None: there are none."""
    dataset: str = ""
    """Name of the data set in the job."""
    completions: Completions | None = None
    """Completions of the first reference images; None where the model completes nothing."""
    class_samples: ClassSamples | None = None
    """Samples of given classes; None where the model takes no condition."""
    translations: Translations | None = None
    """The model's answers to the sources of the first reference pairs; None where it gives none."""
    alphabet: tuple[str, ...] | None = None
    """The symbol of each code where tokens are text; None for other data."""
    reference_windows: Windows | None = None
    """Where in time the reference examples lie, if they are windows of longer series; None if they are independent."""
    more_samples: Tensor | None = None
    """Samples of the model besides `samples`, for metrics that need no reference and are better with more; None where
    there are no others."""
    sample_pieces: Pieces | None = None
    """The model's samples as whole pieces; None for data whose examples have one shape."""
    reference_pieces: Pieces | None = None
    """The test examples as whole pieces; None for data whose examples have one shape."""

    @property
    def sample_lengths(self) -> Tensor | None:
        """Lengths of the generated pieces, (count,); None for data whose examples have one shape."""
        return None if self.sample_pieces is None else self.sample_pieces.lengths

    @property
    def reference_lengths(self) -> Tensor | None:
        """Lengths of the test pieces, (count,); None for data whose examples have one shape."""
        return None if self.reference_pieces is None else self.reference_pieces.lengths

    @cached_property
    def all_samples(self) -> Tensor:
        """All samples that were drawn, (N or more, *event_shape)."""
        return self.samples if self.more_samples is None else torch.cat([self.samples, self.more_samples])

    @cached_property
    def sample_features(self) -> Tensor:
        """Features of the samples, (N, D) float32."""
        return self.extractor(self.samples)

    @cached_property
    def reference_features(self) -> Tensor:
        """Features of the reference, (N, D) float32, computed once for all jobs. They must not be written into."""
        return self._cached_features(self.reference, self.reference_fingerprint)

    @cached_property
    def train_features(self) -> Tensor:
        """Features of the training examples, (M, D) float32, computed once for all jobs and memory-mapped. They must
        not be written into."""
        return self._cached_features(self.train.x, self.train_fingerprint)

    @cached_property
    def train_fingerprint(self) -> str:
        """A hash of the training examples as they are in memory."""
        return fingerprint(self.train.x)

    @cached_property
    def reference_fingerprint(self) -> str:
        """A hash of the reference."""
        return fingerprint(self.reference.to(storage_dtype(self.spec)))

    @cached_property
    def sample_windows(self) -> Windows | None:
        """Where in time the samples lie, if they are windows of the validation or of the training split, as those of
        the held-out row and of copiers are. None for samples of any other model: they are independent."""
        for split in (self.valid, self.train):
            if split is not None and split.windows is not None:
                starts = _starts_of(self.samples.to(storage_dtype(self.spec)), split)
                if starts is not None:
                    return split.windows._replace(starts=starts)
        return None

    def _cached_features(self, x: Tensor, data: str) -> Tensor:
        cached = cached_tensors(
            "features", (self.extractor.identity, data), lambda: {"features": self._features_in_chunks(x)}
        )
        return cached["features"]

    def _features_in_chunks(self, x: Tensor) -> Tensor:
        if len(x) == 0:
            return self.extractor(x.to(working_dtype(self.spec)))
        chunks = x.split(max(1, _CHUNK_NUMBERS // self.spec.dimension))
        return torch.cat([self.extractor(chunk.to(working_dtype(self.spec))) for chunk in chunks])

    def generator(self) -> torch.Generator:
        """A new generator with the same seed for every model, so that models are compared on the same projections."""
        return torch.Generator().manual_seed(self.seed)


def _starts_of(x: Tensor, split: Split) -> Tensor | None:
    """Where the examples x begin, (N,); None if one of them is not in the split."""
    assert split.starts is not None
    if not len(x) or not (split.x == x[0]).flatten(1).all(1).any():
        return None
    known = {row.numpy().tobytes(): start for row, start in zip(split.x, split.starts.tolist(), strict=True)}
    starts = []
    for row in x:
        start = known.get(row.numpy().tobytes())
        if start is None:
            return None
        starts.append(start)
    return torch.tensor(starts, dtype=torch.int64)


def reference_split(dataset: Dataset, job: Job) -> Split:
    """N test examples: the same ones for every model and seed."""
    return dataset.test.random_subset(job.samples, derive_seed(0, job.dataset, "reference"))


def reference_examples(dataset: Dataset, job: Job) -> Tensor:
    """The examples of `reference_split`, (N, *event_shape), in the working type."""
    return reference_split(dataset, job).tensor()


@dataclass(frozen=True)
class ScoredExamples:
    """Examples of one shape, as metrics compare them."""

    x: Tensor
    """(N, *event_shape) in the working type; the windows of pieces of different lengths."""
    windows: Windows | None
    """Where in time they lie, if they are windows; None if they are independent."""
    pieces: Pieces | None
    """The whole pieces that the windows were cut from; None for data whose examples have one shape."""

    @classmethod
    def of_samples(cls, x: Tensor, lengths: Tensor | None, card: DatasetCard) -> ScoredExamples:
        """What metrics see of samples x, (N, *event_shape). lengths: (N,), of pieces; None for other samples."""
        if lengths is None or card.window is None:
            return cls(x, None, None)
        cut, starts = cut_windows(x, lengths, card.window)
        return cls(cut, Windows(starts, card.window), Pieces(x, lengths))

    @classmethod
    def of_split(cls, split: Split, card: DatasetCard) -> ScoredExamples:
        """What metrics see of the real examples of a split."""
        cut = windows_of_split(split, window_spec(card))
        pieces = None if split.lengths is None else Pieces(split.tensor(), split.lengths)
        return cls(cut.tensor(), cut.windows, pieces)


def scoring_inputs(
    dataset: Dataset,
    job: Job,
    samples: Tensor,
    reference: Tensor,
    extractor: Extractor,
    conditional_samples: ConditionalSamples | None = None,
    windows: Windows | None = None,
    *,
    sample_pieces: Pieces | None = None,
    reference_pieces: Pieces | None = None,
    alphabet: tuple[str, ...] | None = None,
) -> ScoringInputs:
    """The inputs of a job's metrics, in the working type, on the CPU.

    dataset: with its pieces cut into windows (`windows_of_dataset`). samples: (N or more, *event_shape), all that were
    drawn. reference: (N, *event_shape). Where they are windows of pieces, there may be more of either: as many are
    compared as there are of both. windows: those of the reference (`Split.windows`). sample_pieces, reference_pieces:
    what windows were cut from. alphabet: that of the data set's card.
    """
    n = len(reference) if reference_pieces is None else min(len(reference), len(samples))
    reference = reference[:n]
    if windows is not None:
        windows = windows._replace(starts=windows.starts[:n])
    return ScoringInputs(
        spec=dataset.spec,
        samples=samples[:n],
        more_samples=samples[n:] if len(samples) > n else None,
        reference=reference,
        train=dataset.train,
        extractor=extractor,
        truth=dataset.truth,
        seed=derive_seed(0, job.dataset, "scoring"),
        valid=dataset.valid,
        dataset=job.dataset,
        completions=None if conditional_samples is None else conditional_samples.completions,
        class_samples=None if conditional_samples is None else conditional_samples.class_samples,
        translations=None if conditional_samples is None else conditional_samples.translations,
        alphabet=alphabet,
        reference_windows=windows,
        sample_pieces=sample_pieces,
        reference_pieces=reference_pieces,
    )


def score(
    cards: Sequence[MetricCard],
    inputs: ScoringInputs,
    *,
    fatal: Mapping[str, str] | None = None,
    on_factory: Callable[[str], None] = lambda factory: None,
) -> list[MetricValue]:
    """The values of all metrics of `cards` that apply to the data, in the order of the cards.

    Cards that share a factory are computed in one call. Where a factory fails, or returns what cannot be
    (`genbench.records.plausibility`), its metrics have no value, and a note says why.

    fatal: factories that are not to be called, and why. on_factory: called before each of the others.
    """
    applicable = [
        card
        for card in cards
        if card.factory is not None
        and inputs.spec.modality in card.modalities
        and (inputs.truth is not None or not card.requires_truth)
        and (not card.extractors or inputs.extractor.name in card.extractors)
    ]
    metric_values: dict[str, MetricValue] = {}
    for factory in dict.fromkeys(card.factory for card in applicable if card.factory):
        announced = {card.name: card for card in applicable if card.factory == factory}
        if fatal and factory in fatal:
            values = [without_value(card, fatal[factory]) for card in announced.values()]
        else:
            on_factory(factory)
            values = _computed(factory, announced, inputs)
        metric_values |= {value.name: value for value in values}
    return [metric_values[card.name] for card in applicable if card.name in metric_values]


def _computed(factory: str, announced: dict[str, MetricCard], inputs: ScoringInputs) -> list[MetricValue]:
    try:
        return plausible_values(load_factory(factory)(inputs), announced)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a metric may come from a plugin
        traceback.print_exc()
        note = f"{type(error).__name__}: {error}"
        return [without_value(card, note) for card in announced.values()]


def with_versions(
    values: Sequence[MetricValue], cards: Sequence[MetricCard], versions: Mapping[str, str]
) -> list[MetricValue]:
    """The values with the versions of their metrics. versions: by factory (`genbench.runner.metric_versions`)."""
    factories = {card.name: card.factory for card in cards}
    return [
        msgspec.structs.replace(value, version=versions.get(factories[value.name] or "")) for value in values
    ]
