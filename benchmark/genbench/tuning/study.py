"""One search: a model on a data set, trial after trial. It decides, and runs nothing.

All of its decisions follow from the settings and the results of its jobs, so that a search that was killed is gone on
with by giving it the stored results again, in the same order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from genbench.api.cards import Better, Hyperparameter
from genbench.api.search_space import Range
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.runner.planning import Variant
from genbench.tuning.halving import Ladder
from genbench.tuning.proposals import Tried, propose
from genbench.tuning.settings import MAX_TRIALS, StudySettings
from genbench.tuning.validation import validation_value

FIRST_SEED = 1_000_000
"""Seeds of searches begin here, far from those of runs, so that the evaluation of a winner has seeds that the search
has not seen."""

VariantOf = Callable[[Mapping[str, Hyperparameter]], Variant]
"""Makes a variant of the searched model from settings of a trial."""


@dataclass(frozen=True)
class Step:
    """A training that a search asks for."""

    trial: int
    """The trial, from 0."""
    rung: int
    """Which share of the budget it gets, from 0."""
    job: Job
    """The job."""


@dataclass
class Trial:
    """A setting of the hyperparameters, and what became of it."""

    settings: Mapping[str, Hyperparameter]
    """The hyperparameters that the search varies."""
    variant: Variant
    """The model with them."""
    results: dict[int, Result] = field(default_factory=dict)
    """Its results by rung."""

    @property
    def last(self) -> Result | None:
        """The result with the largest share of the budget; None while the first training runs."""
        return self.results[max(self.results)] if self.results else None

    def value_at(self, rung: int, *, is_whole: bool) -> float | None:
        """The validation value at a rung; None where the trial failed there. With the whole budget a trial that took
        more than that fails too, because a row that does has no rank; at a small share of it one long step may be too
        much, which says little of the whole."""
        result = self.results[rung]
        return None if is_whole and result.cost.budget_overrun else validation_value(result)


class Study:
    """A search for the hyperparameters of one model on one data set."""

    def __init__(
        self,
        settings: StudySettings,
        trials: int,
        number: int,
        base: Job,
        ranges: Mapping[str, Range],
        better: Better,
        variant_of: VariantOf,
    ) -> None:
        """number: of the study, from 0. base: a job of the model on the data set with the whole budget, of which trials
        have the other fields. better: the direction of the metric that ranks the data set."""
        self.settings, self.number, self.base, self.better = settings, number, base, better
        self.ranges, self._variant_of = ranges, variant_of
        self.trials: list[Trial] = []
        self._ladder = Ladder(trials, settings.rungs, settings.reduction)
        self._budgets = [str(budget) for budget in settings.budgets]

    def next_steps(self) -> list[Step]:
        """The trainings to make now, at most `settings.at_once`; none when the search is over. The results of all of
        them are expected by `tell` before the next call."""
        steps: list[Step] = []
        while len(steps) < self.settings.at_once:
            found = self._ladder.next_step()
            if found is None:
                break
            trial, rung = found
            if trial == len(self.trials):
                self.trials.append(self._draw(trial))
            self._ladder.start(trial, rung)
            steps.append(Step(trial, rung, self._job(trial, rung)))
        return steps

    def tell(self, step: Step, result: Result) -> None:
        """Note the result of a training."""
        self.trials[step.trial].results[step.rung] = result
        value = self._value(self.trials[step.trial], step.rung)
        self._ladder.end(step.trial, step.rung, None if value is None else self._sign * value)

    @property
    def winner(self) -> Trial | None:
        """The trial with the best validation value at the whole budget; None where all failed."""
        number = self._ladder.winner
        return None if number is None else self.trials[number]

    @property
    def results(self) -> list[Result]:
        """The results of all trainings."""
        return [result for trial in self.trials for _, result in sorted(trial.results.items())]

    @property
    def values(self) -> list[float | None]:
        """The value of each trial at the largest share of the budget that it was given, in the order of the draws; None
        for those that failed there."""
        return [self._value(trial, max(trial.results)) if trial.results else None for trial in self.trials]

    @property
    def best(self) -> float | None:
        """The validation value of the winner; None where there is none."""
        return None if self.winner is None else self._value(self.winner, self.settings.rungs - 1)

    def _value(self, trial: Trial, rung: int) -> float | None:
        return trial.value_at(rung, is_whole=rung == self.settings.rungs - 1)

    @property
    def _sign(self) -> float:
        return -1.0 if self.better == "higher" else 1.0

    def _draw(self, trial: int) -> Trial:
        tried = [self._as_tried(each) for each in self.trials]
        seed = _seed_of_draw(self.base, self.number, trial)
        settings = propose(self.ranges, self.settings.sampler, seed, tried)
        return Trial(settings, self._variant_of(settings))

    def _as_tried(self, trial: Trial) -> Tried:
        found = {rung: self._value(trial, rung) for rung in sorted(trial.results)}
        values = {rung: self._sign * value for rung, value in found.items() if value is not None}
        return Tried(trial.settings, values, self.settings.rungs - 1 in values)

    def _job(self, trial: int, rung: int) -> Job:
        variant = self.trials[trial].variant
        return msgspec.structs.replace(
            self.base,
            variant=variant.label,
            hyperparameters=variant.hyperparameters,
            budget=self._budgets[rung],
            ends_after="train",
            seed=FIRST_SEED + MAX_TRIALS * self.number + trial,
        )


def _seed_of_draw(base: Job, number: int, trial: int) -> int:
    """A seed of 32 bits. Models and data sets have different ones, or all would be tried with alike rates."""
    text = f"{base.model}/{base.dataset}/{number}/{trial}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def search(
    studies: Sequence[Study],
    run_jobs: Callable[[Sequence[Job]], Mapping[str, Result]],
    on_round: Callable[[], None] = lambda: None,
) -> None:
    """Go on with all studies until they are over.

    run_jobs: returns the result of each job by its id, and runs those that have none. on_round: called after each round
    of trainings.
    """
    while batch := [(study, step) for study in studies for step in study.next_steps()]:
        results = run_jobs([step.job for _, step in batch])
        for study, step in batch:
            study.tell(step, results[step.job.id])
        on_round()
