"""Shapes and types of annotations are checked while the tests run; this test would notice if they were not."""

from __future__ import annotations

import pytest
import torch
from jaxtyping import TypeCheckError

from genbench.api.observation import gaussian_log_prob
from genbench_models.layers.networks import set_learning_rate


def test_a_wrong_shape_is_refused() -> None:
    with pytest.raises(TypeCheckError):
        gaussian_log_prob(torch.zeros(3), torch.zeros(4), torch.zeros(4))


def test_a_wrong_type_is_refused() -> None:
    with pytest.raises(TypeCheckError):
        set_learning_rate(torch.optim.SGD([torch.zeros(1)]), "fast", 0.5)  # type: ignore[arg-type]
