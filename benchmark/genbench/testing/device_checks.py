"""Contract checks on a GPU, against the CPU. They run only where torch finds a GPU."""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor

from genbench.api.model import (
    Completes,
    Encodes,
    GenerativeModel,
    HasDecoder,
    HasElbo,
    HasEnergy,
    HasLogDensity,
    HasLogProb,
    HasLogWeights,
    HasMissingLogProb,
    HasPredictiveEntropy,
    takes_condition,
    takes_sampling_steps,
)
from genbench.errors import UnsupportedMask
from genbench.samples.draw import checked_samples
from genbench.testing.requirement import contract_check, require
from genbench.testing.subject import SAMPLES, SHORT_STEPS, Subject, state_of
from genbench.util.precision import full_precision
from genbench.util.seeding import seeded

_GPU = "cuda"
# Allowed difference relative to 1 + |value|, from sums in another order over tiny data.
_TOLERANCE = 1e-3


@contract_check(gpu=True)
def a_gpu_trains_and_samples(subject: Subject) -> None:
    """With a generator on the GPU, by every capability of the model."""
    model = subject.train(SHORT_STEPS, device=_GPU).model
    off = sorted(name for name, value in state_of(model).items() if value.device.type != _GPU)
    require(not off, f"after training on the GPU these are elsewhere: {', '.join(off)}")
    with torch.no_grad():
        checked_samples(model.sample(SAMPLES, _generator()), SAMPLES, subject.spec)
        if takes_condition(model):
            labels = torch.arange(SAMPLES, device=_GPU) % (subject.spec.classes or 1)
            checked_samples(model.sample(SAMPLES, _generator(), condition=labels), SAMPLES, subject.spec)
        if takes_sampling_steps(model):
            drawn = model.sample(SAMPLES, _generator(), steps=model.sampling_budgets[0])
            checked_samples(drawn, SAMPLES, subject.spec)
        if isinstance(model, Completes):
            x = subject.dataset.test.tensor().to(_GPU)
            mask = torch.zeros(x.shape, dtype=torch.bool, device=_GPU)
            mask.flatten(1)[:, 0] = True
            completed = model.complete(x.clone(), mask, _generator())
            checked_samples(completed, len(x), subject.spec)
            require(torch.equal(completed[mask], x[mask]), "complete changed values that were given")


@contract_check(gpu=True)
def a_gpu_agrees_with_the_cpu(subject: Subject) -> None:
    """Methods without random numbers return equal values; those with random numbers return finite ones."""
    here, there = subject.trained.model, subject.build(seed=5)
    there.load_state_dict(state_of(here))
    there.eval().to(_GPU)
    x = subject.dataset.test.tensor()
    with full_precision(), torch.no_grad(), seeded(0, torch.device(_GPU)):
        ours, theirs = _deterministic_values(here, x), _deterministic_values(there, x.to(_GPU))
        for name, values in ours.items():
            on_gpu = theirs[name]
            require(on_gpu.device.type == _GPU, f"{name} came back on {on_gpu.device}, expected the GPU")
            gap = float(((on_gpu.cpu() - values).abs() / (1 + values.abs())).max())
            require(gap <= _TOLERANCE, f"{name} on the GPU is another: by {gap:.2g} (relative)")
        for name, values in _random_values(there, x.to(_GPU)).items():
            require(bool(values.isfinite().all()), f"{name} on the GPU is not finite")


def _generator() -> torch.Generator:
    return torch.Generator(_GPU).manual_seed(0)


def _deterministic_values(model: GenerativeModel, x: Tensor) -> dict[str, Tensor]:
    values: dict[str, Tensor] = {}
    if isinstance(model, HasLogProb):
        values["log_prob"] = model.log_prob(x)
    if isinstance(model, HasMissingLogProb):
        mask = torch.zeros(x.shape, dtype=torch.bool, device=x.device)
        mask.flatten(1)[:, 0] = True
        with contextlib.suppress(UnsupportedMask):
            values["missing_log_prob"] = model.missing_log_prob(x, mask)
    if isinstance(model, HasDecoder):
        with seeded(0):
            prior = model.prior.sample((SAMPLES,))
        # fixed latents for both devices, whose generators differ
        same = torch.linspace(-1, 1, prior[0].numel(), device=x.device).reshape(prior.shape[1:])
        if prior.is_floating_point():
            values["decode"] = model.decode(same.expand_as(prior).to(prior.dtype))
    if isinstance(model, HasEnergy):
        values["log_unnormalised"] = model.log_unnormalised(x)
        values["base_log_partition"] = torch.tensor([model.base_log_partition()], device=x.device)
    return values


def _random_values(model: GenerativeModel, x: Tensor) -> dict[str, Tensor]:
    values: dict[str, Tensor] = {}
    if isinstance(model, HasLogWeights):
        values["log_weights"] = model.log_weights(x, 2)
    if isinstance(model, HasElbo):
        values["elbo"] = model.elbo(x)
    if isinstance(model, HasLogDensity):
        values["log_density"] = model.log_density(x.float() + 0.5 if model.spec.is_discrete else x)
    if isinstance(model, HasPredictiveEntropy):  # for a mixture it is estimated from draws
        values["predictive_entropy"] = model.predictive_entropy(x)
    if isinstance(model, Encodes):
        values["encode"] = model.encode(x)
    if isinstance(model, HasEnergy):
        generator = torch.Generator(x.device).manual_seed(0)
        base = model.sample_base(SAMPLES, generator)
        values["tempered_step"] = model.tempered_step(base, 0.5, generator).float()
    return values
