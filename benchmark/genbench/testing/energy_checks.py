"""Contract checks of energies, which the harness anneals: shapes and finite values on the whole path."""

from __future__ import annotations

import math

import torch

from genbench.api.model import HasEnergy
from genbench.testing.requirement import contract_check, require
from genbench.testing.subject import SAMPLES, Subject

_BETAS = (0.0, 0.5, 1.0)


@contract_check("energy")
def energies_are_finite_all_along_the_path(subject: Subject) -> None:
    model = subject.trained.model
    assert isinstance(model, HasEnergy)
    require(math.isfinite(float(model.base_log_partition())), "base_log_partition is not finite")
    generator = torch.Generator().manual_seed(0)
    expected = (SAMPLES, *subject.spec.event_shape)
    with torch.no_grad():
        x = model.sample_base(SAMPLES, generator)
        for beta in _BETAS:
            require(
                tuple(x.shape) == expected,
                f"at beta {beta:g} the states have shape {tuple(x.shape)}, expected {expected}",
            )
            values = model.log_unnormalised(x, beta)
            require(
                tuple(values.shape) == (SAMPLES,),
                f"log_unnormalised gave shape {tuple(values.shape)}, expected {(SAMPLES,)}",
            )
            require(bool(values.isfinite().all()), f"log_unnormalised at beta {beta:g} is not finite")
            x = model.tempered_step(x, beta, generator)
