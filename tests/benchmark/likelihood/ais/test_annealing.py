"""Annealed estimates against closed forms, grids and each other."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from toy_decoders import CurvedDecoder, LinearDecoder

from genbench.api.data import DataSpec, Split, storage_dtype
from genbench.errors import LikelihoodUnavailable
from genbench.likelihood.ais.annealing import anneal, anneal_back, explore, tune
from genbench.likelihood.ais.chains import Annealed, Chains
from genbench.likelihood.ais.decoder import AnnealingSettings, DecoderAnnealing
from genbench.likelihood.ais.decoder_observation import (
    DecoderObservation,
    DiscretisedGaussian,
    GaussianDensity,
)
from genbench.likelihood.ais.decoder_target import DecodedLikelihood
from genbench.likelihood.ais.hmc import Target
from genbench.likelihood.ais.latent_space import LatentSpace
from genbench.likelihood.ais.observation_scale import choose_scale
from genbench.likelihood.ais.schedule import AnnealingSchedule, linear, sigmoid

SCALE = 0.5
POINTS = DataSpec(name="points", modality="points", event_shape=(8,))


def target_of(model: nn.Module, observation: DecoderObservation, x: Tensor, scale: float) -> Target:
    likelihood = DecodedLikelihood(model, observation, x, torch.full((len(x),), math.log(scale)))
    return Target(LatentSpace(model.prior), likelihood)


def linear_target(n: int, seed: int = 1) -> tuple[LinearDecoder, Target, Tensor, Tensor]:
    """The model, the target of n data drawn from it, their latents, and the truth about them."""
    model = LinearDecoder(8, 3)
    z, x = model.draw(n, SCALE, seed)
    target = target_of(model, GaussianDensity(torch.ones(8)), x, SCALE)
    return model, target, z, model.marginal(SCALE).log_prob(x.double())


def both_ways(target: Target, path: AnnealingSchedule, z: Tensor, chains: int) -> tuple[Annealed, Annealed]:
    seeds = list(range(len(z)))
    path, _ = tune(target, path, [seed + 5000 for seed in seeds], 2)
    forward = anneal(target, path.resampled(2 * len(path.step_sizes)), seeds, chains)
    back = anneal_back(target, path.resampled(2 * len(path.step_sizes)), seeds, chains, z)
    return forward, back


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("linear", marks=pytest.mark.slow),
        pytest.param("sigmoid", marks=pytest.mark.slow),
        "explored",
    ],
)
def test_a_linear_gaussian_decoder_is_sandwiched_within_a_tenth_of_a_nat(kind: str) -> None:
    _, target, z, exact = linear_target(24)
    if kind == "explored":
        _, other, _, _ = linear_target(8, seed=2)
        path = explore(other, list(range(8)), 8).resampled(150)
    else:
        path = AnnealingSchedule.of((linear if kind == "linear" else sigmoid)(300), 0.4, 3)
    forward, back = both_ways(target, path, z, 16)
    lower, upper = forward.lower_bound, back.upper_bound
    error = (lower.std() + upper.std()) / math.sqrt(len(lower)) / 10  # what is left of chance is far less
    assert abs(float((lower - exact).mean())) < 0.1
    assert -error < float((upper - exact).mean()) < 0.15
    assert float((upper - lower).mean()) > -error
    assert 0.5 < float(forward.acceptance.mean()) < 0.8


def test_few_steps_leave_the_truth_between_the_bounds_and_more_steps_close_the_gap() -> None:
    _, target, z, exact = linear_target(24)
    gaps = []
    for steps in (4, 16, 64):
        seeds = list(range(len(z)))
        path = AnnealingSchedule.of(sigmoid(steps), 0.2, 2)
        lower = anneal(target, path, seeds, 4).lower_bound
        upper = anneal_back(target, path, seeds, 4, z).upper_bound
        assert float((lower - exact).mean()) < 0 < float((upper - exact).mean())
        gaps.append(float((upper - lower).mean()))
    assert gaps[0] > 2 * gaps[1] > 4 * gaps[2] > 0


@pytest.mark.slow
def test_weights_are_unbiased_whatever_the_path() -> None:
    """The mean of exp(log w - log p) is 1, with three steps of one bad trajectory each; backward, of its inverse."""
    model = LinearDecoder(2, 1, seed=3)
    _, x = model.draw(4, 1.0, 5)
    target = target_of(model, GaussianDensity(torch.ones(2)), x, 1.0)
    exact = model.marginal(1.0).log_prob(x.double()).unsqueeze(1)
    path = AnnealingSchedule.of((0.0, 0.1, 0.4, 1.0), 0.9, 2)
    ratios = (anneal(target, path, [1, 2, 3, 4], 20_000).log_weights - exact).exp()
    assert ((ratios.mean(1) - 1).abs() < 4 * ratios.std(1) / math.sqrt(20_000)).all()

    inverse = []
    mean, covariance = model.posterior(x, 1.0)
    for seed in range(400):
        noise = torch.randn(4, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        exact_z = (mean + covariance.sqrt() * noise).float()
        back = anneal_back(target, path, [seed * 4 + i for i in range(4)], 5, exact_z)
        inverse.append((exact - back.log_weights).exp().mean(1))
    each = torch.stack(inverse)
    assert ((each.mean(0) - 1).abs() < 4 * each.std(0) / 20).all()


@pytest.mark.parametrize("uniform", [True, False])
@pytest.mark.parametrize("levels", [None, 6])
def test_curved_decoders_agree_with_a_grid_over_the_latent(uniform: bool, levels: int | None) -> None:
    """A prior with bounds or without, densities or probabilities of integers."""
    model = CurvedDecoder(uniform=uniform, levels=levels)
    observation = GaussianDensity(torch.ones(2)) if levels is None else DiscretisedGaussian(levels)
    scale = 0.15 if levels is None else 0.6
    space = LatentSpace(model.prior)
    z = space.draw(list(range(12)), 1)[:, 0]
    generator = torch.Generator().manual_seed(0)
    x = observation.sample(model.decode(z), torch.tensor(math.log(scale)), generator)
    grid, log_mass = model.grid()
    means = model.decode(grid).float().unsqueeze(0)
    log_likelihood = (
        observation.log_prob(x.unsqueeze(1), means, torch.tensor(math.log(scale))).double().sum(2)
    )
    exact = torch.logsumexp(log_likelihood + log_mass, 1)

    target = target_of(model, observation, x, scale)
    path = explore(target, [s + 77 for s in range(12)], 16).resampled(40)
    forward, back = both_ways(target, path, z, 100)
    torch.testing.assert_close(forward.lower_bound, exact, rtol=0, atol=0.35)
    assert abs(float((forward.lower_bound - exact).mean())) < 0.06
    assert abs(float((back.upper_bound - exact).mean())) < 0.1


def test_resampling_keeps_the_mean_weight_and_drops_what_weighs_nothing() -> None:
    _, target, _, _ = linear_target(5)
    chains = Chains(target, list(range(5)), 6)
    chains.weigh(1.0)
    chains.log_weights[0] = torch.tensor([0.0, -1.0, 0.0, -1.0, 0.0, -0.5])  # worth nearly all its chains
    chains.log_weights[1] = torch.tensor([-torch.inf, 3.0, -torch.inf, -torch.inf, -torch.inf, 3.0])
    chains.log_weights[2] = torch.nan
    before, weights = chains.state, chains.log_weights.clone()
    bound = chains.annealed().lower_bound
    chains.resample(torch.Generator().manual_seed(0))
    after = chains.annealed().lower_bound
    torch.testing.assert_close(after, bound, equal_nan=True)
    assert torch.equal(chains.state.position[0], before.position[0])
    assert torch.equal(chains.log_weights[0], weights[0])
    kept = [int((before.position[1] == row).all(1).nonzero()[0]) for row in chains.state.position[1]]
    assert sorted(kept) == [1, 1, 1, 5, 5, 5]
    assert torch.equal(chains.state.likelihood_score[1], before.likelihood_score[1][kept])


def test_resampling_is_unbiased_on_average() -> None:
    """Chains resampled at every step estimate the same marginal likelihood."""
    model = LinearDecoder(2, 1, seed=3)
    _, x = model.draw(300, 1.0, 5)
    x = x[:1].expand(300, 2)
    target = target_of(model, GaussianDensity(torch.ones(2)), x, 1.0)
    chains = Chains(target, list(range(300)), 8)
    generator = torch.Generator().manual_seed(1)
    for before, beta in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.0)):
        chains.weigh(beta - before)
        chains.resample(generator)
        chains.move(torch.tensor([0.8], dtype=torch.float64), beta, 2)
    ratio = (chains.annealed().lower_bound - model.marginal(1.0).log_prob(x[:1].double())).exp()
    assert abs(float(ratio.mean()) - 1) < 4 * float(ratio.std()) / math.sqrt(300)


@pytest.mark.parametrize("betas", [linear(7), sigmoid(7), sigmoid(1)])
def test_paths_keep_their_ends_and_rise(betas: tuple[float, ...]) -> None:
    path = AnnealingSchedule.of(betas, 0.3, 2)
    for steps in (1, 3, 40):
        other = path.resampled(steps)
        assert other.betas[0] == 0.0
        assert other.betas[-1] == 1.0
        assert list(other.betas) == sorted(set(other.betas))
        assert other.step_sizes.shape == (steps, 1)
        torch.testing.assert_close(other.step_sizes, torch.full((steps, 1), 0.3, dtype=torch.float64))
    torch.testing.assert_close(torch.tensor(path.resampled(len(betas) - 1).betas), torch.tensor(betas))


def test_an_explored_path_spends_its_steps_where_the_likelihood_varies() -> None:
    model = LinearDecoder(8, 3)
    _, x = model.draw(8, 0.05, 1)
    narrow = explore(target_of(model, GaussianDensity(torch.ones(8)), x, 0.05), list(range(8)), 8)
    wide = explore(target_of(model, GaussianDensity(torch.ones(8)), x, 50.0), list(range(8)), 8)
    assert wide.betas == (0.0, 1.0)  # x hardly depends on z
    assert narrow.betas[len(narrow.betas) // 2] < 0.05
    assert 20 < len(narrow.betas) < 200
    sizes = narrow.step_sizes[:, 0]
    assert sizes[-1] < 0.3 * sizes[0]


# ---- the scale, and the whole of it


def split_of(x: Tensor, spec: DataSpec = POINTS) -> Split:
    return Split(spec, x.to(storage_dtype(spec)))


def test_the_chosen_scale_is_the_likeliest() -> None:
    model = LinearDecoder(8, 3)
    _, x = model.draw(64, SCALE, 4)
    observation = GaussianDensity(torch.ones(8))
    choice = choose_scale(
        model, observation, LatentSpace(model.prior), split_of(x), x, list(range(64)), 4, lambda: None
    )
    exact = [float(model.marginal(scale).log_prob(x.double()).mean()) for scale in choice.tried]
    best = choice.tried[exact.index(max(exact))]
    assert choice.scale == pytest.approx(best, rel=0.12)
    found = dict(zip(choice.tried, choice.log_likelihood, strict=True))[choice.scale]
    assert found == pytest.approx(max(exact), abs=0.5)
    assert found < max(exact) + 0.1


def prepared(model: nn.Module, x: Tensor, settings: AnnealingSettings, **more: object) -> DecoderAnnealing:
    return DecoderAnnealing.prepare(model, split_of(x), split_of(x[:64]), settings, seed=3, **more)  # type: ignore[arg-type]


def test_the_whole_estimate_agrees_with_the_closed_form_and_says_how_far_it_can_be_off() -> None:
    model = LinearDecoder(8, 3)
    _, x = model.draw(300, SCALE, 4)
    annealing = prepared(model, x, AnnealingSettings(48, 4, 150))
    found = annealing.log_likelihood(x[:48], "test")
    deviation = annealing.observation.channel_scale  # type: ignore[attr-defined]
    weight = model.weight.detach().double()
    noise = (annealing.scale.scale * deviation.double()).square().diag()
    marginal = torch.distributions.MultivariateNormal(model.bias.detach().double(), weight @ weight.T + noise)
    exact = marginal.log_prob(x[:48].double())
    assert abs(float((found - exact).mean())) < 0.1
    gap = annealing.gap()
    assert gap.n == 12
    assert -0.1 < gap.nats < 0.3
    assert 0 < gap.stderr < 0.2
    assert annealing.chains == 32  # of eight numbers an example


def test_it_repeats_to_the_bit_and_leaves_everything_as_it_was() -> None:
    class Normalised(LinearDecoder):
        def __init__(self) -> None:
            super().__init__(8, 3)
            self.norm = nn.BatchNorm1d(8)

        def decode(self, z: Tensor) -> Tensor:
            assert not self.norm.training
            return self.norm(super().decode(z))  # type: ignore[no-any-return]

    model = Normalised().train()
    model.bias.grad = torch.ones(8)
    _, x = LinearDecoder(8, 3).draw(80, SCALE, 4)
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    chance = torch.get_rng_state()

    def run() -> tuple[Tensor, float]:
        annealing = prepared(model, x, AnnealingSettings(8, 2, 10))
        return annealing.log_likelihood(x[:8], "test"), annealing.gap().nats

    (first, gap), (second, again) = run(), run()
    assert torch.equal(first, second)
    assert gap == again
    assert torch.equal(torch.get_rng_state(), chance)
    assert model.training
    assert model.norm.training
    assert torch.equal(model.bias.grad, torch.ones(8))
    assert model.weight.grad is None
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, buffers[name])


def test_a_batch_that_is_cut_in_pieces_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model = LinearDecoder(8, 3, dtype=torch.float64)
    _, x = model.draw(80, SCALE, 4)
    annealing = prepared(model, x.float(), AnnealingSettings(10, 2, 10))
    whole = annealing.log_likelihood(x[:10], "test")
    monkeypatch.setitem(
        __import__("genbench.likelihood.ais.decoder", fromlist=["_BATCH_NUMBERS"])._BATCH_NUMBERS,
        "cpu",
        3 * 8 * annealing.chains,
    )
    torch.testing.assert_close(annealing.log_likelihood(x[:10], "test"), whole)


def test_a_decoder_without_numbers_has_no_likelihood_and_says_why() -> None:
    model = LinearDecoder(8, 3)
    _, x = model.draw(80, SCALE, 4)
    nn.init.constant_(model.bias, torch.nan)
    with pytest.raises(LikelihoodUnavailable, match="not finite"):
        prepared(model, x, AnnealingSettings(4, 2, 5))


def test_what_a_step_raises_ends_it() -> None:
    model = LinearDecoder(8, 3)
    _, x = model.draw(80, SCALE, 4)
    calls = 0

    def stop() -> None:
        nonlocal calls
        calls += 1
        if calls == 30:
            raise LikelihoodUnavailable("enough")

    with pytest.raises(LikelihoodUnavailable, match="enough"):
        prepared(model, x, AnnealingSettings(4, 2, 5), on_step=stop)
    assert calls == 30
