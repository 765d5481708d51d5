"""The splines of the spline flow against differences, their own inverse, and the library's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from zuko.transforms import MonotonicRQSTransform

from genbench import DataSpec
from genbench_models.flow import splines
from genbench_models.flow.spline_flow import NeuralSplineFlow
from genbench_models.flow.splines import identity_parameters, inverse_spline, parameters_of, spline

BINS = 5


def some(count: int = 60) -> tuple[Tensor, Tensor]:
    """Numbers within [0, 1] and on either side, and a spline for each."""
    draw = torch.Generator().manual_seed(0)
    x = 0.5 + 0.5 * torch.randn(count, 2, generator=draw, dtype=torch.float64)
    assert ((x < 0) | (x > 1)).any()
    parameters = torch.randn(count, 2, parameters_of(BINS), generator=draw, dtype=torch.float64)
    return x.requires_grad_(), parameters.requires_grad_()


def test_the_gradient_that_is_written_out_is_that_of_differences() -> None:
    assert torch.autograd.gradcheck(spline, some(20))


def test_the_tensor_formulas_are_those_of_the_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU the formulas run on tensors; numpy's arrays stand in for them on a CPU."""

    def gradients() -> list[Tensor]:
        x, parameters = some()
        y, log_slope = spline(x, parameters)
        return [y, log_slope, *torch.autograd.grad((y * log_slope).sum(), (x, parameters))]

    arrays = gradients()
    monkeypatch.setattr(splines, "_array", lambda tensor: tensor)
    for ours, other in zip(gradients(), arrays, strict=True):
        torch.testing.assert_close(ours, other)


def test_the_inverse_and_the_slope_belong_to_the_spline() -> None:
    x, parameters = some()
    y, log_slope = spline(x, parameters)
    torch.testing.assert_close(inverse_spline(y, parameters), x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(slope.log(), log_slope)
    outside = (x < 0) | (x > 1)
    torch.testing.assert_close(log_slope[outside], torch.zeros_like(log_slope[outside]), atol=1e-9, rtol=0)


def test_the_spline_is_the_librarys_with_the_same_knots() -> None:
    x, parameters = some()
    at = splines._Splines.of(parameters)
    theirs = MonotonicRQSTransform(*(torch.zeros(2, n, dtype=torch.float64) for n in (BINS, BINS, BINS - 1)))
    zero = torch.zeros_like(at.ends[..., 0, :1])
    theirs.horizontal = torch.cat([zero, at.ends[..., 0, :]], -1)
    theirs.vertical = torch.cat([zero, at.ends[..., 1, :]], -1)
    theirs.derivatives = at.slopes
    y, log_slope = theirs.call_and_ladj(x)
    inside = (x > 0) & (x < 1)
    ours = spline(x, parameters)
    torch.testing.assert_close(ours[0][inside], y[inside])
    torch.testing.assert_close(ours[1][inside], log_slope[inside])


def test_a_flow_starts_as_the_identity() -> None:
    x = torch.randn(10, 3)
    flow = NeuralSplineFlow(DataSpec(name="p", modality="points", event_shape=(3,)), hidden=8)
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(x).sum(1)
    torch.testing.assert_close(flow.log_prob_of_vectors(x), normal, atol=1e-4, rtol=0)
    torch.testing.assert_close(flow.vectors_of_noise(x), x, atol=1e-4, rtol=0)
    assert identity_parameters(BINS).shape == (parameters_of(BINS),)
