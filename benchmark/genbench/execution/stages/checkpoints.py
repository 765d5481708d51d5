"""Checkpoints: judging the model on the validation split, and choosing the weights that are reported.

One rule for every family (docs/decisions/0031): the best checkpoint by the metric that ranks the data set, and among
those within one standard error of it the latest. A checkpoint before the last stage of a training in stages is never
chosen, because a part of the model is then untrained.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from genbench.api.cards import MetricCard
from genbench.api.compute_meter import Spent
from genbench.api.model import GenerativeModel
from genbench.api.ranking_rule import default_ranking_rule
from genbench.execution.stages.job_context import JobContext
from genbench.likelihood.estimates import estimate_likelihood, likelihood_metrics
from genbench.metrics.cards import METRIC_CARDS
from genbench.metrics.scoring import score
from genbench.records.result import MetricValue
from genbench.util.precision import full_precision
from genbench.util.torch_settings import default_torch_settings

MAX_EXAMPLES = 512
"""Validation examples, and samples, that a checkpoint is judged on."""
MAX_SAMPLES = 4096
"""Samples that a checkpoint is judged on if the metric that ranks needs no validation examples."""
MAX_IMPORTANCE_SAMPLES = 10
"""Importance samples for the likelihood of a checkpoint; fewer if the job has fewer."""
_ALWAYS = ("frechet_distance",)
"""Metrics that every checkpoint has besides the one that ranks, for the curves of reports."""


@dataclass(frozen=True)
class Checkpoint:
    """The weights of a model at one moment of its training."""

    value: float
    """The value by which the checkpoint was chosen, less being better; infinite if it could not be computed."""
    stderr: float
    """Its standard error; 0 if it is not known."""
    fraction: float
    """The share of the training budget that was used, 0 to 1."""
    steps: int
    """The training steps that were taken."""
    state: dict[str, Tensor]
    """A copy of the model's `state_dict`."""


class CheckpointChoice:
    """Keeps, of the checkpoints that it is offered, the one to report and the one that is best by likelihood.

    ranking: the name of the metric that decides. Where no checkpoint of the last stage was offered, the latest one is
    kept.
    """

    def __init__(self, ranking: str) -> None:
        self.ranking = ranking
        self._chosen: Checkpoint | None = None
        self._bar = float("inf")  # the best value, and one standard error
        self._best = float("inf")
        self._is_eligible = False
        self.likeliest: Checkpoint | None = None
        """The best checkpoint by its likelihood; None for models without one."""
        self.last_steps = 0
        """The training steps at the latest checkpoint, chosen or not."""

    @property
    def chosen(self) -> Checkpoint:
        """The checkpoint to report. A training offers its last state at least."""
        assert self._chosen is not None
        return self._chosen

    def offer(self, model: GenerativeModel, spent: Spent, metrics: list[MetricValue]) -> None:
        """Consider the model as it is now. metrics: of the validation split."""
        self.last_steps = spent.steps
        if spent.is_last_stage or not self._is_eligible:
            self._offer_to_report(model, spent, metrics)
        if spent.is_last_stage:
            self._offer_by_likelihood(model, spent, metrics)

    def _offer_to_report(self, model: GenerativeModel, spent: Spent, metrics: list[MetricValue]) -> None:
        value, stderr = _judged(metrics, self.ranking)
        if not self._is_eligible:  # the first of the last stage, or one that stands in until there is one
            self._is_eligible = spent.is_last_stage
            self._best = self._bar = float("inf")
        if value > self._bar:
            return
        self._chosen = Checkpoint(value, stderr, spent.fraction, spent.steps, copy_of_state(model))
        if value <= self._best:
            self._best, self._bar = value, value + stderr

    def _offer_by_likelihood(self, model: GenerativeModel, spent: Spent, metrics: list[MetricValue]) -> None:
        value, stderr = _judged(metrics, "negative_log_likelihood")
        if value == float("inf") or (self.likeliest is not None and value > self.likeliest.value):
            return
        if self._chosen is not None and self._chosen.steps == spent.steps:
            state = self._chosen.state
        else:
            state = copy_of_state(model)
        self.likeliest = Checkpoint(value, stderr, spent.fraction, spent.steps, state)


def _judged(metrics: list[MetricValue], name: str) -> tuple[float, float]:
    """The value of a metric, less being better, and its standard error."""
    found = next((metric for metric in metrics if metric.name == name), None)
    if found is None or found.value is None:
        return float("inf"), 0.0
    return (-found.value if found.better == "higher" else found.value), found.stderr or 0.0


def copy_of_state(model: GenerativeModel) -> dict[str, Tensor]:
    """A copy of the model's `state_dict` that further training does not change."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def ranking_metric(context: JobContext) -> str:
    """The metric that ranks the data set of the job."""
    dataset = context.dataset
    rule = default_ranking_rule(dataset.spec, has_truth=dataset.truth is not None)
    return context.job.ranking or rule.metric


def judge_on_validation(
    context: JobContext, on_factory: Callable[[str], None] = lambda factory: None
) -> list[MetricValue]:
    """The metrics of the model as it is now on a part of the validation split: the one that ranks the data set, the
    likelihoods, and what curves show besides. on_factory: called before each factory of metrics, and with "" at the
    end."""
    spec = context.dataset.spec
    cards = _cards(context)
    valid = context.dataset.valid.random_subset(MAX_EXAMPLES, context.seed("validation subset"))
    x = valid.tensor()
    k = min(MAX_IMPORTANCE_SAMPLES, context.job.importance_samples)
    with full_precision():
        estimates = estimate_likelihood(context.model, spec, x.to(context.device), k=k, lengths=valid.lengths)
    likelihoods = likelihood_metrics(
        estimates[:1],
        spec,
        windows=valid.windows,
        lengths=valid.lengths,
        step=context.task.dataset.step_name,
    )
    count = MAX_SAMPLES if cards[0].requires_truth else len(x)
    count, seed = max(count, len(x)), context.seed("checkpoint samples")
    samples = context.draw(count, seed)
    with default_torch_settings():  # not those that the model has set for itself
        inputs = context.inputs(samples, context.lengths(count, seed), valid)
        values = score(cards, inputs, fatal=context.task.fatal_factories, on_factory=on_factory)
        on_factory("")
    ranking = ranking_metric(context)
    first = [value for value in values if value.name == ranking]
    others = [value for value in values if value.name in _ALWAYS and value.name != ranking]
    return first + likelihoods[::-1] + others


def _cards(context: JobContext) -> list[MetricCard]:
    """The cards of the metric that ranks, and of those that curves show besides. The likelihoods have cards too, and
    nothing is computed for those."""
    known = {card.name: card for card in (*METRIC_CARDS, *context.task.metrics)}
    names = dict.fromkeys((ranking_metric(context), *_ALWAYS))
    wanted = [known[name] for name in names if name in known]
    factories = {card.factory for card in wanted if card.factory}
    # a factory computes all of its metrics, and each must be announced
    siblings = [card for card in known.values() if card.factory in factories and card not in wanted]
    return [*wanted, *siblings]
