"""Checkpoints: judging the model on the validation split, and choosing the weights that are evaluated.

A checkpoint's deciding metric is the first of its metrics: the likelihood if the model has one, else a distance between
samples and validation examples. Lower is better. If two checkpoints are equal, the later one is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from genbench.api.compute_meter import Spent
from genbench.api.model import GenerativeModel
from genbench.execution.job_context import JobContext
from genbench.likelihood.estimates import estimate_likelihood, likelihood_metrics
from genbench.metrics.frechet import score_frechet
from genbench.metrics.sliced_wasserstein import score_sliced_wasserstein
from genbench.records.result import MetricValue
from genbench.util.precision import full_precision

MAX_EXAMPLES = 512
"""Validation examples, and samples, that a checkpoint is judged on."""
MAX_IMPORTANCE_SAMPLES = 10
"""Importance samples for the likelihood of a checkpoint; fewer if the job has fewer."""


@dataclass(frozen=True)
class Checkpoint:
    """The weights of a model at one moment of its training."""

    score: float
    """The value of the deciding metric; infinite if it could not be computed."""
    fraction: float
    """The share of the training budget that was used, 0 to 1."""
    steps: int
    """The training steps that were taken."""
    state: dict[str, Tensor]
    """A copy of the model's `state_dict`."""


class CheckpointChoice:
    """Keeps the best of the checkpoints that it is offered."""

    def __init__(self) -> None:
        self._chosen: Checkpoint | None = None
        self.last_steps = 0
        """The training steps at the latest checkpoint, chosen or not."""

    @property
    def chosen(self) -> Checkpoint:
        """The best checkpoint so far. A training offers its last state at least."""
        assert self._chosen is not None
        return self._chosen

    def offer(self, model: GenerativeModel, spent: Spent, metrics: list[MetricValue]) -> None:
        """Choose the model as it is now unless the chosen checkpoint is better. metrics: of the validation split."""
        self.last_steps = spent.steps
        deciding = metrics[0].value
        score = float("inf") if deciding is None else deciding
        if self._chosen is None or score <= self._chosen.score:
            self._chosen = Checkpoint(score, spent.fraction, spent.steps, copy_of_state(model))


def copy_of_state(model: GenerativeModel) -> dict[str, Tensor]:
    """A copy of the model's `state_dict` that further training does not change."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def judge_on_validation(context: JobContext) -> list[MetricValue]:
    """The metrics of the model as it is now on a part of the validation split; the first of them decides.

    For points the distance that decides is the sliced Wasserstein distance. The Fréchet distance compares means and
    covariances only, and one broad heap of points has those of a ring or of a grid.
    """
    spec = context.dataset.spec
    valid = context.dataset.valid.random_subset(MAX_EXAMPLES, context.seed("validation subset"))
    x = valid.tensor()
    k = min(MAX_IMPORTANCE_SAMPLES, context.job.importance_samples)
    with full_precision():
        estimates = estimate_likelihood(context.model, spec, x.to(context.device), k=k)
    likelihoods = likelihood_metrics(estimates[:1], spec)
    samples = context.draw(len(x), context.seed("checkpoint samples"))
    inputs = context.inputs(samples, x)
    distances = score_frechet(inputs)
    if spec.modality == "points":
        distances = score_sliced_wasserstein(inputs) + distances
    return likelihoods[::-1] + distances
