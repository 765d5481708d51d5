"""AR(p): the next value is a linear function of the last p, plus Gaussian noise.

Yule 1927, "On a Method of Investigating Periodicities in Disturbed Series",
https://doi.org/10.1098/rsta.1927.0007; several channels together: a vector autoregression (Sims 1980). The estimators
are in `linear_prediction`.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api import check_lengths, check_prompt, step_mask, zero_padding
from genbench_models.autoregressive.linear_prediction import (
    LinearPredictor,
    burg,
    information_criterion,
    yule_walker,
)
from genbench_models.layers.finite import require_finite
from genbench_models.layers.ranges import at_least, one_of
from genbench_models.layers.segments import segments_of
from genbench_models.layers.standardise import Standardise

_RIDGE = 1e-6  # in standardised units: keeps constant series solvable
_METHODS = ("least-squares", "yule-walker", "burg")
_CRITERIA = ("validation", "aic", "bic")


class AR(GenerativeModel):
    """x_t = c_m + sum_{i=1..m} A_{m,i} x_{t-i} + e_t, e_t ~ N(0, S_m), m = min(t - 1, p).

    A window has no past at its beginning. Its first value is drawn from the marginal, its second given the
    first by the regression of order 1, and so on up to order p: each order has a regression of its own, and
    the product is the exact density of the whole window.

    method: `least-squares` regresses each order by itself, and the first values of a window on what they have before
    them. `yule-walker` (from autocovariances, several channels by Whittle's equations) and `burg` (one channel) fit one
    stationary process to the series that the windows were cut from, and lower orders are what that process implies.
    criterion: p is the order up to `max_order` under which the `validation` split is likeliest, or the one of the least
    `aic` or `bic` on the training split.
    """

    order: Tensor
    coefficients: Tensor
    factors: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        max_order: int = 12,
        method: str = "least-squares",
        criterion: str = "validation",
    ) -> None:
        super().__init__(spec)
        at_least(0, max_order=max_order)
        one_of(_METHODS, method=method)
        one_of(_CRITERIA, criterion=criterion)
        steps, channels = spec.event_shape
        self.max_order = min(max_order, steps - 1)
        self.channels = channels
        self.method = method
        self.criterion = criterion
        orders = self.max_order + 1
        self.standardise = Standardise(spec)
        self.register_buffer("order", torch.zeros((), dtype=torch.int64))
        # [m]: lag 1's channels first, the intercept last; rows beyond order m are zero
        self.register_buffer(
            "coefficients", torch.zeros(orders, self.max_order * channels + 1, channels, dtype=torch.float64)
        )
        # [m]: the lower Cholesky factor of S_m
        self.register_buffer(
            "factors", torch.eye(channels, dtype=torch.float64).expand(orders, -1, -1).clone()
        )

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        meter.start()
        require_finite(train)
        self.standardise.fit(train)
        if self.method == "least-squares":
            steps, flops = self._regress_all(train)
        else:
            steps, flops = self._fit_process(train)
        best, log_likelihood = self._chosen(meter.valid, steps)
        self.order.fill_(best)
        meter.charge(steps=1, examples=len(train), flops=flops)
        meter.log(negative_log_likelihood=-log_likelihood)

    def _chosen(self, valid: Split, steps: int) -> tuple[int, float]:
        """The best order by the criterion, and the validation split's mean log-likelihood under it."""
        valid = valid.to(self.device)
        likelihoods = []
        for m in range(self.max_order + 1):
            self.order.fill_(m)
            likelihoods.append(self.log_prob(valid.tensor(), lengths=valid.lengths).mean().item())
        if self.criterion == "validation":
            best = max(range(len(likelihoods)), key=likelihoods.__getitem__)
        else:
            criteria = [
                information_criterion(factor @ factor.T, m, steps, name=self.criterion)
                for m, factor in enumerate(self.factors)
            ]
            best = min(range(len(criteria)), key=criteria.__getitem__)
        return best, likelihoods[best]

    def _regress_all(self, train: Split) -> tuple[int, float]:
        """Every order by least squares. How many steps there are, and the floating-point operations."""
        train = train.to(self.device)
        x = self._standardised(train.tensor())
        inside = torch.ones_like(x[..., 0], dtype=torch.bool)
        if train.lengths is not None:
            inside = step_mask(train.lengths, x.shape[1])
        flops = 0.0
        for m in range(self.max_order + 1):
            past, present = self._past(x, m)
            counted = inside[:, m:]
            design, target = past[counted], present[counted]  # all windows, all times from m on
            if len(design) == 0:
                self._as_before(m)
                continue
            self._regress(m, design, target)
            flops += 2.0 * len(design) * design.shape[1] * (design.shape[1] + target.shape[1])
        return int(inside.sum()), flops

    def _fit_process(self, train: Split) -> tuple[int, float]:
        """Every order of one stationary process. How many steps there are, and the floating-point operations."""
        pieces = segments_of(train.to(self.device))
        series = self._standardised(pieces.steps)
        estimator = yule_walker if self.method == "yule-walker" else burg
        longest = min(self.max_order, int(pieces.past.max()))
        for m, predictor in enumerate(estimator(series, longest, pieces.past)):
            self._take(m, predictor)
        for m in range(longest + 1, self.max_order + 1):
            self._as_before(m)
        return len(series), 2.0 * series.numel() * self.channels * (self.max_order + 1)

    def _as_before(self, m: int) -> None:
        """An order for which no piece is long enough predicts as the order below it."""
        self.coefficients[m] = self.coefficients[m - 1]
        self.factors[m] = self.factors[m - 1]

    def _take(self, m: int, predictor: LinearPredictor) -> None:
        weights, channels = predictor.coefficients, self.channels
        self.coefficients[m] = 0.0
        self.coefficients[m, : m * channels] = weights.mT.reshape(m * channels, channels)
        self.coefficients[m, -1] = predictor.mean - weights.sum(0) @ predictor.mean
        noise_floor = _RIDGE * torch.eye(channels, dtype=weights.dtype, device=self.device)
        self.factors[m] = torch.linalg.cholesky(predictor.covariance + noise_floor)

    def _regress(self, m: int, design: Float64[Tensor, "n lags"], target: Float64[Tensor, "n c"]) -> None:
        lags = design.shape[1]
        ridge = _RIDGE * torch.eye(lags, dtype=design.dtype, device=design.device)
        solution = torch.linalg.solve(
            design.T @ design / len(design) + ridge, design.T @ target / len(design)
        )
        residual = target - design @ solution
        covariance = residual.T @ residual / len(residual)
        self.coefficients[m] = 0.0
        self.coefficients[m, : lags - 1] = solution[:-1]
        self.coefficients[m, -1] = solution[-1]
        noise_floor = _RIDGE * torch.eye(len(covariance), dtype=design.dtype, device=design.device)
        self.factors[m] = torch.linalg.cholesky(covariance + noise_floor)

    def _past(self, x: Float64[Tensor, "n t c"], m: int) -> tuple[Tensor, Tensor]:
        """Regressors (N, T - m, m C + 1) and what they are to explain (N, T - m, C)."""
        steps = x.shape[1]
        lagged = [x[:, m - lag : steps - lag] for lag in range(1, m + 1)]
        ones = torch.ones(len(x), steps - m, 1, dtype=x.dtype, device=x.device)
        return torch.cat([*lagged, ones], 2), x[:, m:]

    def _prediction(self, past: Float64[Tensor, "*n lags"], m: int) -> Float64[Tensor, "*n c"]:
        lags = past.shape[-1] - 1
        return past[..., :-1] @ self.coefficients[m, :lags] + self.coefficients[m, -1]

    def _standardised(self, x: Float[Tensor, "*n t c"]) -> Float64[Tensor, "*n t c"]:
        y: Tensor = self.standardise(x.double())
        return y

    @torch.no_grad()
    def log_prob(
        self, x: Float[Tensor, "n t c"], lengths: Int[Tensor, " n"] | None = None
    ) -> Float64[Tensor, " n"]:
        """(N, T, C) -> (N,) nats: the density of whole windows, exact. lengths: of pieces that are padded."""
        y = self._standardised(x)
        if lengths is None:
            lengths = torch.full((len(x),), x.shape[1], device=x.device)
        inside = step_mask(lengths, x.shape[1])
        order = min(int(self.order), x.shape[1] - 1)
        total = torch.zeros(len(x), dtype=torch.float64, device=x.device)
        for m in range(order + 1):
            # below the chosen order only the time t = m + 1, at it all the rest
            until = m + 1 if m < order else y.shape[1]
            past, present = self._past(y[:, :until], m)
            residual = present - self._prediction(past, m)
            noise = torch.distributions.MultivariateNormal(
                torch.zeros_like(residual[0, 0]), scale_tril=self.factors[m], validate_args=False
            )
            total += noise.log_prob(residual).masked_fill(~inside[:, m:until], 0.0).sum(1)
        return total + self.standardise.log_abs_det_jacobian(lengths)

    def sample(
        self, count: int, generator: torch.Generator, *, lengths: Int[Tensor, " count"] | None = None
    ) -> Float[Tensor, "count t c"]:
        """(count, T, C), one time after the other; with `lengths`, (count, longest, C)."""
        steps, channels = self.spec.event_shape
        if lengths is not None:
            check_lengths(lengths, count, steps, self.spec.name)
            steps = int(lengths.max())
        nothing = torch.zeros(count, steps, channels, device=self.device)
        drawn = self._draw(nothing, torch.zeros_like(nothing[..., 0], dtype=torch.bool), generator)
        return drawn if lengths is None else zero_padding(drawn, lengths)

    def continue_from(
        self, x: Float[Tensor, "n t c"], lengths: Int[Tensor, " n"], generator: torch.Generator
    ) -> Float[Tensor, "n t c"]:
        """x with the times after the first `lengths[i]` of each row drawn; exact."""
        check_prompt(x, lengths, self.spec)
        given = step_mask(lengths, x.shape[1])
        return torch.where(given.unsqueeze(2), x, self._draw(x, given, generator))

    @torch.no_grad()
    def _draw(
        self, x: Float[Tensor, "n t c"], given: Bool[Tensor, "n t"], generator: torch.Generator
    ) -> Float[Tensor, "n t c"]:
        """x with the times that are not given drawn, in order."""
        y = self._standardised(x)
        noise = torch.randn(y.shape, generator=generator, device=self.device, dtype=torch.float64)
        ones = torch.ones(len(y), 1, dtype=torch.float64, device=self.device)
        for t in range(y.shape[1]):
            m = min(t, int(self.order))
            past = torch.cat([*(y[:, t - lag] for lag in range(1, m + 1)), ones], 1)
            drawn = self._prediction(past, m) + noise[:, t] @ self.factors[m].T
            y[:, t] = torch.where(given[:, t].unsqueeze(1), y[:, t], drawn)
        return self.standardise.inverse(y).float()
