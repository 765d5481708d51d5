"""Drawing the settings of a trial: at random, or with Optuna's tree-structured Parzen estimator (TPE).

A draw depends on its arguments alone: the study is built anew from the trials for each, and its sampler is seeded by
the trial. So a search that was interrupted goes on as if it had not been. Needs the extra `genbench[tune]`.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from genbench.api.cards import Hyperparameter
from genbench.api.search_space import Choices, FloatRange, IntRange, Range
from genbench.errors import UsageError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

Sampler = Literal["random", "tpe"]
SAMPLERS: tuple[Sampler, ...] = ("random", "tpe")
STARTUP_TRIALS = 5
"""How many trials TPE draws at random before it models their values."""
SIGNIFICANT_DIGITS = 3
"""Real numbers are rounded to so many digits, which is finer than any of them matters, and readable in a row's name."""


@dataclass(frozen=True)
class Tried:
    """A trial that was drawn before."""

    settings: Mapping[str, Hyperparameter]
    """Its hyperparameters."""
    values: Mapping[int, float]
    """Its value, less being better, at each rung where it has one. Empty while it runs, and where it failed."""
    is_whole: bool
    """Whether the last of the values is of the whole budget."""


def check_installed() -> None:
    """Raises UsageError where Optuna is not installed."""
    try:
        is_there = importlib.util.find_spec("optuna") is not None
    except ValueError:  # of a module that was taken away in this process
        is_there = False
    if not is_there:
        raise UsageError("`genai-bench tune` draws settings with Optuna: pip install 'genbench[tune]'")


def propose(
    ranges: Mapping[str, Range], sampler: Sampler, seed: int, tried: Sequence[Tried]
) -> dict[str, Hyperparameter]:
    """The settings of the next trial. seed: of this draw alone. tried: the earlier trials, in the order of their draws;
    a random draw does not depend on them."""
    import optuna

    previous = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            chosen = (
                optuna.samplers.RandomSampler(seed=seed)
                if sampler == "random"
                else optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS)
            )
            study = optuna.create_study(sampler=chosen)
            distributions = {name: _distribution(values) for name, values in ranges.items()}
            for trial in tried if sampler == "tpe" else ():
                study.add_trial(_as_optuna_has_it(trial, distributions))
            drawn = study.ask(distributions)
            return {name: _rounded(drawn.params[name], values) for name, values in ranges.items()}
    finally:
        optuna.logging.set_verbosity(previous)


def _as_optuna_has_it(trial: Tried, distributions: Mapping[str, BaseDistribution]) -> FrozenTrial:
    """TPE puts trials that had the whole budget first, then those with more of it, then those with better values. A
    trial that failed or still runs comes last, as if it were bad, so that trials that run at once differ."""
    import optuna

    state = optuna.trial.TrialState.COMPLETE if trial.is_whole else optuna.trial.TrialState.PRUNED
    return optuna.trial.create_trial(
        state=state,
        params=dict(trial.settings),
        distributions=dict(distributions),
        value=trial.values[max(trial.values)] if trial.is_whole else None,
        intermediate_values=dict(trial.values),
    )


def _distribution(values: Range) -> BaseDistribution:
    import optuna

    match values:
        case FloatRange():
            return optuna.distributions.FloatDistribution(values.low, values.high, log=values.log)
        case IntRange():
            return optuna.distributions.IntDistribution(values.low, values.high, log=values.log)
        case Choices():
            return optuna.distributions.CategoricalDistribution(values.values)


def _rounded(value: Hyperparameter, values: Range) -> Hyperparameter:
    if not isinstance(values, FloatRange):
        return value
    assert isinstance(value, float)
    return min(max(float(f"{value:.{SIGNIFICANT_DIGITS}g}"), values.low), values.high)
