"""Leapfrog and Hamiltonian Monte Carlo: reversibility, order, moments, and chains that mind their own business."""

from __future__ import annotations

import math

import pytest
import torch
from callable_likelihood import CallableLikelihood
from torch import Tensor
from torch.distributions import (
    Categorical,
    Dirichlet,
    Independent,
    LogNormal,
    MixtureSameFamily,
    Normal,
    Uniform,
)
from toy_decoders import LinearDecoder

from genbench.errors import LikelihoodUnavailable, PluginError
from genbench.likelihood.ais.annealing import anneal, tune
from genbench.likelihood.ais.chain_noise import ChainNoise, StepNoise
from genbench.likelihood.ais.chains import Chains
from genbench.likelihood.ais.decoder_observation import GaussianDensity
from genbench.likelihood.ais.decoder_target import DecodedLikelihood
from genbench.likelihood.ais.hmc import Target, hmc_transition, leapfrog
from genbench.likelihood.ais.latent_space import LatentSpace
from genbench.likelihood.ais.schedule import AnnealingSchedule, sigmoid

WIDE = torch.float64


def standard_normal(dimension: int, dtype: torch.dtype = WIDE) -> Independent:
    zeros = torch.zeros(dimension, dtype=dtype)
    return Independent(Normal(zeros, torch.ones_like(zeros)), 1)


def quartic(z: Tensor) -> Tensor:
    """A likelihood that is no Gaussian."""
    return -(z.pow(4).sum(2) + (z[..., 0] * z[..., 1]).square())


def energy(target: Target, state: object, momentum: Tensor) -> Tensor:
    return -state.log_density(0.7) + 0.5 * momentum.square().sum(2)  # type: ignore[attr-defined]


@pytest.fixture
def target() -> Target:
    return Target(LatentSpace(standard_normal(3)), CallableLikelihood(quartic))


@pytest.fixture
def start() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    position = 0.7 * torch.randn(5, 4, 3, generator=generator, dtype=WIDE)
    return position, torch.randn(5, 4, 3, generator=generator, dtype=WIDE)


def test_leapfrog_leads_back_to_where_it_began(target: Target, start: tuple[Tensor, Tensor]) -> None:
    position, momentum = start
    size = torch.full((5, 4), 0.05, dtype=WIDE)
    end, thrown = leapfrog(target, target.state(position), momentum, size, 0.7, 20)
    assert (end.position - position).abs().amax() > 0.1
    back, caught = leapfrog(target, end, -thrown, size, 0.7, 20)
    torch.testing.assert_close(back.position, position, rtol=0, atol=1e-11)
    torch.testing.assert_close(-caught, momentum, rtol=0, atol=1e-11)


def test_leapfrog_s_energy_error_is_of_second_order(target: Target, start: tuple[Tensor, Tensor]) -> None:
    position, momentum = start
    begin = target.state(position)

    def error(steps: int) -> float:
        size = torch.full((5, 4), 0.8 / steps, dtype=WIDE)
        end, thrown = leapfrog(target, begin, momentum, size, 0.7, steps)
        return float((energy(target, end, thrown) - energy(target, begin, momentum)).abs().mean())

    orders = [math.log2(error(steps) / error(2 * steps)) for steps in (32, 64, 128)]
    assert all(1.9 < order < 2.1 for order in orders), orders


def test_leapfrog_keeps_volume(target: Target) -> None:
    """The Jacobian of (position, momentum) has determinant 1."""
    point = torch.tensor([0.3, -0.4, 0.9, 0.5, -1.0, 0.2], dtype=WIDE)

    def flow(at: Tensor) -> Tensor:
        state = target.state(at[:3].reshape(1, 1, 3))
        size = torch.full((1, 1), 0.2, dtype=WIDE)
        end, thrown = leapfrog(target, state, at[3:].reshape(1, 1, 3), size, 1.0, 3)
        return torch.cat([end.position.flatten(), thrown.flatten()])

    step = 1e-5
    unit = torch.eye(6, dtype=WIDE)
    columns = [(flow(point + step * e) - flow(point - step * e)) / (2 * step) for e in unit]
    assert float(torch.linalg.det(torch.stack(columns, 1))) == pytest.approx(1.0, abs=1e-7)


def test_samples_of_a_known_posterior_have_its_moments() -> None:
    model = LinearDecoder(4, 2, dtype=WIDE)
    scale = 0.8
    _, x = model.draw(2, scale, seed=1)
    likelihood = DecodedLikelihood(
        model, GaussianDensity(torch.ones(4, dtype=WIDE)), x, torch.full((2,), math.log(scale), dtype=WIDE)
    )
    chains = Chains(Target(LatentSpace(model.prior), likelihood), [1, 2], 400)
    for _ in range(25):
        chains.move(torch.tensor([0.35], dtype=WIDE), 1.0, 5)
    kept = []
    for _ in range(25):
        chains.move(torch.tensor([0.35], dtype=WIDE), 1.0, 5)
        kept.append(chains.state.position)
    draws = torch.stack(kept, 1)  # example, time, chain, latent
    mean, covariance = model.posterior(x, scale)
    for example in range(2):
        each = draws[example].flatten(0, 1)
        deviation = covariance.diagonal().sqrt()
        # 400 chains are independent; what else they add is not counted on
        assert ((each.mean(0) - mean[example]).abs() < 4 * deviation / 20).all()
        torch.testing.assert_close(torch.cov(each.T), covariance, rtol=0.12, atol=0.02)


def test_what_is_not_finite_is_never_accepted(start: tuple[Tensor, Tensor]) -> None:
    def cliff(z: Tensor) -> Tensor:
        return torch.where(z[..., 0] > 0.5, torch.nan, -z.square().sum(2))

    target = Target(LatentSpace(standard_normal(3)), CallableLikelihood(cliff))
    position, momentum = start
    state = target.state(position.clamp(max=0.4))
    ones = torch.ones(5, 4, dtype=WIDE)
    for size in (0.2, 1e200):
        noise = StepNoise(momentum, 0.5 * ones, 0.5 * ones)
        state, probability = hmc_transition(target, state, noise, size * ones, 1.0, 3)
        assert state.position.isfinite().all()
        assert (state.position[..., 0] <= 0.5).all()
        assert ((probability >= 0) & (probability <= 1)).all()
    assert (probability == 0).all()


def test_a_chain_does_not_depend_on_the_batch_it_is_in() -> None:
    model = LinearDecoder(5, 3, dtype=WIDE)
    _, x = model.draw(6, 0.5, seed=2)
    seeds = list(range(6))

    def annealed(some: list[int]) -> Tensor:
        likelihood = DecodedLikelihood(
            model,
            GaussianDensity(torch.ones(5, dtype=WIDE)),
            x[some],
            torch.full((len(some),), -0.7, dtype=WIDE),
        )
        target = Target(LatentSpace(model.prior), likelihood)
        chosen = [seeds[i] for i in some]
        path, _ = tune(target, AnnealingSchedule.of(sigmoid(20), 0.4, 3), chosen, 2)
        return anneal(target, path, chosen, 3).log_weights

    together = annealed(list(range(6)))
    torch.testing.assert_close(torch.cat([annealed([4, 1]), annealed([0])]), together[[4, 1, 0]])


def test_noise_is_that_of_the_seed_whatever_is_drawn_beside_it() -> None:
    alone = iter(ChainNoise([7], 2, 3, torch.device("cpu"), torch.float32))
    beside = iter(ChainNoise([1, 7], 2, 3, torch.device("cpu"), torch.float32))
    normals, uniforms = [], []
    for _ in range(40):
        one, two = next(alone), next(beside)
        assert torch.equal(one.momentum[0], two.momentum[1])
        assert torch.equal(one.accept[0], two.accept[1])
        assert torch.equal(one.jitter[0], two.jitter[1])
        assert not torch.equal(two.momentum[0], two.momentum[1])
        normals.append(one.momentum.flatten())
        uniforms.append(torch.cat([one.accept.flatten(), one.jitter.flatten()]))
    assert len(set(torch.cat(normals).tolist())) == 240
    assert 0.45 < float(torch.cat(uniforms).mean()) < 0.55


@pytest.mark.parametrize(
    "prior",
    [
        standard_normal(3),
        Normal(torch.tensor([1.0, -2.0], dtype=WIDE), torch.tensor([0.5, 3.0], dtype=WIDE)),
        Independent(Uniform(torch.tensor([-1.0, 2.0], dtype=WIDE), torch.tensor([1.0, 5.0], dtype=WIDE)), 1),
        Independent(LogNormal(torch.zeros(2, 2, dtype=WIDE), torch.ones(2, 2, dtype=WIDE)), 2),
        Dirichlet(torch.tensor([2.0, 3.0, 4.0], dtype=WIDE)),
        MixtureSameFamily(
            Categorical(torch.tensor([0.3, 0.7], dtype=WIDE)),
            Independent(Normal(torch.eye(2, dtype=WIDE), torch.full((2, 2), 0.8, dtype=WIDE)), 1),
        ),
    ],
    ids=lambda prior: type(getattr(prior, "base_dist", prior)).__name__,
)
def test_coordinates_without_bounds_go_both_ways_and_have_the_prior_s_density(prior: object) -> None:
    space = LatentSpace(prior)  # type: ignore[arg-type]
    z = space.draw([3, 4], 500)
    u = space.to_vectors(z)
    assert u.shape == (2, 500, space.dimension)
    torch.testing.assert_close(space.to_latents(u), z)
    # Samples of u have the density of u: the expected score is 0, and that of (1 + u score) too, in every
    # coordinate, for any density that vanishes far away
    score = space.score(u)
    stein = torch.stack([score, 1 + u * score]).flatten(1, 2)
    assert (stein.mean(1).abs() < 5 * stein.std(1) / math.sqrt(1000)).all()
    step = 1e-5
    for axis in range(space.dimension):
        shift = step * torch.eye(space.dimension, dtype=WIDE)[axis]
        finite = (space.log_prob(u + shift) - space.log_prob(u - shift)) / (2 * step)
        torch.testing.assert_close(score[..., axis], finite, rtol=1e-4, atol=1e-4)


def test_uniform_latents_stay_in_their_box_to_the_edge() -> None:
    space = LatentSpace(Independent(Uniform(torch.tensor([-1.0]), torch.tensor([2.0])), 1))
    u = torch.tensor([-200.0, -20.0, 0.0, 20.0, 200.0]).reshape(1, 5, 1)
    z = space.to_latents(u)
    assert (z >= -1).all()
    assert (z <= 2).all()
    assert space.log_prob(u).isfinite().all()


def test_priors_that_cannot_be_moved_on_say_so() -> None:
    with pytest.raises(LikelihoodUnavailable, match="continuous prior, not Categorical"):
        LatentSpace(Categorical(torch.ones(3)))


def test_drawing_latents_leaves_torch_s_generator_alone() -> None:
    space = LatentSpace(standard_normal(3))
    state = torch.get_rng_state()
    first = space.draw([5, 6], 2)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(space.draw([6], 2)[0], first[1])


def test_a_decoder_that_breaks_its_contract_is_told_how() -> None:
    model = LinearDecoder()
    target = Target(
        LatentSpace(model.prior),
        DecodedLikelihood(model, GaussianDensity(torch.ones(5)), torch.zeros(2, 5), torch.zeros(2)),
    )
    with pytest.raises(PluginError, match=r"decode of 6 latents returned shape \(6, 8\), expected \(6, 5\)"):
        target.state(torch.zeros(2, 3, 3))
    model.decode = lambda z: LinearDecoder.decode(model, z).detach()  # type: ignore[method-assign]
    target = Target(
        LatentSpace(model.prior),
        DecodedLikelihood(model, GaussianDensity(torch.ones(8)), torch.zeros(2, 8), torch.zeros(2)),
    )
    with pytest.raises(PluginError, match="not differentiable"):
        target.state(torch.zeros(2, 3, 3))
