"""Scoring the stored samples of one job again, in a process of its own, without a model.

Likelihoods and costs were measured while the model was in memory. They cannot be computed from samples and are left as
they are.
"""

from __future__ import annotations

from pathlib import Path

from genbench.datasets.prepared import load_data
from genbench.errors import DataError
from genbench.execution.threads import set_threads
from genbench.features import Extractor
from genbench.features.loading import load_extractor
from genbench.metrics.scoring import reference_examples, score, scoring_inputs
from genbench.records.task import Observer, Outcome, Phase, Rescoring, Task
from genbench.samples.conditional_samples import load_conditional_samples
from genbench.samples.stored import load_samples


class Rescorer:
    """Writes the values of the task's metrics into its outcome."""

    def __init__(self, task: Task, rescoring: Rescoring, observer: Observer) -> None:
        self.task = task
        self.rescoring = rescoring
        self.observer = observer
        self.outcome = Outcome()
        self.phase: Phase = "load"

    def run(self) -> None:
        """Raises DataError if the samples or the extractor are not those of the record."""
        job = self.task.job
        self.enter("load")
        set_threads(job.threads)
        dataset = load_data(self.task.dataset)
        samples = load_samples(Path(self.task.samples_path), dataset.spec, job.drawn_samples)
        conditional = load_conditional_samples(Path(self.task.samples_path).parent, dataset, job)
        self.enter("score")
        extractor = load_extractor(self.task.extractor, dataset)
        self.check(extractor)
        inputs = scoring_inputs(
            dataset, job, samples, reference_examples(dataset, job), extractor, conditional
        )
        self.outcome.metrics = score(self.task.metrics, inputs)

    def enter(self, phase: Phase) -> None:
        self.phase = phase
        self.observer.phase(phase)

    def check(self, extractor: Extractor) -> None:
        """Raises DataError unless the extractor is that of the stored values: all values of a row share one."""
        recorded = self.rescoring.extractors
        if not recorded or recorded == [extractor.identity]:
            return
        raise DataError(
            f"the stored values were computed with {', '.join(recorded)}, the extractor is now {extractor.identity};"
            " --replace computes all values with it"
        )
