"""What the harness makes a likelihood from: does it have the shapes, and is it made of numbers?"""

from __future__ import annotations

import math

import torch

from genbench.chance import seeded
from genbench.model import HasEnergy, HasLogDensity
from genbench.testing.requirement import contract_check, require
from genbench.testing.subject import SAMPLES, Subject

_BETAS = (0.0, 0.5, 1.0)


@contract_check("log_density")
def log_density_is_one_finite_number_each(subject: Subject) -> None:
    model, x = subject.trained.model, subject.dataset.test.tensor().float()
    assert isinstance(model, HasLogDensity)
    if subject.spec.levels is not None:
        with seeded(0):
            x = x + torch.rand_like(x)  # integer i is the interval from i to i + 1
    with torch.no_grad():
        values = model.log_density(x)
    expected = (len(x),)
    require(
        tuple(values.shape) == expected, f"log_density gave shape {tuple(values.shape)}, expected {expected}"
    )
    require(bool(values.isfinite().all()), "log_density of held-out data is not finite")


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
