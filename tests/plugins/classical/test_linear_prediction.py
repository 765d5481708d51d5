"""Estimators of linear autoregressions, against statsmodels and known values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from statsmodels.datasets import sunspots
from statsmodels.regression.linear_model import burg as reference_burg
from statsmodels.tsa.arima.model import ARIMA
from torch import Tensor

from genbench import ComputeMeter, DataSpec, Split
from genbench.api import zero_padding
from genbench.api.budget import Budget
from genbench.errors import DataError
from genbench_models.autoregressive.ar import AR
from genbench_models.autoregressive.linear_prediction import (
    LinearPredictor,
    all_orders,
    burg,
    conditional_nats,
    exact_nats,
    least_squares,
    yule_walker,
)
from genbench_models.classical.hidden_markov import HiddenMarkov

YEARS = torch.from_numpy(sunspots.load_pandas().data["SUNACTIVITY"].to_numpy(dtype=np.float64, copy=True))[
    :, None
]


def two_channels(steps: int) -> tuple[Tensor, Tensor]:
    """A vector autoregression of order 1, and its weights."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.tensor([[0.5, 0.2], [-0.3, 0.4]], dtype=torch.float64)
    x = torch.zeros(steps, 2, dtype=torch.float64)
    for t in range(1, steps):
        x[t] = weights @ x[t - 1] + torch.randn(2, generator=generator, dtype=torch.float64)
    return x, weights


# ---- known values


def test_yule_walker_on_yearly_sunspots() -> None:
    found = yule_walker(YEARS, 4)[4]
    assert found.coefficients.flatten().tolist() == pytest.approx(
        [1.28310031, -0.45240924, -0.20770299, 0.04794365], abs=1e-6
    )
    assert found.covariance.sqrt().item() == pytest.approx(16.80802273, abs=1e-6)


def test_least_squares_on_yearly_sunspots() -> None:
    assert conditional_nats(least_squares(YEARS, 9), YEARS) == pytest.approx(4.1185, abs=5e-5)


def test_burg_is_that_of_statsmodels() -> None:
    weights, _ = reference_burg(YEARS[:, 0].numpy(), 4, demean=True)
    assert burg(YEARS, 4)[4].coefficients.flatten().tolist() == pytest.approx(weights.tolist(), abs=1e-10)


@pytest.mark.parametrize("estimator", [yule_walker, burg])
def test_the_exact_likelihood_is_the_kalman_filters(
    estimator: Callable[[Tensor, int], list[LinearPredictor]],
) -> None:
    found = estimator(YEARS, 4)
    parameters = [found[4].mean.item(), *found[4].coefficients.flatten().tolist(), found[4].covariance.item()]
    reference = ARIMA(YEARS[:, 0].numpy(), order=(4, 0, 0), trend="c").loglike(np.array(parameters))
    assert exact_nats(all_orders(found[4]), YEARS) == pytest.approx(-reference / len(YEARS), abs=1e-9)
    assert exact_nats(found, YEARS) == pytest.approx(exact_nats(all_orders(found[4]), YEARS), abs=1e-9)


def test_lower_orders_of_the_yule_walker_process_are_their_own_estimates() -> None:
    four, two = yule_walker(YEARS, 4), yule_walker(YEARS, 2)
    torch.testing.assert_close(four[2].coefficients, two[2].coefficients)
    torch.testing.assert_close(four[2].covariance, all_orders(four[4])[2].covariance)


def test_several_channels_are_predicted_from_each_other() -> None:
    x, weights = two_channels(4000)
    for found in (yule_walker(x, 1)[1], least_squares(x, 1)):
        torch.testing.assert_close(found.coefficients[0], weights, atol=0.05, rtol=0)
        torch.testing.assert_close(found.covariance, torch.eye(2, dtype=torch.float64), atol=0.06, rtol=0)
    # Yule-Walker's are the best predictors of orders 0, 1 and 2 under one process
    nats = [conditional_nats(each, x[2:]) for each in yule_walker(x, 2)]
    assert nats[0] > nats[1] + 0.1
    assert nats[1] == pytest.approx(nats[2], abs=5e-3)


def test_pieces_are_not_predicted_from_each_other() -> None:
    pieces = YEARS[:300].reshape(10, 30)
    past = torch.arange(30).repeat(10)
    centred = pieces - pieces.mean()
    wanted = (centred[:, 1:] * centred[:, :-1]).sum() / centred.square().sum()
    assert yule_walker(YEARS[:300], 1, past)[1].coefficients.item() == pytest.approx(wanted.item())
    two_sided = (centred[:, 1:].square() + centred[:, :-1].square()).sum()
    reflection = 2 * (centred[:, 1:] * centred[:, :-1]).sum() / two_sided
    assert burg(YEARS[:300], 1, past)[1].coefficients.item() == pytest.approx(reflection.item())


# ---- bad input


@pytest.mark.parametrize("estimator", [yule_walker, burg, least_squares])
def test_what_no_order_can_be_fitted_to_is_named(estimator: Callable[[Tensor, int], object]) -> None:
    with pytest.raises(ValueError, match="a series of 4 steps is too short for order 4"):
        estimator(YEARS[:4], 4)
    with pytest.raises(ValueError, match="channel 0 is constant"):
        estimator(torch.ones(20, 1, dtype=torch.float64), 2)
    gap = YEARS.clone()
    gap[17] = torch.nan
    with pytest.raises(ValueError, match="the value at step 17, channel 0 is nan"):
        estimator(gap, 2)


def test_what_burg_and_lower_orders_cannot_do_is_said() -> None:
    with pytest.raises(ValueError, match="one channel, not 2"):
        burg(two_channels(50)[0], 1)
    growing = 1.1 ** torch.arange(40, dtype=torch.float64)[:, None] + YEARS[:40] * 1e-6
    with pytest.raises(ValueError, match="not stationary"):
        all_orders(least_squares(growing, 1))


# ---- the model


def ar(values: Tensor, steps: int, stride: int, **hyperparameters: int | str) -> tuple[AR, Split]:
    """Fitted to windows of a series, and the windows."""
    spec = DataSpec(name="series", modality="series", event_shape=(steps, values.shape[1]))
    windows = values.float().unfold(0, steps, stride).transpose(1, 2).contiguous()
    split = Split(spec, windows, starts=torch.arange(len(windows)) * stride)
    model = AR(spec, **hyperparameters)  # type: ignore[arg-type]
    meter = ComputeMeter(Budget.parse("1steps"), valid=split)
    model.fit(split, meter)
    meter.finish()
    return model, split


@pytest.mark.parametrize(("method", "estimator"), [("yule-walker", yule_walker), ("burg", burg)])
@pytest.mark.parametrize("stride", [1, 103])
def test_windows_have_the_density_of_the_process(
    method: str, estimator: Callable[[Tensor, int], list[LinearPredictor]], stride: int
) -> None:
    model, split = ar(YEARS, 103, stride, method=method, max_order=4)
    model.order.fill_(4)
    values = YEARS[: 3 * 103]
    found = estimator(values, 4)
    for i in (0, len(split) - 1):
        window = split.x[i].double()
        assert model.log_prob(split.x[i : i + 1]).item() == pytest.approx(
            -103 * exact_nats(found, window), abs=2e-3
        )


def test_several_channels_have_the_density_of_the_process() -> None:
    x, _ = two_channels(400)
    model, split = ar(x, 40, 40, method="yule-walker", max_order=2)
    model.order.fill_(2)
    window = split.x[3].double()
    wanted = -40 * exact_nats(yule_walker(x.float().double(), 2), window)
    assert model.log_prob(split.x[3:4]).item() == pytest.approx(wanted, abs=1e-3)


def test_the_order_is_chosen_by_the_criterion() -> None:
    """Sunspots: AIC is known to choose 9 of 12, and BIC fewer."""
    orders = [
        int(ar(YEARS, 309, 1, criterion=criterion)[0].order) for criterion in ("aic", "bic", "validation")
    ]
    assert orders[0] == 9
    assert orders[1] <= orders[0] <= orders[2]


def test_pieces_are_regressed_without_their_padding() -> None:
    """And an order for which no piece is long enough is like the one below it."""
    spec = DataSpec(name="series", modality="series", event_shape=(50, 1), variable_length=True)
    lengths = torch.tensor([40, 30])
    x = zero_padding(YEARS[:100].float().reshape(2, 50, 1), lengths)
    split = Split(spec, x, lengths=lengths)
    model = AR(spec, max_order=45, criterion="bic")
    model.fit(split, ComputeMeter(Budget.parse("1steps"), valid=split))
    rows = torch.cat([x[0, :40].unfold(0, 2, 1), x[1, :30].unfold(0, 2, 1)])[:, 0].double()
    design = torch.stack([rows[:, 0], torch.ones(len(rows))], 1)
    solution = torch.linalg.lstsq(design, rows[:, 1:]).solution
    assert model.coefficients[1, 0].item() == pytest.approx(solution[0].item(), abs=1e-4)
    assert torch.equal(model.coefficients[45], model.coefficients[39])


@pytest.mark.parametrize("kind", [AR, HiddenMarkov])
def test_gaps_and_empty_splits_are_named(kind: type[AR] | type[HiddenMarkov]) -> None:
    spec = DataSpec(name="series", modality="series", event_shape=(8, 2))
    x = torch.randn(5, 8, 2)
    x[3, 6, 1] = torch.nan
    meter = ComputeMeter(Budget.parse("1steps"), valid=Split(spec, x))
    with pytest.raises(DataError, match=r"series: example 3 has nan at \[6, 1\]"):
        kind(spec).fit(Split(spec, x), meter)
    with pytest.raises(DataError, match="series: there are no examples to train on"):
        kind(spec).fit(Split(spec, x[:0]), meter)


def test_unknown_methods_and_criteria_are_named() -> None:
    spec = DataSpec(name="series", modality="series", event_shape=(8, 1))
    with pytest.raises(ValueError, match="method=ols: expected least-squares, yule-walker or burg"):
        AR(spec, method="ols")
    with pytest.raises(ValueError, match="criterion=hqc: expected validation, aic or bic"):
        AR(spec, criterion="hqc")
