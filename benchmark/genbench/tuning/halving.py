"""Asynchronous successive halving (ASHA): many trials get a small share of the budget, the best of them a larger one.

Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning", algorithm 2. A trial that is promoted is
trained anew with the larger share and does not go on from its weights: models make their schedules (learning rates,
temperatures) depend on the share of the budget that is used, so that half a training of 10 s is no training of 5 s.

One addition: when all trials are drawn and the rule promotes none, the best trial of the highest rung that has one goes
on until some trial has had the whole budget. With few trials the rule alone would give none of them the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Ladder:
    """How far each trial has come."""

    trials: int
    """How many trials are drawn in all."""
    rungs: int
    """How many shares of the budget there are; the last is the whole budget."""
    reduction: int
    """One of so many trials of a rung goes on to the next."""
    ended: list[dict[int, float | None]] = field(default_factory=list)
    """For each rung, the value of each trial that has ended there, less being better; None for those that failed."""
    started: list[set[int]] = field(default_factory=list)
    """For each rung, the trials that were started there."""

    def __post_init__(self) -> None:
        self.ended = self.ended or [{} for _ in range(self.rungs)]
        self.started = self.started or [set() for _ in range(self.rungs)]

    def next_step(self) -> tuple[int, int] | None:
        """The trial to start now and its rung; None where nothing is to be started before a running trial ends, or
        ever. A trial that is new has the next number."""
        for rung in reversed(range(self.rungs - 1)):
            candidates = promotable(self.ended[rung], self.reduction)
            waiting = [trial for trial in candidates if trial not in self.started[rung + 1]]
            if waiting:
                return waiting[0], rung + 1
        drawn = len(self.started[0])
        if drawn < self.trials:
            return drawn, 0
        return None if self._is_running() else self._last_climb()

    def start(self, trial: int, rung: int) -> None:
        """Note that a trial runs."""
        self.started[rung].add(trial)

    def end(self, trial: int, rung: int, value: float | None) -> None:
        """Note how a trial has ended. value: less is better; None if it failed."""
        self.ended[rung][trial] = value

    @property
    def winner(self) -> int | None:
        """The best of the trials that had the whole budget; None where none has a value."""
        return next(iter(in_order(self.ended[-1])), None)

    def _is_running(self) -> bool:
        return any(started - ended.keys() for started, ended in zip(self.started, self.ended, strict=True))

    def _last_climb(self) -> tuple[int, int] | None:
        """The best trial that has not had the whole budget and can have more, if none has had the whole."""
        if self.winner is not None:
            return None
        for rung in reversed(range(self.rungs - 1)):
            waiting = [trial for trial in in_order(self.ended[rung]) if trial not in self.started[rung + 1]]
            if waiting:
                return waiting[0], rung + 1
        return None


def promotable(ended: Mapping[int, float | None], reduction: int) -> list[int]:
    """The trials of a rung that belong to the next one: of n that have ended the best n // reduction, best first."""
    return in_order(ended)[: len(ended) // reduction]


def in_order(ended: Mapping[int, float | None]) -> list[int]:
    """The trials with a value, from the best; of equal ones the earlier first."""
    values = [(value, trial) for trial, value in ended.items() if value is not None]
    return [trial for _, trial in sorted(values)]


def rung_shares(rungs: int, reduction: int) -> tuple[float, ...]:
    """The shares of the budget, ascending to 1: each is `reduction` times the one before."""
    return tuple(float(reduction) ** -(rungs - 1 - rung) for rung in range(rungs))


def expected_trainings(trials: int, shares: Sequence[float], reduction: int) -> list[int]:
    """How many trials each rung sees where no trial is promoted that the rule would not promote in the end."""
    counts = [trials]
    for _ in shares[1:]:
        counts.append(max(1, counts[-1] // reduction))
    return counts
