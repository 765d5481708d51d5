"""Standardisation: shapes, constants, the Jacobian."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genbench import DataSpec, Split
from genbench_models.layers.standardise import Standardise


@pytest.mark.parametrize(
    ("modality", "shape", "statistics"),
    [
        ("points", (5,), (5,)),
        ("series", (7, 3), (1, 3)),
        ("image", (2, 4, 6), (2, 1, 1)),
        ("image", (1, 1, 1), (1, 1, 1)),
    ],
)
def test_training_set_comes_out_standard_by_dimension_or_channel(
    modality: str, shape: tuple[int, ...], statistics: tuple[int, ...]
) -> None:
    spec = DataSpec(name="d", modality=modality, event_shape=shape)  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(400, *shape, generator=generator) * torch.linspace(1, 3, shape[-1]) + 40
    standardise = Standardise(spec)
    standardise.fit(Split(spec, x))
    assert standardise.mean.shape == statistics
    y = standardise(x)
    shared = [0, *(axis + 1 for axis, size in enumerate(statistics) if size == 1)]
    torch.testing.assert_close(y.mean(shared), torch.zeros_like(y.mean(shared)), atol=1e-4, rtol=0)
    torch.testing.assert_close(
        y.std(shared, correction=0), torch.ones_like(y.mean(shared)), atol=1e-4, rtol=0
    )
    torch.testing.assert_close(standardise.inverse(y), x)


@given(constant=st.floats(-1e6, 1e6, width=32), scale=st.floats(0.01, 1000), count=st.integers(1, 5))
@settings(max_examples=50, deadline=None)
def test_constant_dimensions_are_only_shifted(constant: float, scale: float, count: int) -> None:
    spec = DataSpec(name="d", modality="points", event_shape=(2,))
    x = torch.stack([torch.full((count,), constant), scale * torch.arange(count)], dim=1)
    standardise = Standardise(spec)
    standardise.fit(Split(spec, x.float()))
    assert standardise.scale[0] == 1.0
    y = standardise(x.float())
    assert y.isfinite().all()
    assert (y[:, 0].abs() <= 1e-6 * abs(constant) + 1e-6).all()


def test_levels_go_to_minus_one_and_one_whatever_the_data() -> None:
    spec = DataSpec(name="d", modality="image", event_shape=(1, 2, 2), levels=17)
    standardise = Standardise(spec)
    standardise.fit(Split(spec, torch.full((3, 1, 2, 2), 5, dtype=torch.uint8)))
    ends = torch.tensor([0, 16, 8, 4]).reshape(1, 1, 2, 2)
    expected = torch.tensor([-1.0, 1.0, 0.0, -0.5]).reshape(1, 1, 2, 2)
    torch.testing.assert_close(standardise(ends), expected)
    torch.testing.assert_close(standardise.inverse(expected), ends.float())


def test_log_abs_det_jacobian_is_that_of_autograd() -> None:
    spec = DataSpec(name="d", modality="series", event_shape=(4, 2))
    x = torch.randn(50, 4, 2) * torch.tensor([0.1, 30.0])
    standardise = Standardise(spec)
    standardise.fit(Split(spec, x))
    jacobian = torch.autograd.functional.jacobian(
        lambda v: standardise(v.reshape(1, 4, 2)).flatten(), x[0].flatten()
    )
    torch.testing.assert_close(standardise.log_abs_det_jacobian(), torch.linalg.slogdet(jacobian).logabsdet)
