"""Train on samples, test on real: how much can be learned about real data from a model's samples?

A small density, of one form for all models, is fitted to a model's samples, and the metric is its log-likelihood of
real test examples. The idea is that of Esteban et al. 2017, section 4.2, with a density in place of a classifier. The
value is not the model's own likelihood, and exists for models that have none. `real` is the value for as many real
training examples, which samples cannot be expected to exceed. docs/decisions/0013 says which density is used, and why.
"""

from __future__ import annotations

import math

import msgspec
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from genbench.api.spec import DataSpec
from genbench.metrics.metric_values import metric_value, without_value
from genbench.metrics.sample_density.fit import VERSION, fit_sample_density
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import Windows, mean_error
from genbench.util.tensor_cache import cached_tensors

_NATS, _BITS = "train_on_samples_nll", "train_on_samples_bits_per_dim"
# At most so many numbers of samples are fitted to, and as many of test examples evaluated: a few seconds on one core.
_MAX_NUMBERS = 2**22
_MEANING = "of a small density fitted to the samples, not the model's own likelihood"


def train_on_samples_log_prob(
    samples: Shaped[Tensor, "n *event"],
    test: Shaped[Tensor, "k *event"],
    train: Shaped[Tensor, "m *event"],
    spec: DataSpec,
    seed: int = 0,
) -> Float[Tensor, " k"]:
    """Log-probabilities of real test examples under the density fitted to the samples, (K,) nats, float64.

    train: real training examples, which determine the parts of the density that are the same for every model (grey
    levels, floor). Raises ValueError for fewer than 2 samples or training examples.
    """
    return fit_sample_density(samples, train, spec, seed).log_prob(test)


def score_train_on_samples(inputs: ScoringInputs) -> list[MetricValue]:
    """The metrics `train_on_samples_nll` and, for data with levels, `train_on_samples_bits_per_dim`."""
    spec = inputs.spec
    # bits per dimension of a density would depend on the unit of measure
    names = (_NATS, _BITS) if spec.is_discrete else (_NATS,)
    for side, examples in (("samples", inputs.samples), ("training examples", inputs.train)):
        if len(examples) < 2:
            return without_value(names, inputs, f"{len(examples)} {side}, needs at least 2")
    if len(inputs.reference) == 0:
        return without_value(names, inputs, "0 reference examples, needs at least 1")
    if not inputs.samples.isfinite().all():
        return without_value(names, inputs, "the samples are not all finite")
    count = min(len(inputs.samples), max(2, _MAX_NUMBERS // spec.dimension))
    samples, test = inputs.samples[:count], inputs.reference[: max(2, _MAX_NUMBERS // spec.dimension)]
    train = inputs.train.random_subset(count, inputs.seed).tensor()
    log_prob = train_on_samples_log_prob(samples, test, train, spec, inputs.seed)
    real = _log_prob_from_real(inputs, train, test)
    note = _MEANING
    if (samples == samples[:1]).all():
        note += "; all samples are equal"
    metric_values = []
    for name in names:
        factor = 1.0 if name == _NATS else 1 / (spec.dimension * math.log(2))
        nll = -log_prob * factor
        error, real_error = (
            mean_error(part * factor, _windows(inputs, len(part))) for part in (log_prob, real)
        )
        found = metric_value(
            name,
            inputs,
            nll.mean(),
            stderr=error.stderr,
            test_stderr=error.stderr,
            # other samples move the value by a tenth of this, but by as much where they are few windows of a series
            is_rough=error.is_rough or (inputs.reference_windows is not None and not spec.is_discrete),
            note=note,
            real=-real.mean() * factor,
            real_stderr=real_error.stderr,
        )
        metric_values.append(msgspec.structs.replace(found, n=count))
    return metric_values


def _windows(inputs: ScoringInputs, count: int) -> Windows | None:
    """Where in time the first `count` reference examples lie."""
    windows = inputs.reference_windows
    return None if windows is None else windows._replace(starts=windows.starts[:count])


def _log_prob_from_real(inputs: ScoringInputs, train: Tensor, test: Tensor) -> Tensor:
    """`train_on_samples_log_prob` of real examples in place of samples; cached, since it does not depend on the
    model."""
    what = (VERSION, msgspec.json.encode(inputs.spec).decode(), inputs.train_fingerprint)
    drawn = (inputs.reference_fingerprint, str(len(train)), str(len(test)), str(inputs.seed))

    def compute() -> dict[str, Tensor]:
        return {"log_prob": train_on_samples_log_prob(train, test, train, inputs.spec, inputs.seed)}

    return cached_tensors("train-on-real", (*what, *drawn), compute)["log_prob"].to(torch.float64)
