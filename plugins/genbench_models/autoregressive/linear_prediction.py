"""Linear prediction of a stationary series from its last values: estimators, and the likelihoods of what they find.

Yule 1927 and Walker 1931 (the equations); Burg 1975, "Maximum Entropy Spectral Analysis"; Durbin 1960 (the recursion
over orders); Whittle 1963 (several channels).

x_t = mean + sum_i A_i (x_{t-i} - mean) + e_t, e_t ~ N(0, S). Series are (time, channels), in pieces without gaps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float64, Int
from torch import Tensor

_RIDGE = 1e-12
"""As a share of the variance: keeps the equations of series solvable that are determined by their past."""


@dataclass(frozen=True)
class LinearPredictor:
    """A prediction from the last values of a series, by one order."""

    coefficients: Float64[Tensor, "order channels channels"]
    """A_1 first: [i, j] is the weight of channel j, i + 1 steps before."""
    covariance: Float64[Tensor, "channels channels"]
    """The covariance of the prediction errors."""
    mean: Float64[Tensor, " channels"]
    """The mean of the series, which predictions are about."""

    @property
    def order(self) -> int:
        """How many steps it looks back."""
        return len(self.coefficients)

    def errors(self, series: Float64[Tensor, "time channels"]) -> Float64[Tensor, "predicted channels"]:
        """What is left of the steps from the order on."""
        centred = series - self.mean
        steps = len(series) - self.order
        predicted = torch.zeros_like(centred[self.order :])
        for lag, weights in enumerate(self.coefficients, 1):
            predicted += centred[self.order - lag : self.order - lag + steps] @ weights.T
        return centred[self.order :] - predicted

    def log_prob_each(self, series: Float64[Tensor, "time channels"]) -> Float64[Tensor, " predicted"]:
        """Nats of the steps from the order on, each given those before it: the conditional likelihood."""
        noise = torch.distributions.MultivariateNormal(
            torch.zeros_like(self.mean), self.covariance, validate_args=False
        )
        log_prob: Tensor = noise.log_prob(self.errors(series))
        return log_prob


def conditional_nats(predictor: LinearPredictor, series: Float64[Tensor, "time channels"]) -> float:
    """Negative log-likelihood per step of the steps from the order on, given the first ones."""
    return -predictor.log_prob_each(series).mean().item()


def exact_nats(predictors: list[LinearPredictor], series: Float64[Tensor, "time channels"]) -> float:
    """Negative log-likelihood per step of a whole stationary series, the first steps included.

    predictors: of every order from 0 to the model's, as `all_orders` and the estimators return them. The product of
    their one-step predictions is the density of the stationary process, as a Kalman filter would find it.
    """
    order = len(predictors) - 1
    first = [predictors[m].log_prob_each(series[: m + 1]).sum() for m in range(min(order, len(series)))]
    rest = [predictors[order].log_prob_each(series).sum()] if len(series) > order else []
    return -(torch.stack([*first, *rest]).sum() / len(series)).item()


# ---- estimators: each returns the predictors of all orders up to `order`


def yule_walker(
    series: Float64[Tensor, "time channels"], order: int, past: Int[Tensor, " time"] | None = None
) -> list[LinearPredictor]:
    """From biased autocovariances, which always give a stationary model. past: how many steps of the same piece come
    before each one; None: the series is one piece. Raises ValueError for a series that is too short, constant or not
    finite."""
    past = _checked(series, order, past)
    mean = series.mean(0)
    return from_autocovariances(_autocovariances(series - mean, order, past), mean)


def burg(
    series: Float64[Tensor, "time channels"], order: int, past: Int[Tensor, " time"] | None = None
) -> list[LinearPredictor]:
    """By the smallest errors of prediction forward and backward in time, one order after the other. One channel only.
    Raises ValueError as `yule_walker` does."""
    past = _checked(series, order, past)
    if series.shape[1] != 1:
        raise ValueError(f"Burg's method takes one channel, not {series.shape[1]}; yule-walker takes several")
    mean = series.mean(0)
    forward = backward = (series - mean)[:, 0]
    weights, variance = forward.new_zeros(0), forward.square().mean()
    predictors = [_scalar_predictor(weights, variance, mean)]
    for m in range(1, order + 1):
        at = (past >= m).nonzero().squeeze(1)
        ahead, behind = forward[at], backward[at - 1]
        power = ahead.square().sum() + behind.square().sum()
        reflection = 2 * (ahead * behind).sum() / power.clamp(min=torch.finfo(power.dtype).tiny)
        forward, backward = forward.clone(), backward.clone()
        forward[at], backward[at] = ahead - reflection * behind, behind - reflection * ahead
        weights = torch.cat([weights - reflection * weights.flip(0), reflection.unsqueeze(0)])
        variance = variance * (1 - reflection.square())
        predictors.append(_scalar_predictor(weights, variance, mean))
    return predictors


def least_squares(series: Float64[Tensor, "time channels"], order: int) -> LinearPredictor:
    """By the smallest errors of predicting forward, with an intercept, given the first values. The model need not be
    stationary. Raises ValueError as `yule_walker` does."""
    _checked(series, order, None)
    steps, channels = len(series) - order, series.shape[1]
    lagged = [series[order - lag : order - lag + steps] for lag in range(1, order + 1)]
    design = torch.cat([*lagged, torch.ones(steps, 1, dtype=series.dtype, device=series.device)], 1)
    target = series[order:]
    solution = torch.linalg.lstsq(design, target).solution
    residual = target - design @ solution
    weights = solution[:-1].reshape(order, channels, channels).mT
    # the mean that goes with the intercept, if the model has one
    steady = torch.eye(channels, dtype=series.dtype, device=series.device) - weights.sum(0)
    mean = torch.linalg.lstsq(steady, solution[-1].unsqueeze(1)).solution[:, 0]
    return LinearPredictor(weights, residual.T @ residual / steps, mean)


def from_autocovariances(
    covariances: Float64[Tensor, "lags channels channels"], mean: Float64[Tensor, " channels"]
) -> list[LinearPredictor]:
    """The best predictors of every order of a process. covariances: [k] is the covariance of x_t with x_{t-k}."""
    channels = covariances.shape[1]
    predictors = []
    for order in range(len(covariances)):
        lag = torch.arange(order, device=covariances.device)
        apart = lag.unsqueeze(0) - lag.unsqueeze(1)  # [i, j]: x_{t-i-1} is so many steps after x_{t-j-1}
        blocks = covariances[apart.abs()]
        blocks = torch.where((apart >= 0)[:, :, None, None], blocks, blocks.mT)
        system = blocks.permute(0, 2, 1, 3).reshape(order * channels, order * channels)
        target = covariances[1 : order + 1]  # order, channels of x_t, channels of x_{t-i-1}
        right = target.mT.reshape(order * channels, channels)
        weights = torch.linalg.solve(system, right).reshape(order, channels, channels).mT
        explained = (weights @ target.mT).sum(0)
        covariance = covariances[0] - explained
        predictors.append(LinearPredictor(weights, (covariance + covariance.T) / 2, mean))
    return predictors


def all_orders(predictor: LinearPredictor) -> list[LinearPredictor]:
    """The predictors of every order of the stationary process with these coefficients: one channel only, by Durbin's
    recursion backwards. Raises ValueError where the process is not stationary."""
    if len(predictor.mean) != 1:
        raise ValueError(f"one channel is expected, not {len(predictor.mean)}")
    weights, variance = predictor.coefficients[:, 0, 0], predictor.covariance[0, 0]
    predictors = [predictor]
    for _ in range(predictor.order):
        reflection, rest = weights[-1], weights[:-1]
        if not reflection.abs() < 1:
            raise ValueError("the process is not stationary: its first values have no distribution")
        weights = (rest + reflection * rest.flip(0)) / (1 - reflection.square())
        variance = variance / (1 - reflection.square())
        predictors.append(_scalar_predictor(weights, variance, predictor.mean))
    return predictors[::-1]


def information_criterion(
    covariance: Float64[Tensor, "channels channels"], order: int, steps: int, *, name: str
) -> float:
    """`aic` or `bic` of an order that left errors of this covariance on so many steps; the least is best."""
    per_parameter = {"aic": 2.0, "bic": math.log(steps)}[name]
    log_det: float = torch.linalg.slogdet(covariance).logabsdet.item()
    return steps * log_det + per_parameter * order * len(covariance) ** 2


def _autocovariances(
    centred: Float64[Tensor, "time channels"], order: int, past: Int[Tensor, " time"]
) -> Float64[Tensor, "lags channels channels"]:
    covariances = []
    for lag in range(order + 1):
        at = (past >= lag).nonzero().squeeze(1)
        covariances.append(centred[at].T @ centred[at - lag] / len(centred))
    covariances[0] = covariances[0] + _RIDGE * covariances[0].diagonal().mean() * torch.eye(
        centred.shape[1], dtype=centred.dtype, device=centred.device
    )
    return torch.stack(covariances)


def _scalar_predictor(
    weights: Float64[Tensor, " order"], variance: Float64[Tensor, ""], mean: Float64[Tensor, " 1"]
) -> LinearPredictor:
    return LinearPredictor(weights.reshape(-1, 1, 1), variance.reshape(1, 1), mean)


def _checked(
    series: Float64[Tensor, "time channels"], order: int, past: Int[Tensor, " time"] | None
) -> Int[Tensor, " time"]:
    """`past`, made up where there is none. Raises ValueError for a series that no order can be fitted to."""
    wrong = (~series.isfinite()).nonzero()
    if len(wrong) > 0:
        step, channel = wrong[0].tolist()
        raise ValueError(
            f"the value at step {step}, channel {channel} is {series[step, channel].item()}: a series without gaps is"
            " expected"
        )
    if past is None:
        past = torch.arange(len(series), device=series.device)
    longest = int(past.max()) + 1 if len(past) > 0 else 0
    if longest <= order:
        raise ValueError(f"a series of {longest} steps is too short for order {order}")
    flat = (series == series[0]).all(0).nonzero()
    if len(flat) > 0:
        raise ValueError(f"channel {int(flat[0])} is constant: it has no autocorrelation")
    return past
