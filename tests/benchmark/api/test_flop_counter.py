"""FLOPs: equal to torch's own counter, operator for operator, and cheaper."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from genbench.api.flop_counter import flops_of


def _convolutions() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(), nn.ConvTranspose2d(4, 2, 4, groups=2))
    network(torch.randn(3, 1, 9, 8)).square().mean().backward()


def _products() -> None:
    a, b = torch.randn(4, 6, 5, requires_grad=True), torch.randn(4, 5, 7)
    (a @ b).sum().backward()
    torch.einsum("bij,bjk,k->i", a, b, torch.randn(7))
    torch.addmm(torch.zeros(3, 2), torch.randn(3, 9), torch.randn(9, 2))


def _inference() -> None:
    with torch.inference_mode():
        nn.Linear(6, 5)(torch.randn(2, 3, 6)) @ torch.randn(5, 4)


@pytest.mark.parametrize("work", [_convolutions, _products, _inference])
def test_the_count_is_that_of_torch(work: Callable[[], None]) -> None:
    with FlopCounterMode(display=False) as peer:
        work()
    with flops_of() as counted:
        work()
    assert counted[0] == peer.get_total_flops() > 0


def test_the_gradient_of_an_input_may_be_taken_inside() -> None:
    """What every gradient penalty does."""
    network = nn.Linear(3, 1, bias=False)
    x = torch.randn(4, 3, requires_grad=True)
    with flops_of() as counted:
        (gradient,) = torch.autograd.grad(network(x).sum(), x, create_graph=True)
        gradient.square().sum().backward()
    # forward, gradient of x, and the weight's gradient through it
    assert counted[0] == 3 * 2 * 4 * 3


def test_recurrent_layers_are_counted() -> None:
    layer = nn.LSTM(5, 7, batch_first=True)
    with flops_of() as counted, torch.no_grad():
        layer(torch.randn(3, 11, 5))
    assert counted[0] == 2 * 3 * 11 * (4 * 7) * (5 + 7)


def test_attention_is_counted_as_the_products_that_it_is() -> None:
    """The CPU's fused kernel against torch's formula for the GPU's, which this torch leaves out on CPUs."""
    query, key = torch.randn(2, 3, 5, 8, requires_grad=True), torch.randn(2, 3, 6, 8, requires_grad=True)
    shapes = query.shape, key.shape, key.shape
    with flops_of() as counted:
        attended = nn.functional.scaled_dot_product_attention(query, key, key)
    assert counted[0] == sdpa_flop_count(*shapes)
    with flops_of() as counted:
        attended.sum().backward()
    assert counted[0] == sdpa_backward_flop_count(query.shape, *shapes)


def test_branches_and_errors_pass_through() -> None:
    def double(x: Tensor) -> Tensor:
        return x @ x

    with flops_of():
        torch.cond(torch.tensor(True), double, torch.clone, (torch.eye(2),))
    with pytest.raises(RuntimeError, match="mat1 and mat2"), flops_of():
        torch.eye(2) @ torch.eye(3)
    with flops_of() as counted:
        torch.eye(2) @ torch.eye(2)
    assert counted[0] == 16
