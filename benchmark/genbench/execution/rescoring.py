"""One job's stored samples scored again, inside a process of its own: no model, no training.

What the worker measured while it held the model (likelihoods, costs) cannot be had from samples, and stays.
"""

from __future__ import annotations

from pathlib import Path

from genbench.datasets.prepared import load_data
from genbench.errors import DataError
from genbench.execution.threads import hold_to
from genbench.features import Extractor
from genbench.features.loading import load_extractor
from genbench.metrics.scoring import reference_examples, score, scoring_inputs
from genbench.records.task import Observer, Outcome, Phase, Rescoring, Task
from genbench.samples.conditional_samples import load_conditional_samples
from genbench.samples.stored import load_samples


class Rescorer:
    """Leaves the figures of the task's metrics in its outcome."""

    def __init__(self, task: Task, rescoring: Rescoring, observer: Observer) -> None:
        self.task = task
        self.rescoring = rescoring
        self.observer = observer
        self.outcome = Outcome()
        self.phase: Phase = "load"

    def run(self) -> None:
        """Raises DataError where the samples or the extractor are not those of the record."""
        job = self.task.job
        self.enter("load")
        hold_to(job.threads)
        dataset = load_data(self.task.dataset)
        samples = load_samples(Path(self.task.samples_path), dataset.spec, job.samples)
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
        """Figures of one row are of one extractor."""
        recorded = self.rescoring.extractors
        if not recorded or recorded == [extractor.identity]:
            return
        raise DataError(
            f"the stored figures are of features {', '.join(recorded)}, this extractor is {extractor.identity};"
            " --replace computes all of them with it"
        )
