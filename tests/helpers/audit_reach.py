"""A simulation of what the audits find: a model is trained, its likelihood or its sampler is made wrong, and audited.

    python tests/helpers/audit_reach.py            # all embedded data sets, about an hour of one core
    python tests/helpers/audit_reach.py digits     # one data set

The model is MADE, whose likelihood is exact and cheap, and on symbols, which MADE does not take, a recurrent network;
one is trained on each data set. A trial draws samples anew, with random numbers of its own, and runs the cheap audit as
a job does and the full audit with the test split as `examples`. Chains of the full audit run only where nothing else
found the error.

A constant that is added to a likelihood changes no draw and no acceptance: it shifts the logarithms of the ratios that
are bet on, and multiplies the total. So one audit without an error tells about all constants (`shifted`); the tests
compare this with audits of likelihoods to which the constant was added.
"""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

import torch
from torch import Tensor

from genbench.api.budget import Budget
from genbench.api.cards import load_factory
from genbench.api.compute_meter import ComputeMeter
from genbench.api.data import Dataset
from genbench.api.model import GenerativeModel
from genbench.datasets.prepared import load_dataset
from genbench.likelihood.audit import check_annealed_total, check_own_samples, check_truth
from genbench.likelihood.audit.check_normalisation import INTEGRAL_TOLERANCE
from genbench.likelihood.audit.quick_audit import quick_audit
from genbench.likelihood.estimates import estimate_likelihood
from genbench.plugin.discovery import load_registry
from genbench.records.audit import Audit
from genbench.testing import audit_likelihood
from genbench.util.seeding import seeded

CONSTANTS = (0.1, 0.3, 1.0, 3.0, 10.0, -1.0, -3.0, -10.0)
"""Nats that are added to each log-likelihood."""
NO_ERROR, COPIED, BATCH = "no error", "samples copied", "batch size of the test"
EARLIER = {"checkpoint at 1/2": 0.5, "checkpoint at 1/10": 0.1}
"""Likelihoods of the model at these shares of its training; the samples are of the end."""
SCALED = {"factor 0.9": 0.9, "factor 0.99": 0.99}
OTHERS = (*SCALED, *EARLIER, COPIED, BATCH)
"""Errors that are not constants, in the order of the table."""
_HARNESS_SAMPLES = 1000  # of the suite `quick`
_ADVANTAGE = 3.0  # nats that a batch of the test's size is given


@dataclass(frozen=True)
class Study:
    """How the audits are studied on one data set."""

    steps: int
    """Training steps of the model."""
    trials: int
    """Trials with every error."""
    more: int = 0
    """Further trials with added constants and the factor 0.9 only."""
    samples: int = 4096
    """Samples of the full audit."""
    annealed: bool = True
    """Whether the full audit has chains."""
    model: str = "made"
    """The model that is trained, with its default settings."""


STUDIES = {
    "digits": Study(steps=1500, trials=3, more=7),
    "sunspots": Study(steps=500, trials=3),
    "elnino": Study(steps=500, trials=3),
    "ring8": Study(steps=1000, trials=5),
    "grid25": Study(steps=1000, trials=3),
    "two-moons": Study(steps=1000, trials=3),
    "checkerboard": Study(steps=1000, trials=3),
    "mnist5k": Study(steps=200, trials=3, samples=1024, annealed=False),
    "co2-growth": Study(steps=500, trials=3),
    "ar2": Study(steps=500, trials=3),
    "arma": Study(steps=500, trials=3),
    "garch": Study(steps=500, trials=3),
    "sines": Study(steps=500, trials=3, annealed=False),
    "four-voices": Study(steps=300, trials=3, samples=1024, annealed=False),
    "hmm-language": Study(steps=300, trials=3, samples=1024, annealed=False, model="gru"),
    "grammar": Study(steps=300, trials=3, samples=1024, annealed=False, model="gru"),
    "addresses": Study(steps=300, trials=3, samples=1024, annealed=False, model="gru"),
    "invented-language": Study(steps=300, trials=3, samples=1024, annealed=False, model="gru"),
    "formal-plain": Study(steps=300, trials=3, samples=1024, annealed=False, model="gru"),
}


@dataclass(frozen=True)
class Subject:
    """A trained model and its data."""

    model: GenerativeModel
    """After the last step, in evaluation mode."""
    earlier: dict[str, GenerativeModel]
    """States of the model from earlier in its training, by the share of the budget that was used."""
    data: Dataset
    """What it was trained on."""
    flops: float
    """Floating-point operations of one log-likelihood, roughly, as a worker estimates them from the training."""


def train_subject(dataset: str, steps: int, seed: int = 0, model_name: str = "made") -> Subject:
    """A model, with its default settings, after so many steps."""
    registry = load_registry()
    data = load_dataset(registry.dataset(dataset))
    with seeded(seed):
        model: GenerativeModel = load_factory(registry.model(model_name).factory)(data.spec)
    earlier: list[GenerativeModel] = []
    meter = ComputeMeter(
        Budget(steps=steps),
        seed=seed,
        valid=data.valid,
        fractions=tuple(EARLIER.values()),
        on_checkpoint=lambda _: earlier.append(copy.deepcopy(model).eval()),
    )
    with seeded(seed + 1):
        model.train()
        meter.start()
        model.fit(data.train, meter)
        spent = meter.finish()
    in_order = sorted(EARLIER, key=EARLIER.__getitem__)
    checkpoints = dict(zip(in_order, earlier, strict=True))
    return Subject(model.eval(), checkpoints, data, spent.flops / spent.examples / 3)


@contextmanager
def made_wrong(subject: Subject, error: str, constant: float = 0.0) -> Iterator[GenerativeModel]:
    """The model with the error."""
    model, test = subject.model, len(harness_examples(subject.data, 0))
    right: Callable[[Tensor], Tensor] = model.log_prob  # type: ignore[attr-defined]
    train = subject.data.train.tensor()

    def copies(count: int, generator: torch.Generator) -> Tensor:
        return train[torch.randint(len(train), (count,), generator=generator)]

    wrong = {BATCH: lambda x: right(x) + (_ADVANTAGE if len(x) == test else 0.0)}
    if error in EARLIER:
        wrong[error] = subject.earlier[error].log_prob  # type: ignore[assignment]
    if error in SCALED:
        wrong[error] = lambda x: SCALED[error] * right(x)
    log_prob = wrong.get(error, lambda x: right(x) + constant)
    with mock.patch.object(model, "log_prob", log_prob):
        if error == COPIED:
            with mock.patch.object(model, "sample", copies):
                yield model
        else:
            yield model


def harness_examples(data: Dataset, seed: int) -> Tensor:
    """Test examples as a job scores them. All are in one batch of the likelihood."""
    return data.test.random_subset(min(500, len(data.test)), seed).tensor()


def cheap_audit(subject: Subject, model: GenerativeModel, seed: int) -> Audit:
    """As a job of the suite `quick` does it."""
    count = min(_HARNESS_SAMPLES, len(subject.data.test))
    examples = harness_examples(subject.data, 0)
    with torch.no_grad():
        samples = model.sample(count, torch.Generator().manual_seed(seed))
    reported = estimate_likelihood(model, model.spec, examples, k=1)[0].log_prob
    audit = quick_audit(
        model,
        samples,
        examples,
        seed=seed,
        flops_per_example=subject.flops,
        reported=reported,
        truth=subject.data.truth,
    )
    assert audit is not None
    return audit


def full_audit(subject: Subject, model: GenerativeModel, seed: int, study: Study) -> Audit:
    """The full audit, with chains only where nothing else found an error."""
    examples = harness_examples(subject.data, 0)
    audit = audit_likelihood(
        model, seed=seed, samples=study.samples, examples=examples, annealing_seconds=0.0
    )
    if not audit.passed or not study.annealed:
        return audit
    return audit_likelihood(model, seed=seed, samples=study.samples, examples=examples)


@contextmanager
def recorded_ratios() -> Iterator[dict[str, Tensor]]:
    """The log-ratios that are bet on inside, by the name of the check."""
    ratios: dict[str, Tensor] = {}
    judge = check_own_samples.judge_ratios

    def record(name: str, log_ratios: Tensor, what: str, meaning: str):  # type: ignore[no-untyped-def]
        ratios[name] = log_ratios
        return judge(name, log_ratios, what, meaning)

    with (
        mock.patch.object(check_own_samples, "judge_ratios", record),
        mock.patch.object(check_annealed_total, "judge_ratios", record),
        mock.patch.object(check_truth, "judge_ratios", record),
    ):
        yield ratios


def shifted(audit: Audit, ratios: dict[str, Tensor], constant: float) -> set[str]:
    """The checks that would fail if the constant had been added to the log-likelihoods that the audit saw."""
    failing = set()
    for name, log_ratios in ratios.items():
        sign = -1 if name.startswith("not under") else 1
        if not check_own_samples.judge_ratios(name, log_ratios + sign * constant, "", "").passed:
            failing.add(name)
    total = audit.check("total")
    if (
        total is not None
        and total.value is not None
        and abs(total.value * math.exp(constant) - 1) > INTEGRAL_TOLERANCE
    ):
        failing.add("total")
    return failing


def found_in_trial(
    subject: Subject, study: Study, seed: int, others: tuple[str, ...] = OTHERS
) -> dict[str, tuple[bool, bool]]:
    """Whether the cheap and the full audit find each constant, and each of the other errors."""
    found: dict[str, tuple[bool, bool]] = {}
    audits = (cheap_audit, lambda *known: full_audit(*known, study))
    with made_wrong(subject, NO_ERROR) as model:
        outcomes = []
        for audit_of in audits:
            with recorded_ratios() as ratios:
                outcomes.append((audit_of(subject, model, seed), ratios))
    found[NO_ERROR] = tuple(not audit.passed for audit, _ in outcomes)  # type: ignore[assignment]
    for constant in CONSTANTS:
        found[f"{constant:+g} nats"] = tuple(bool(shifted(*outcome, constant)) for outcome in outcomes)  # type: ignore[assignment]
    for error in others:
        with made_wrong(subject, error) as model:
            found[error] = tuple(not audit_of(subject, model, seed).passed for audit_of in audits)  # type: ignore[assignment]
    return found


def study(dataset: str) -> dict[str, tuple[int, int, int]]:
    """How often the cheap and the full audit found each error, and the number of trials."""
    plan = STUDIES[dataset]
    subject = train_subject(dataset, plan.steps, model_name=plan.model)
    trials = [found_in_trial(subject, plan, seed) for seed in range(plan.trials)]
    few = ("factor 0.9",)
    trials += [found_in_trial(subject, plan, plan.trials + seed, few) for seed in range(plan.more)]
    counts = {}
    for error in trials[0]:
        outcomes = [trial[error] for trial in trials if error in trial]
        counts[error] = (sum(o[0] for o in outcomes), sum(o[1] for o in outcomes), len(outcomes))
    return counts


def table(results: dict[str, dict[str, tuple[int, int, int]]]) -> str:
    """Markdown: for each error and data set, in how many trials the cheap and the full audit found it, of how many."""
    lines = [f"| error | {' | '.join(results)} |", f"|---|{'---|' * len(results)}"]
    for error in next(iter(results.values())):
        cells = ["{} / {} of {}".format(*counts[error]) for counts in results.values()]
        lines.append(f"| {error} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    torch.set_num_threads(1)
    results = {}
    for name in sys.argv[1:] or STUDIES:
        results[name] = study(name)
        print(table({name: results[name]}), flush=True)
    print(table(results))
