"""Monotone rational-quadratic splines, evaluated for all numbers of a batch at once.

Gregory & Delbourgo 1982; Durkan, Bekasov, Murray & Papamakarios 2019, "Neural Spline Flows", section 3.1,
https://arxiv.org/abs/1906.04032

Networks of the size that points need spend their time on starting operations, not on arithmetic. So a spline here takes
as few as possible. The widths and the heights of the bins share one softmax and one cumulative sum, one gather fetches
all that belongs to a number's bin, the linear tails come from clamping the input, without masks, and the gradient is
written out, where autograd would start two operations for each one of the forward pass. On CPUs the elementwise
formulas run on numpy's view of the tensors: numpy starts an operation in a fraction of torch's time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

_MIN_BIN = 1e-3
"""The least width and height of a bin, as a share of the spline's range (as in the authors' code)."""
_MIN_SLOPE = 1e-3
_UNIT_SLOPE = math.log(math.expm1(1 - _MIN_SLOPE))
"""The parameter of a slope of 1."""


def parameters_of(bins: int) -> int:
    """How many parameters the spline of one number has: widths, heights, and slopes at the inner knots."""
    return 3 * bins - 1


def identity_parameters(bins: int) -> Float[Tensor, " parameters"]:
    """The parameters of the spline that changes nothing."""
    parameters = torch.zeros(parameters_of(bins))
    parameters[2 * bins :] = _UNIT_SLOPE
    return parameters


def spline(
    x: Float[Tensor, "batch dimension"], parameters: Float[Tensor, "batch dimension parameters"]
) -> tuple[Float[Tensor, "batch dimension"], Float[Tensor, "batch dimension"]]:
    """y and log dy/dx of each number. Within [0, 1] y is the spline, outside it is x."""
    y, log_slope = _Spline.apply(x, parameters)  # type: ignore[no-untyped-call]
    return y, log_slope


def inverse_spline(
    y: Float[Tensor, "batch dimension"], parameters: Float[Tensor, "batch dimension parameters"]
) -> Float[Tensor, "batch dimension"]:
    """The x that `spline` sends to y (eqs. 6-8)."""
    inside = y.clamp(0, 1)
    _, values = _Splines.of(parameters).at(inside, axis=1)
    right, upper, width, height, slope_0, slope_1 = values.unbind(-1)
    mean_slope = height / width
    above = inside - (upper - height)
    curvature = slope_0 + slope_1 - 2 * mean_slope
    a = height * (mean_slope - slope_0) + above * curvature
    b = height * slope_0 - above * curvature
    c = -mean_slope * above
    root = (b.square() - 4 * a * c).clamp(min=0).sqrt()
    t = (2 * c / (-b - root)).clamp(0, 1)
    return right + width * (t - 1) + (y - inside)


@dataclass(frozen=True)
class _Splines:
    """The splines of a batch."""

    shares: Float[Tensor, "batch dimension 2 bins"]
    """Widths, then heights, before each is given its least size: positive, with a sum of 1."""
    sizes: Float[Tensor, "batch dimension 2 bins"]
    """Widths, then heights."""
    ends: Float[Tensor, "batch dimension 2 bins"]
    """Right ends of the bins, then upper ends."""
    slopes: Float[Tensor, "batch dimension knots"]
    """Derivatives at the bins + 1 knots; 1 at both ends, where the tails begin."""

    @classmethod
    def of(cls, parameters: Float[Tensor, "batch dimension parameters"]) -> _Splines:
        bins = (parameters.shape[-1] + 1) // 3
        shares = parameters[..., : 2 * bins].unflatten(-1, (2, bins)).softmax(-1)
        sizes = shares.lerp(shares.new_full((), 1 / bins), _MIN_BIN * bins)
        inner = F.softplus(parameters[..., 2 * bins :]) + _MIN_SLOPE
        return cls(shares, sizes, sizes.cumsum(-1), F.pad(inner, (1, 1), value=1.0))

    def at(
        self, place: Float[Tensor, "batch dimension"], axis: int
    ) -> tuple[Int[Tensor, "batch dimension 1"], Float[Tensor, "batch dimension 6"]]:
        """The bin in which `place` falls along an axis, 0 for horizontal, 1 for vertical: its number; and its right
        end, upper end, width, height, and the slopes at its left and its right knot."""
        number = (self.ends[..., axis, :-1] <= place.unsqueeze(-1)).sum(-1, keepdim=True)
        table = torch.cat([self.ends.flatten(-2), self.sizes.flatten(-2), self.slopes], -1)
        return number, table.gather(-1, number + _columns(self.ends.shape[-1], place.device))


@lru_cache(maxsize=16)
def _columns(bins: int, device: torch.device) -> Int[Tensor, " 6"]:
    """Where in the table of knots the values of bin 0 are."""
    return torch.tensor([0, bins, 2 * bins, 3 * bins, 4 * bins, 4 * bins + 1], device=device)


@lru_cache(maxsize=16)
def _numbers(bins: int, device: torch.device) -> Int[Tensor, " bins"]:
    return torch.arange(bins, device=device)


class _Spline(torch.autograd.Function):
    """`spline` with its gradient. In the formulas t is the position in the bin, 0 to 1, s the mean slope,
    q = t (1 - t), d_0 and d_1 the slopes at the knots: y = lower + height * risen with risen = (s t² + d_0 q) / d and
    d = s + (d_0 + d_1 - 2 s) q (eq. 4), and dy/dx = s² w / d² with w = d_1 t² + 2 s q + d_0 (1 - t)² (eq. 5)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        splines = _Splines.of(parameters)
        inside = x.clamp(0, 1)
        number, values = splines.at(inside, axis=0)
        place, x_ = _array(inside), _array(x)
        right, upper, width, height, d_0, d_1 = parts = _parts(values)
        rest = (right - place) / width
        t = 1 - rest
        q = t * rest
        s = height / width
        d = s + (d_0 + d_1 - 2 * s) * q
        risen = (s * t * t + d_0 * q) / d
        w = d_1 * t * t + 2 * s * q + d_0 * rest * rest
        ratio = s / d
        slope = ratio * ratio * w
        y = upper + height * (risen - 1) + (x_ - place)
        ctx.save_for_backward(parameters, splines.shares, number)
        ctx.parts = (*parts, t, rest, q, s, d, risen, w, slope, place == x_)
        # in the tails t is 0 or 1 and the slopes there are 1, so that the logarithm is 0
        return _tensor(y), _tensor(slope).log()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_y: Tensor, by_log_slope: Tensor) -> tuple[Tensor, Tensor]:
        parameters, shares, number = ctx.saved_tensors
        _, _, width, height, d_0, d_1, t, rest, q, s, d, risen, w, slope, is_inside = ctx.parts
        bins = shares.shape[-1]
        of_y, of_log = _array(by_y), _array(by_log_slope)
        tilt = rest - t
        less = 1 - 2 * q  # the derivative of d by s
        twice_q_over_d = 2 * q / d
        # of the log slope by t, s, d_0 and d_1
        log_by_t = 2 * ((d_1 * t + s * tilt - d_0 * rest) / w - (d_0 + d_1 - 2 * s) * tilt / d)
        log_by_s = 2 * (1 / s + q / w - less / d)
        log_by_0 = rest * rest / w - twice_q_over_d
        log_by_1 = t * t / w - twice_q_over_d
        # of both outputs together: by the place within [0, 1], by s, and by the values of the bin
        by_place = of_log * log_by_t / width + of_y * slope
        by_s = (of_y * height * (t * t - risen * less) / d + of_log * log_by_s) / width
        by_width = -(t * by_place + s * by_s)
        by_height = of_y * risen + by_s
        by_rise = of_y * height * q / d
        by_0 = by_rise * (1 - risen) + of_log * log_by_0
        by_1 = of_log * log_by_1 - by_rise * risen
        of_bin = _joined([-by_place, of_y, by_width, by_height, by_0, by_1])  # B, D, 6, 1
        # a bin's left and lower ends move with the sizes of all bins before it
        numbers = _numbers(bins, number.device)
        before, here = numbers < number, (numbers == number).to(parameters.dtype)  # B, D, bins
        by_sizes = torch.where(
            before.unsqueeze(-2), of_bin[..., 0:2, :], here.unsqueeze(-2) * of_bin[..., 2:4, :]
        )
        weighted = shares * by_sizes
        by_logits = torch.addcmul(weighted, shares, weighted.sum(-1, keepdim=True), value=-1)
        by_logits = by_logits * (1 - _MIN_BIN * bins)
        # knot j + 1 is the right end of bin j and the left end of bin j + 1
        by_knots = torch.addcmul(here[..., :-1] * of_bin[..., 5, :], here[..., 1:], of_bin[..., 4, :])
        by_knots = by_knots * parameters[..., 2 * bins :].sigmoid()
        by_parameters = torch.cat([by_logits.flatten(-2), by_knots], -1)
        return _tensor(of_y + is_inside * (by_place - of_y)), by_parameters


def _array(tensor: Tensor) -> Any:
    """The values as a numpy array of the same memory where they are on the CPU, whose operators start faster than
    torch's; on a GPU, the tensor itself. A formula of operators alone takes either."""
    return tensor.numpy() if tensor.device.type == "cpu" else tensor


def _tensor(array: Any) -> Tensor:
    """The tensor again."""
    return array if isinstance(array, Tensor) else torch.from_numpy(array)


def _parts(values: Float[Tensor, "batch dimension 6"]) -> Any:
    """The six values, as `_array` gives them."""
    array = _array(values.movedim(-1, 0).contiguous())
    return tuple(array)


def _joined(arrays: list[Any]) -> Float[Tensor, "batch dimension count 1"]:
    if isinstance(arrays[0], Tensor):
        return torch.stack(arrays, -1).unsqueeze(-1)
    return torch.from_numpy(np.stack(arrays, -1)[..., None])
