"""From studies to winners, and to a suite file that runs them beside the defaults."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from genbench.errors import UsageError
from genbench.records.result import Tuned
from genbench.records.tuned import search_cost
from genbench.runner.suite import Suite
from genbench.tuning.study import Study, Trial
from genbench.tuning.validation import why_without_value


@dataclass(frozen=True)
class Winner:
    """What the studies of one model on one data set found."""

    trial: Trial
    """The winner of the median study."""
    tuned: Tuned
    """What a row of it carries."""


def winner_of(studies: Sequence[Study], trials: int) -> Winner:
    """The winner of the median of the studies of one model on one data set.

    The studies are put in order by the validation values of their winners, those without a winner last, and the middle
    one is taken; of two in the middle the worse. It is what a user gets who makes one such search, with neither good
    nor bad luck (the rule of AlgoPerf, Dahl et al. 2023). Raises UsageError where that study has no winner.
    """
    first = studies[0]
    sign = -1.0 if first.better == "higher" else 1.0

    def place(study: Study) -> float:
        return math.inf if study.best is None else sign * study.best

    median = sorted(studies, key=place)[len(studies) // 2]
    trial = median.winner
    if trial is None or median.best is None:
        raise UsageError(_all_failed(median))
    job = first.base
    return Winner(
        trial,
        Tuned(
            model=job.model,
            variant=trial.variant.label,
            dataset=job.dataset,
            trials=trials,
            studies=len(studies),
            sampler=first.settings.sampler,
            budget=first.settings.budget,
            rungs=first.settings.shares,
            metric=job.ranking or "",
            better=first.better,
            value=median.best,
            values=[study.values for study in studies],
            cost=search_cost([result for study in studies for result in study.results]),
        ),
    )


def _all_failed(study: Study) -> str:
    count = len(study.trials)
    last = next((trial.last for trial in reversed(study.trials) if trial.last is not None), None)
    why = "" if last is None else f"; the last one: {why_without_value(last)}"
    what = "the only trial" if count == 1 else f"all {count} trials"
    return f"{study.base.model} on {study.base.dataset}: {what} failed{why}"


def suite_toml(suite: Suite, comment: Sequence[str]) -> str:
    """The text of a suite file. comment: lines at its head."""
    fields = msgspec.to_builtins(suite)
    fields["budget"] = str(suite.budget)
    tuned, ranking = fields.pop("tuned"), fields.pop("ranking")
    del fields["name"]
    lines = [*(f"# {line}" for line in comment), *_pairs(fields)]
    if ranking:
        lines += [
            "",
            "[ranking]",
            *(f"{json.dumps(name)} = {_value(each)}" for name, each in ranking.items()),
        ]
    for each in tuned:
        lines += ["", "[[tuned]]", *_pairs(each)]
    return "\n".join(lines) + "\n"


def _pairs(fields: dict[str, object]) -> list[str]:
    return [f"{name} = {_value(each)}" for name, each in fields.items()]


def _value(value: object) -> str:
    """As TOML has it. A failed trial has no value; TOML has no null, and `load_suite` reads nan as one."""
    match value:
        case None:
            return "nan"
        case bool():
            return "true" if value else "false"
        case str():  # a TOML basic string is a JSON string, but for U+007F
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case int() | float():
            return repr(value)
        case dict():
            return "{ " + ", ".join(f"{name} = {_value(each)}" for name, each in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
    raise TypeError(f"{value!r} has no place in a suite file")
