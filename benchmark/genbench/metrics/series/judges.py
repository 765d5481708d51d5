"""Discriminative and predictive score of series: what judges say that are trained for it.

Yoon, Jarrett and van der Schaar 2019, "Time-series Generative Adversarial Networks" (TimeGAN), section 5:

discriminative_score  |accuracy - 1/2| of a recurrent network that tells samples from real series
predictive_score      the mean absolute error of a recurrent network that predicts each value of real series from those
                      before it, and is trained on samples; here in standard deviations of the training data

The judge is one LSTM layer of 16 units and a linear layer, trained by Adam for 60 steps of 64 series with a learning
rate of 0.01 that falls to 0. The paper's judges have two layers and thousands of steps, and one of them decides; scores
of one judge vary so much with its seed that models change places (Yuan and Qiao 2024, "Diffusion-TS", use five). Here
there are five judges, each with a seed of its own. For the discriminative score each of them is tested on the fifth of
the series that it was not trained on. Series that are windows of longer ones lie in one fifth with their neighbours in
time. For the predictive score each predicts all of the reference, and the score is the mean of the five.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from genbench.metrics.metric_values import metric_value, without_value
from genbench.metrics.numerics.feature_arrays import Estimate
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import Windows, mean_error, share_error
from genbench.util.tensor_cache import cached_tensors

JUDGES = 5
"""How many networks judge, each with a seed of its own."""
HIDDEN = 16
"""Units of a judge."""
STEPS, BATCH_SIZE, LEARNING_RATE = 60, 64, 0.01
"""The training of a judge."""
VERSION = "1"
"""The version of the judges; scores of different versions cannot be compared."""
_NAMES = ("discriminative_score", "predictive_score")
# The spread of a cross-validated accuracy over its binomial error, as for `two_sample_classifier`.
_SHARED_FOLDS = 1.3
# At most so many series, evenly spaced, are judged on either side: a few seconds on one core.
_MAX_SERIES = 500


class Judge(nn.Module):
    """An LSTM whose output at each step is `outputs` numbers."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(channels, HIDDEN, batch_first=True)
        self.output = nn.Linear(HIDDEN, outputs)

    def forward(self, x: Float[Tensor, "n time channels"]) -> Float[Tensor, "n time outputs"]:
        found: Tensor = self.output(self.recurrent(x)[0])
        return found


def discriminative_score(
    x: Float[Tensor, "n time channels"],
    y: Float[Tensor, "m time channels"],
    windows: Windows | None = None,
    sample_windows: Windows | None = None,
    seed: int = 0,
) -> Estimate:
    """The accuracy of the judges at telling x from y, both standardised; its distance from 1/2 is the score. Raises
    ValueError for fewer than 5 of each. windows: those of y. sample_windows: those of x."""
    count = min(len(x), len(y))
    if count < JUDGES:
        raise ValueError(f"judges of {len(x)} and {len(y)} series: needs at least {JUDGES} of each")
    sides = [_by_fifths(series, where, count) for series, where in ((x, sample_windows), (y, windows))]
    both = torch.cat([series for series, _ in sides]).float()
    fifth = torch.cat([of for _, of in sides])
    is_real = torch.arange(2 * count) >= count
    hits = torch.zeros(2 * count, dtype=torch.float64)
    for number in range(JUDGES):
        held_out = fifth == number
        judge = _trained_to_tell(both[~held_out], is_real[~held_out], seed + number)
        with torch.no_grad():
            logits = judge(both[held_out])[:, -1, 0]
        right = (logits > 0) == is_real[held_out]
        hits[held_out] = torch.where(logits == 0, 0.5, right.double())
    accuracy = hits.mean()
    error = share_error(float(accuracy), len(hits))
    stderr = accuracy.new_tensor(error.stderr * _SHARED_FOLDS)
    rough = error.is_rough or windows is not None or bool((accuracy - 0.5).abs() < 2 * stderr)
    return Estimate(accuracy, stderr, stderr / math.sqrt(2), rough)


def _by_fifths(
    series: Float[Tensor, "n time channels"], windows: Windows | None, count: int
) -> tuple[Float[Tensor, "count time channels"], Int[Tensor, " count"]]:
    """`count` of the series, evenly spaced and in the order of time where there is one, and the fifth of each."""
    if windows is not None:
        series = series[windows.starts.argsort(stable=True)]
    series = series[torch.arange(count) * len(series) // count]
    return series, torch.arange(count) * JUDGES // count


def _trained_to_tell(x: Float[Tensor, "n time channels"], is_real: Bool[Tensor, " n"], seed: int) -> Judge:
    with _own_chance(seed):
        judge = Judge(x.shape[2], 1)
        for places, optimiser in _steps(judge, len(x)):
            logits = judge(x[places])[:, -1, 0]
            loss = F.binary_cross_entropy_with_logits(logits, is_real[places].float())
            _step(optimiser, loss)
    return judge


def prediction_errors(
    x: Float[Tensor, "n time channels"], y: Float[Tensor, "m time channels"], seed: int = 0
) -> Float[Tensor, "judges m"]:
    """The mean absolute error of each judge, trained on x, over the steps of each series of y from the second on and
    over channels; float64. Raises ValueError for series of length 1, and for an empty x."""
    if x.shape[1] < 2 or not len(x):
        raise ValueError(
            f"predictions of {len(x)} series of length {x.shape[1]}: needs at least 1 of length 2"
        )
    errors = []
    for number in range(JUDGES):
        with _own_chance(seed + number):
            judge = Judge(x.shape[2], x.shape[2])
            for places, optimiser in _steps(judge, len(x)):
                _step(optimiser, (judge(x[places, :-1].float()) - x[places, 1:].float()).abs().mean())
        with torch.no_grad():
            errors.append((judge(y[:, :-1].float()) - y[:, 1:].float()).abs().double().mean((1, 2)))
    return torch.stack(errors)


def _steps(judge: Judge, count: int) -> Iterator[tuple[Int[Tensor, " batch"], torch.optim.Optimizer]]:
    """The places of each batch, and the optimiser at its learning rate."""
    optimiser = torch.optim.Adam(judge.parameters(), lr=LEARNING_RATE, fused=True)
    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * (1 - step / STEPS)
        yield torch.randint(count, (min(BATCH_SIZE, count),)), optimiser


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


@contextmanager
def _own_chance(seed: int) -> Iterator[None]:
    """torch's global generator, on which initial weights depend, is seeded within the block and restored after it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def score_judges(inputs: ScoringInputs) -> list[MetricValue]:
    """The metrics `discriminative_score` and `predictive_score`."""
    for side, examples in (
        ("samples", inputs.samples),
        ("reference examples", inputs.reference),
        ("training examples", inputs.train),
    ):
        if len(examples) < JUDGES:
            return without_value(_NAMES, inputs, f"{len(examples)} {side}, needs at least {JUDGES}")
    if not inputs.samples.isfinite().all():
        return without_value(_NAMES, inputs, "the samples are not all finite")
    mean = inputs.train.x.double().mean((0, 1))
    scale = inputs.train.x.double().std((0, 1), correction=0)
    if not (scale > 0).all():
        return without_value(_NAMES, inputs, "a channel of the training split never varies")

    def standardised(series: Tensor) -> Tensor:
        # values far outside the data would blow up a judge's weights, and are told apart by less
        return ((series.double() - mean) / scale).clamp(-20, 20).float()

    samples, sample_windows = _evenly_spaced(standardised(inputs.samples), inputs.sample_windows)
    reference, windows = _evenly_spaced(standardised(inputs.reference), inputs.reference_windows)
    train = standardised(inputs.train.random_subset(len(samples), inputs.seed).tensor())
    told = discriminative_score(samples, reference, windows, sample_windows, inputs.seed)
    return [
        metric_value(
            "discriminative_score",
            inputs,
            (told.value - 0.5).abs(),
            stderr=told.stderr,
            test_stderr=told.test_stderr,
            is_rough=told.is_rough,
            n=len(samples),
            k=JUDGES,
        ),
        _predictive_value(inputs, samples, reference, windows, train),
    ]


def _evenly_spaced(series: Tensor, windows: Windows | None) -> tuple[Tensor, Windows | None]:
    if len(series) <= _MAX_SERIES:
        return series, windows
    places = torch.arange(_MAX_SERIES) * len(series) // _MAX_SERIES
    return series[places], None if windows is None else windows._replace(starts=windows.starts[places])


def _predictive_value(
    inputs: ScoringInputs, samples: Tensor, reference: Tensor, windows: Windows | None, train: Tensor
) -> MetricValue:
    name = "predictive_score"
    if inputs.spec.event_shape[0] < 2:
        return metric_value(name, inputs, None, note="series of length 1 have nothing to predict")
    ours = prediction_errors(samples, reference, inputs.seed)
    what = (VERSION, inputs.train_fingerprint, inputs.reference_fingerprint)
    drawn = (str(len(train)), str(len(reference)), str(inputs.seed))
    real = cached_tensors(
        "prediction-errors",
        (*what, *drawn),
        lambda: {"errors": prediction_errors(train, reference, inputs.seed)},
    )["errors"].double()
    error, real_error = (mean_error(each.mean(0), windows) for each in (ours, real))
    of_judges = float(ours.mean(1).std()) / math.sqrt(JUDGES)
    return metric_value(
        name,
        inputs,
        ours.mean(),
        stderr=math.hypot(error.stderr, of_judges),
        test_stderr=error.stderr,
        is_rough=error.is_rough,
        n=len(samples),
        k=JUDGES,
        real=real.mean(),
        real_stderr=real_error.stderr,
    )
