"""The stage "score" of a job: the metrics of stored samples, in a process without a model.

The samples of a job that has just been evaluated and those of a job of an earlier run (`genai-bench score`) are scored
in the same way. No code of the model was loaded into this process, so whatever a model changes (torch's default type, a
function of the harness) changes no metric of its samples. Likelihoods and costs were measured while the model was in
memory; they are left as they are.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from genbench.api.cards import ExtractorCard
from genbench.api.data import Dataset
from genbench.datasets.pieces import windows_of_dataset
from genbench.datasets.prepared import load_data
from genbench.errors import DataError
from genbench.execution.stages.evaluation import LAST_SAMPLES, curve_samples
from genbench.execution.stages.stage import Stage
from genbench.execution.threads import set_threads
from genbench.features import Extractor
from genbench.features.loading import load_extractor, load_extractor_or_reason
from genbench.metrics.frechet import score_frechet
from genbench.metrics.scoring import (
    ScoredExamples,
    ScoringInputs,
    reference_split,
    score,
    scoring_inputs,
    with_versions,
)
from genbench.records.result import MetricValue, SamplingPoint
from genbench.records.task import Rescoring
from genbench.samples.conditional_samples import ConditionalSamples, load_conditional_samples
from genbench.samples.mode_collapse import collapse_warning
from genbench.samples.stored import load_samples_and_lengths
from genbench.util.torch_settings import default_torch_settings


class ScoringStage(Stage):
    """Writes the values of the task's metrics into its outcome."""

    def run(self) -> None:
        """Raises DataError if the samples, or for a job of an earlier run the extractor, are not what they should
        be."""
        self.enter("load")
        set_threads(self.job.threads)
        with (
            default_torch_settings()
        ):  # the user's script may have set others, and the fork server runs its imports
            self.score_all()

    def score_all(self) -> None:
        dataset = self.dataset = load_data(self.task.dataset)
        self.reference = ScoredExamples.of_split(reference_split(dataset, self.job), self.task.dataset)
        self.windows_dataset = windows_of_dataset(dataset, self.task.dataset)
        samples = self.samples(Path(self.task.samples_path), self.job.drawn_samples)
        conditional = load_conditional_samples(Path(self.task.samples_path).parent, dataset, self.job)
        self.enter("score")
        rescoring = self.task.rescoring
        if rescoring is not None:
            self.extractor = recorded_extractor(self.task.extractor, self.windows_dataset, rescoring)
            self.outcome.metrics = self.scored(samples, conditional)
            return
        self.extractor = load_extractor_or_reason(self.task.extractor, self.windows_dataset)
        if (warning := collapse_warning(samples.x, self.reference.x)) is not None:
            self.warn(warning)
        self.outcome.metrics = self.scored(samples, conditional) + self.outcome.metrics
        self.report()
        self.score_last()
        self.score_curve()

    def samples(self, path: Path, count: int) -> ScoredExamples:
        """Stored samples, cut into windows where they are pieces of different lengths."""
        samples, lengths = load_samples_and_lengths(path, self.dataset.spec, count)
        return ScoredExamples.of_samples(samples, lengths, self.task.dataset)

    def scored(
        self, samples: ScoredExamples, conditional: ConditionalSamples | None = None
    ) -> list[MetricValue]:
        task = self.task
        inputs = self.inputs(samples, conditional)
        values = score(task.metrics, inputs, fatal=task.fatal_factories, on_factory=self.observer.scoring)
        return with_versions(values, task.metrics, task.metric_versions)

    def inputs(self, samples: ScoredExamples, conditional: ConditionalSamples | None = None) -> ScoringInputs:
        return scoring_inputs(
            self.windows_dataset,
            self.job,
            samples.x,
            self.reference.x,
            self.extractor,
            conditional,
            self.reference.windows,
            sample_pieces=samples.pieces,
            reference_pieces=self.reference.pieces,
            alphabet=self.task.dataset.alphabet,
        )

    def score_last(self) -> None:
        """The metrics of the last state of the model, if an earlier checkpoint was chosen."""
        if self.outcome.last_metrics is None:
            return
        self.enter("score")
        samples = self.samples(self.folder / LAST_SAMPLES, self.job.drawn_samples)
        self.outcome.last_metrics = self.scored(samples) + self.outcome.last_metrics
        self.report()

    def score_curve(self) -> None:
        """Quality against the sampler's steps."""
        if self.outcome.sampling_curve:
            self.enter("score")
            self.outcome.sampling_curve = [self.scored_point(point) for point in self.outcome.sampling_curve]

    def scored_point(self, point: SamplingPoint) -> SamplingPoint:
        if point.note is not None:
            return point
        samples = self.samples(self.folder / curve_samples(point.steps), point.n)
        return msgspec.structs.replace(point, metrics=score_frechet(self.inputs(samples)))


def recorded_extractor(card: ExtractorCard, dataset: Dataset, rescoring: Rescoring) -> Extractor:
    """The extractor of a job of an earlier run. Raises DataError unless it is that of the stored values: all values of
    a row share one."""
    extractor = load_extractor(card, dataset)
    recorded = rescoring.extractors
    if recorded and recorded != [extractor.identity]:
        raise DataError(
            f"the stored values were computed with {', '.join(recorded)}, the extractor is now {extractor.identity};"
            " --replace computes all values with it"
        )
    return extractor
