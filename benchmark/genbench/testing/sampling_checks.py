"""Contract checks of sampling, decoding, completing and encoding: results lie in their domains, and depend only on the
generator and on the model's state."""

from __future__ import annotations

import random

import numpy as np
import torch
from torch import Tensor

from genbench.api.data import working_dtype
from genbench.api.model import (
    Completes,
    Encodes,
    HasAttention,
    HasDecoder,
    HasLogProb,
    HasLogWeights,
    HasMissingLogProb,
    HasPredictiveEntropy,
    HasSamplingSteps,
    decoded_shape,
    takes_condition,
)
from genbench.errors import PluginError, UnsupportedMask
from genbench.samples.draw import checked_samples
from genbench.testing.requirement import NotApplicable, contract_check, require
from genbench.testing.subject import SAMPLES, TRAINING_STEPS, Subject, differing, draw, state_of
from genbench.util.seeding import seeded

_SMALL = 5


@contract_check()
def samples_lie_in_the_domain(subject: Subject) -> None:
    spec = subject.spec
    for count in (1, SAMPLES):
        samples = draw(subject.trained.model, count)
        checked_samples(samples, count, spec)
        expected = working_dtype(spec)
        require(samples.dtype == expected, f"sample returned {samples.dtype}, expected {expected}")


@contract_check()
def an_untrained_model_samples(subject: Subject) -> None:
    """A checkpoint may be taken at any time."""
    model = subject.build().eval()
    checked_samples(draw(model, _SMALL), _SMALL, subject.spec)


@contract_check()
def samples_follow_the_generator(subject: Subject) -> None:
    model = subject.trained.model
    require(torch.equal(subject.samples, draw(model, seed=0)), "the same generator gave other samples")
    if bool((subject.samples == subject.samples[0]).all()):
        raise NotApplicable(f"all samples are alike after {TRAINING_STEPS} steps, whatever the generator")
    require(not torch.equal(subject.samples, draw(model, seed=1)), "another generator gave the same samples")


@contract_check()
def sampling_leaves_global_chance_alone(subject: Subject) -> None:
    model = subject.trained.model
    with seeded(1):
        before = torch.get_rng_state(), _numpy_state()
        first = draw(model)
        after = torch.get_rng_state(), _numpy_state()
    # the state of Python's `random` is not compared, since run-time type checkers draw from it
    require(torch.equal(before[0], after[0]), "sample drew from torch's global generator")
    require(before[1] == after[1], "sample drew from numpy's global generator")
    with seeded(2):
        second = draw(model)
        random.random()
    require(torch.equal(first, second), "samples depend on a global generator")


def _numpy_state() -> tuple[bytes, int]:
    state = np.random.get_state(legacy=False)["state"]  # noqa: NPY002
    return state["key"].tobytes(), state["pos"]


@contract_check()
def sampling_leaves_the_model_alone(subject: Subject) -> None:
    model = subject.trained.model
    before = state_of(model)
    draw(model, _SMALL, seed=3)
    different = differing(before, state_of(model))
    require(not different, f"sample changed {', '.join(different)}")


@contract_check()
def state_dict_holds_the_model(subject: Subject) -> None:
    """A checkpoint's state_dict must determine the model."""
    trained = subject.trained.model
    fresh = subject.build(seed=5)
    try:
        fresh.load_state_dict(state_of(trained))
    except RuntimeError as error:
        raise PluginError(f"a fresh instance cannot load the state_dict: {error}") from error
    fresh.eval()
    require(
        torch.equal(draw(fresh), subject.samples),
        "a fresh instance with the same state_dict gives other samples; keep what is learned in parameters"
        " or buffers",
    )
    x = subject.dataset.test.tensor()
    with torch.no_grad():
        if isinstance(trained, HasLogProb) and isinstance(fresh, HasLogProb):
            same = torch.equal(trained.log_prob(x), fresh.log_prob(x))
            require(same, "a fresh instance with the same state_dict gives another log_prob")
        if isinstance(trained, HasLogWeights) and isinstance(fresh, HasLogWeights):
            pair = []
            for model in (trained, fresh):
                with seeded(7):
                    pair.append(model.log_weights(x, 2))
            require(torch.equal(*pair), "a fresh instance with the same state_dict gives other log_weights")


@contract_check("decode")
def decode_is_differentiable(subject: Subject) -> None:
    model = subject.trained.model
    assert isinstance(model, HasDecoder)
    with seeded(0):
        z = model.prior.sample((_SMALL,))
    z.requires_grad_()
    decoded = model.decode(z)
    expected = (_SMALL, *decoded_shape(subject.spec))
    require(
        tuple(decoded.shape) == expected, f"decode gave shape {tuple(decoded.shape)}, expected {expected}"
    )
    require(decoded.is_floating_point(), f"decode gave {decoded.dtype}, expected a mean in floating point")
    require(bool(decoded.isfinite().all()), "decode gave values that are not finite")
    levels = subject.spec.levels
    if levels is not None and len(expected) > 1 + len(subject.spec.event_shape):
        off = float((decoded.detach().sum(-1) - 1).abs().max())
        probable = off < 1e-3 and float(decoded.detach().min()) >= 0
        require(probable, "decode of tokens returned numbers that are not probabilities of the levels")
    elif levels is not None:
        low, high = float(decoded.detach().min()), float(decoded.detach().max())
        inside = low >= -1e-3 and high <= levels - 1 + 1e-3
        require(inside, f"decode ranges over {low:.3g}..{high:.3g}, expected 0..{levels - 1}")
    require(decoded.requires_grad, "decode is not differentiable in z")
    (gradient,) = torch.autograd.grad(decoded.sum(), z, allow_unused=True)
    require(gradient is not None and bool(gradient.isfinite().all()), "decode is not differentiable in z")


@contract_check("condition")
def conditions_are_taken(subject: Subject) -> None:
    classes = subject.spec.classes or 1
    condition = torch.arange(SAMPLES) % classes
    model = subject.trained.model
    assert takes_condition(model)
    with torch.no_grad():
        samples = model.sample(SAMPLES, torch.Generator().manual_seed(0), condition=condition)
    checked_samples(samples, SAMPLES, subject.spec)


@contract_check("sampling_steps")
def sampling_steps_are_taken(subject: Subject) -> None:
    model = subject.trained.model
    assert isinstance(model, HasSamplingSteps)
    budgets = model.sampling_budgets
    whole = isinstance(budgets, tuple) and all(type(steps) is int and steps >= 1 for steps in budgets)
    require(
        whole and len(budgets) >= 2 and list(budgets) == sorted(set(budgets)),
        f"sampling_budgets is {budgets!r}, expected at least two whole numbers, fewest steps first",
    )

    def sample(steps: int) -> Tensor:
        with torch.no_grad():
            samples = model.sample(SAMPLES, torch.Generator().manual_seed(0), steps=steps)
        return checked_samples(samples, SAMPLES, subject.spec)

    fewest, most = sample(budgets[0]), sample(budgets[-1])
    require(torch.equal(most, sample(budgets[-1])), "the same generator and steps gave other samples")
    require(
        not torch.equal(fewest, most),
        f"{budgets[0]} and {budgets[-1]} steps gave equal samples: steps have no effect",
    )


@contract_check("complete")
def completion_keeps_what_is_given(subject: Subject) -> None:
    model = subject.trained.model
    assert isinstance(model, Completes)
    x = subject.dataset.test.tensor()
    mask = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) < 0.5

    def complete(seed: int) -> Tensor:
        with torch.no_grad():
            return model.complete(x.clone(), mask, torch.Generator().manual_seed(seed))

    try:
        completed = complete(0)
    except (
        UnsupportedMask
    ):  # such as of an autoregressive model, which completes what comes after the given numbers
        mask = torch.zeros_like(mask)
        mask.flatten(1)[:, 0] = True
        completed = complete(0)
    checked_samples(completed, len(x), subject.spec)
    require(torch.equal(completed[mask], x[mask]), "complete changed values that were given")
    require(torch.equal(completed, complete(0)), "the same generator gave another completion")


@contract_check("missing_log_prob")
def likelihoods_of_parts_add_up(subject: Subject) -> None:
    """Where everything is missing, missing_log_prob is log_prob; where nothing is missing, it is 0."""
    model, x = subject.trained.model, subject.dataset.test.tensor()
    assert isinstance(model, HasMissingLogProb)
    with torch.no_grad():
        of_all = model.missing_log_prob(x, torch.zeros(x.shape, dtype=torch.bool))
        of_none = model.missing_log_prob(x, torch.ones(x.shape, dtype=torch.bool))
        require(
            tuple(of_all.shape) == (len(x),),
            f"missing_log_prob has shape {tuple(of_all.shape)}, expected {(len(x),)}",
        )
        require(bool((of_none == 0).all()), "missing_log_prob is not 0 where nothing is missing")
        if isinstance(model, HasLogProb):
            whole = model.log_prob(x)
            gap = float(((of_all - whole).abs() / (1 + whole.abs())).max())
            require(gap <= 1e-3, f"where all is missing, missing_log_prob differs from log_prob by {gap:.2g}")


@contract_check("predictive_entropy")
def entropies_are_numbers_of_each_element(subject: Subject) -> None:
    model, x = subject.trained.model, subject.dataset.test.tensor()
    assert isinstance(model, HasPredictiveEntropy)
    with torch.no_grad():
        entropy = model.predictive_entropy(x)
    require(
        entropy.shape == x.shape, f"predictive_entropy has shape {tuple(entropy.shape)}, expected {x.shape}"
    )
    require(bool(entropy.isfinite().all()), "predictive_entropy is not finite")
    if subject.spec.is_discrete:
        require(bool((entropy >= -1e-4).all()), "predictive_entropy of integers is below 0")


@contract_check("attention")
def attention_is_of_earlier_steps(subject: Subject) -> None:
    if not subject.spec.is_sequence:
        raise NotApplicable(f"{subject.spec.modality} has no steps")
    model, x = subject.trained.model, subject.dataset.test.tensor()
    assert isinstance(model, HasAttention)
    with torch.no_grad():
        looked = model.attention(x)
    expected = (len(x), x.shape[1], x.shape[1])
    require(
        tuple(looked.shape) == expected, f"attention has shape {tuple(looked.shape)}, expected {expected}"
    )
    require(bool((looked >= 0).all() and (looked.sum(2) <= 1 + 1e-4).all()), "attention is no share of 1")
    require(bool((looked.triu() == 0).all()), "attention is paid to steps that are not known yet")


@contract_check("encode")
def encodings_are_finite(subject: Subject) -> None:
    model = subject.trained.model
    assert isinstance(model, Encodes)
    x = subject.dataset.test.tensor()
    with torch.no_grad():
        z = model.encode(x)
    require(len(z) == len(x), f"encode gave {len(z)} latents for {len(x)} examples")
    require(bool(z.isfinite().all()), "encode gave values that are not finite")
