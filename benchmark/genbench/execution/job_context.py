"""What the phases of one job share: data set, model and gauges, and how samples are drawn and scored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from genbench.api.data import Dataset
from genbench.api.model import GenerativeModel
from genbench.features import Extractor
from genbench.features.loading import load_extractor_or_reason
from genbench.measure.gauges import Gauges
from genbench.metrics.scoring import ScoringInputs, scoring_inputs
from genbench.records.job import Job
from genbench.records.task import Task
from genbench.samples.conditional_samples import ConditionalSamples
from genbench.samples.draw import draw_samples
from genbench.util.seeding import derive_seed


@dataclass(frozen=True)
class JobContext:
    """One job whose data are loaded and whose model is built."""

    task: Task
    """What the worker was asked to do."""
    device: torch.device
    """Where the model is."""
    dataset: Dataset
    """The data set of the job, on the CPU."""
    model: GenerativeModel
    """The model of the job; its weights change as it trains, and when a checkpoint is restored."""
    gauges: Gauges
    """Memory and energy, measured from the baseline before the model was built."""

    @property
    def job(self) -> Job:
        return self.task.job

    def seed(self, axis: str) -> int:
        """The seed of one axis of randomness. It names the data set and not the model, so that models are paired."""
        return derive_seed(self.job.seed, self.job.dataset, axis)

    def draw(self, count: int, seed: int) -> Tensor:
        """(count, *event_shape) checked samples on the CPU. Raises SamplingTimeout past the job's sampling budget."""
        generator = torch.Generator(self.device).manual_seed(seed)
        return draw_samples(self.model, count, generator, self.dataset.spec, self.job.sampling_seconds)

    def inputs(
        self, samples: Tensor, reference: Tensor, conditional: ConditionalSamples | None = None
    ) -> ScoringInputs:
        """What metrics are computed from. samples: (N or more, *event_shape), reference: (N, *event_shape), on the
        CPU."""
        return scoring_inputs(self.dataset, self.job, samples, reference, self.extractor, conditional)

    @cached_property
    def extractor(self) -> Extractor:
        return load_extractor_or_reason(self.task.extractor, self.dataset)
