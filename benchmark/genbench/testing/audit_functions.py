"""The audit of a likelihood that is not part of a model of the harness: functions, and the data that they are about.

A likelihood in a table is often wrong in one of a few ways: it does not sum to 1, it is of other data or in another
unit, it is a mean where each example's is asked for, it depends on the batch. All of these are found from the function
alone, except a likelihood that is too small; to find that, and a sampler that draws from another distribution, the
audit needs samples too.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genbench.api.compute_meter import ComputeMeter
from genbench.api.data import Dataset, Split, working_dtype
from genbench.api.model import GenerativeModel
from genbench.api.spec import DataSpec
from genbench.errors import PluginError
from genbench.likelihood.audit.check_batches import check_batch_independence
from genbench.likelihood.audit.check_normalisation import check_normalisation, is_auditable
from genbench.likelihood.audit.check_own_samples import judge_not_over_claimed
from genbench.likelihood.audit.check_values import check_at_most_one, check_finite
from genbench.likelihood.audit.likelihood_values import LikelihoodValues
from genbench.likelihood.audit.reference_density import fit_reference
from genbench.records.audit import Audit, AuditCheck
from genbench.testing.audit import ANNEALING_SECONDS, audit_likelihood
from genbench.util.seeding import derive_seed, seeded

Function = Callable[..., Any]
_MAX_EXAMPLES = 1000
_COMPANY = 16
_NEAR = 0.25
"""Within this share of the reference's mean log-likelihood a value counts as near it, for hints about the unit."""


class FunctionAudit(msgspec.Struct, frozen=True, kw_only=True):
    """What was found about a function that computes log-likelihoods."""

    data: str
    """Name of the data set."""
    passed: bool
    """Whether no check failed."""
    checks: tuple[AuditCheck, ...]
    """All checks, in the order in which they were made."""
    hint: str
    """What the values look like, if a check failed and they are near what another unit would give; else empty."""
    reach: str
    """What this audit can and cannot find."""
    test_mean: float | None
    """Mean of the function over test examples, nats per example."""
    reference_mean: float | None
    """Mean log-likelihood of the same examples under a simple density fitted to the training data, nats per example."""


def audit_functions(
    log_prob: Function,
    dataset: Dataset,
    sample: Function | NDArray[Any] | Tensor | None = None,
    *,
    takes_numpy: bool = False,
    seed: int = 0,
    annealing_seconds: float = ANNEALING_SECONDS,
) -> FunctionAudit:
    """Audit a function (N, *event_shape) -> (N,) nats about a data set.

    The function gets examples as the data set has them: float32, or int64 for data with levels, whose probability it
    has to return, not a density. sample: `sample(count)` or `sample(count, generator=...)`, or an array of samples,
    (M, *event_shape); None: only what needs no samples is checked. takes_numpy: the functions take and return arrays of
    numpy; else tensors. annealing_seconds: see `audit_likelihood`. Raises PluginError where a function raises an
    exception, or returns another shape.
    """
    spec = dataset.spec
    model = _Functions(spec, log_prob, sample, takes_numpy).eval()
    test = dataset.test.random_subset(_MAX_EXAMPLES, seed).tensor()
    train = dataset.train.random_subset(4096, seed).tensor()
    values = LikelihoodValues.of(model, "log_prob", seed=seed)
    with seeded(seed):
        on_test = values.log_prob(test)
        reference = fit_reference(train, spec)
        reference_mean = float(reference.log_prob(test).mean())
        generator = torch.Generator().manual_seed(derive_seed(seed, "audit of functions"))
        checks = [check_finite(values, on_test, f"{len(test):,} test examples")]
        if spec.is_discrete and checks[0].passed:
            checks.append(check_at_most_one(values, on_test, f"{len(test):,} test examples"))
        if sample is None:
            few = test[:_COMPANY]
            checks.append(check_batch_independence(values, few, on_test[: len(few)], train[:_COMPANY]))
            if is_auditable(spec):
                checks.append(check_normalisation(values, train)[0])
            drawn = reference.sample(len(train), generator)
            checks.append(judge_not_over_claimed(reference, drawn, values.log_prob(drawn, "drawn")))
        else:
            count = 4096 if callable(sample) else min(4096, len(sample))
            audit = audit_likelihood(
                model,
                "log_prob",
                seed=seed,
                samples=count,
                examples=test,
                annealing_seconds=annealing_seconds,
            )
            checks += audit.checks
    passed = Audit(likelihood="log_prob", checks=tuple(checks)).passed
    mean = float(on_test.mean())
    return FunctionAudit(
        data=spec.name,
        passed=passed,
        checks=tuple(checks),
        hint="" if passed else unit_hint(mean, reference_mean, spec),
        reach=_reach(spec, has_samples=sample is not None),
        test_mean=mean if math.isfinite(mean) else None,
        reference_mean=reference_mean if math.isfinite(reference_mean) else None,
    )


def unit_hint(mean: float, reference: float, spec: DataSpec) -> str:
    """What the values look like, in a sentence; empty where they look like nats per example, or like nothing known.

    mean: of the function over test examples. reference: of a simple density over the same examples, nats per example.
    """
    numbers, bits = spec.dimension, math.log(2)
    readings = {
        "negative log-likelihoods: return them with the other sign": -mean,
        "bits per dimension: return nats per example, -bits * dimension * ln 2": -mean * numbers * bits,
        "the negative of bits per dimension: return nats per example, bits * dimension * ln 2": mean
        * numbers
        * bits,
        "nats per dimension: return the sum over all numbers of an example": mean * numbers,
        "bits per example: multiply them by ln 2": mean * bits,
    }
    if spec.levels is not None:
        readings[
            f"a density of data that are scaled to [0, 1]: subtract dimension * ln {spec.levels} for the probability of"
            " the integers"
        ] = mean - numbers * math.log(spec.levels)
    near = _NEAR * max(abs(reference), 1.0)
    if not math.isfinite(mean) or abs(mean - reference) <= near:
        return ""
    reading, value = min(readings.items(), key=lambda item: abs(item[1] - reference))
    if abs(value - reference) > near:
        return ""
    return (
        f"the values, {mean:.4g} on average, look like {reading} ({value:.4g} nats per example, where a simple density"
        f" fitted to the training data has {reference:.4g})"
    )


def _reach(spec: DataSpec, *, has_samples: bool) -> str:
    total = "the total over the whole space" if is_auditable(spec) else "a total that is too large"
    if not has_samples:
        return (
            f"examined: {total}, dependence on the batch, values of test data. Not examined without samples: a"
            " likelihood that is too small, and whether samples come from it"
        )
    return (
        f"examined: {total}, dependence on the batch, values of test data, and samples against the likelihood"
    )


class _Functions(GenerativeModel):
    """Functions in the shape of a model."""

    def __init__(
        self,
        spec: DataSpec,
        log_prob: Function,
        sample: Function | NDArray[Any] | Tensor | None,
        takes_numpy: bool,
    ) -> None:
        super().__init__(spec)
        self._log_prob = log_prob
        self._sample = sample
        self._takes_numpy = takes_numpy
        self._taken = 0  # of samples that are given as an array

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        raise PluginError("functions are not trained")

    def log_prob(self, x: Tensor) -> Tensor:
        found = (
            torch.as_tensor(np.asarray(self._log_prob(x.numpy()))) if self._takes_numpy else self._log_prob(x)
        )
        if not isinstance(found, Tensor):
            raise TypeError(
                f"expected a tensor, got {type(found).__name__}; functions of numpy need takes_numpy"
            )
        if found.shape == (len(x),):
            return found
        if found.numel() == 1:
            raise ValueError(f"one number for {len(x)} examples: a mean or a sum? expected one per example")
        if found.shape == (len(x), 1):
            raise ValueError(f"shape {tuple(found.shape)}, expected ({len(x)},): drop the last axis")
        raise ValueError(f"shape {tuple(found.shape)}, expected ({len(x)},)")

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        if self._sample is None:
            raise PluginError("there are no samples")
        drawn: Any = self._sample
        if not callable(drawn):
            self._taken, first = self._taken + count, self._taken
            drawn = drawn[first : first + count]
        elif "generator" in inspect.signature(drawn).parameters:
            drawn = drawn(count, generator=generator)
        else:
            drawn = drawn(count)
        return torch.as_tensor(np.asarray(drawn)).to(working_dtype(self.spec))
