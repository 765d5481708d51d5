"""What the phases of one stage share: data set, model and gauges; how they are made, and how samples are drawn."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from genbench.api.cards import load_factory
from genbench.api.clocks import process_cpu_seconds
from genbench.api.data import Dataset, Split
from genbench.api.model import GenerativeModel, capabilities_of
from genbench.datasets.pieces import windows_of_dataset
from genbench.datasets.prepared import load_data
from genbench.errors import Diverged, PluginError
from genbench.execution.stages.stage import Stage
from genbench.execution.threads import set_threads
from genbench.features import Extractor
from genbench.features.loading import load_extractor_or_reason
from genbench.measure.gauges import Gauges
from genbench.measure.speed import synchronised_clock
from genbench.metrics.scoring import ScoredExamples, ScoringInputs, scoring_inputs
from genbench.records.job import Job
from genbench.records.task import Task
from genbench.samples.draw import draw_lengths, draw_samples
from genbench.samples.pace import check_pace
from genbench.util.seeding import derive_seed, seed_everything


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
    construction_seconds: float
    """How long the constructor took: building is training, so that work in it is not free."""
    construction_cpu_seconds: float
    """Its processor time."""

    @classmethod
    def load_and_build(cls, stage: Stage, *, with_test: bool) -> JobContext:
        """Load the data set and build the model anew, with the weights that the job's seed gives it.

        with_test: without it, the test split is empty. Raises DataError, PluginError, and what the plugin raises.
        """
        task, job = stage.task, stage.job
        stage.enter("load")
        set_threads(job.threads)
        dataset = load_data(task.dataset, with_test=with_test)
        stage.enter("build")
        device = torch.device(job.device)
        gauges = Gauges(device, task.workers)
        model_class = load_factory(task.model_factory)
        set_threads(job.threads)  # the module may have imported libraries with threads of their own
        seed_everything(derive_seed(job.seed, job.dataset, "initialisation"))
        began, cpu_began = synchronised_clock(device), process_cpu_seconds()
        model = model_class(dataset.spec, **job.hyperparameters)
        if not isinstance(model, GenerativeModel):
            raise PluginError(f"{task.model_factory} is not a genbench.GenerativeModel")
        if absent := sorted(set(task.capabilities) - capabilities_of(model)):
            raise PluginError(
                f"the card announces {', '.join(absent)}, for which {type(model).__name__} has no methods: write them,"
                " or take it off `capabilities`"
            )
        model = model.to(device)
        seconds, cpu_seconds = synchronised_clock(device) - began, process_cpu_seconds() - cpu_began
        return cls(task, device, dataset, model, gauges, seconds, cpu_seconds)

    @property
    def job(self) -> Job:
        return self.task.job

    def seed(self, axis: str) -> int:
        """The seed of one axis of randomness. It names the data set and not the model, so that models are paired."""
        return derive_seed(self.job.seed, self.job.dataset, axis)

    def draw(self, count: int, seed: int) -> Tensor:
        """(count, *event_shape) checked samples on the CPU. Pieces have the lengths that `lengths` returns. Raises
        SamplingTimeout past the job's sampling budget."""
        generator = torch.Generator(self.device).manual_seed(seed)
        return draw_samples(
            self.model,
            count,
            generator,
            self.dataset.spec,
            self.job.sampling_seconds,
            lengths=self.lengths(count, seed),
        )

    def check_pace(self, count: int) -> None:
        """Raise SamplingTimeout if the model as it is now samples too slowly for `count` samples."""
        seed = self.seed("sampling pace")
        generator = torch.Generator(self.device).manual_seed(seed)

        def draw(size: int) -> None:
            with contextlib.suppress(PluginError, Diverged):  # only the time matters here
                lengths = self.lengths(size, seed)
                draw_samples(self.model, size, generator, self.dataset.spec, math.inf, lengths=lengths)

        check_pace(draw, count, self.job.sampling_seconds)

    def lengths(self, count: int, seed: int) -> Tensor | None:
        """The lengths of the samples that `draw` returns for this seed, (count,), drawn from those of the training
        pieces; None for data whose examples have one shape."""
        return draw_lengths(self.dataset.train, count, seed)

    def inputs(self, samples: Tensor, lengths: Tensor | None, reference: Split) -> ScoringInputs:
        """What metrics are computed from. samples: (N or more, *event_shape), on the CPU. lengths: theirs; None where
        all have one shape. reference: N examples of the data set."""
        card = self.task.dataset
        drawn = ScoredExamples.of_samples(samples, lengths, card)
        real = ScoredExamples.of_split(reference, card)
        return scoring_inputs(
            self.windows_dataset,
            self.job,
            drawn.x,
            real.x,
            self.extractor,
            windows=real.windows,
            sample_pieces=drawn.pieces,
            reference_pieces=real.pieces,
            alphabet=card.alphabet,
        )

    @cached_property
    def windows_dataset(self) -> Dataset:
        """The data set as metrics of examples of one shape see it."""
        return windows_of_dataset(self.dataset, self.task.dataset)

    @cached_property
    def extractor(self) -> Extractor:
        return load_extractor_or_reason(self.task.extractor, self.windows_dataset)
