"""Recurrent GANs and the recurrent VAE: their likelihoods by loops, their games, and what they can learn."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from genbench import Budget, ComputeMeter, DataSpec, Split
from genbench.api.data import storage_dtype
from genbench.api.model import GenerativeModel
from genbench_models.gan.rgan import RGAN
from genbench_models.gan.seqgan import SeqGAN
from genbench_models.vae.recurrent_vae import RecurrentVAE

SERIES = DataSpec(name="series", modality="series", event_shape=(6, 2))
TOKENS = DataSpec(name="tokens", modality="tokens", event_shape=(8,), levels=4)
ROLLS = DataSpec(name="rolls", modality="pianoroll", event_shape=(6, 5), levels=2)


def cycles(spec: DataSpec, count: int, seed: int = 0) -> Tensor:
    """Symbols that follow each other in a circle from a random start; one key of five per step; or waves."""
    generator = torch.Generator().manual_seed(seed)
    start = torch.randint(100, (count, 1), generator=generator)
    at = start + torch.arange(spec.event_shape[0])
    if spec.modality == "tokens":
        assert spec.levels is not None
        return at % spec.levels
    if spec.modality == "pianoroll":
        return torch.nn.functional.one_hot(at % spec.event_shape[1], spec.event_shape[1])
    wave = torch.stack([(at * 0.7).sin(), (at * 0.7).cos()], 2)
    return 5 + 3 * (wave + 0.1 * torch.randn(wave.shape, generator=generator))


def trained(model: GenerativeModel, budget: str) -> GenerativeModel:
    train = Split(model.spec, cycles(model.spec, 256).to(storage_dtype(model.spec)))
    meter = ComputeMeter(Budget.parse(budget))
    model.train()
    model.fit(train, meter)
    meter.finish()
    return model.eval()


@pytest.mark.parametrize("spec", [SERIES, TOKENS, ROLLS], ids=lambda spec: spec.name)
def test_the_recurrent_vae_reads_no_step_before_it_writes_it(spec: DataSpec) -> None:
    """log p(x | z) is a sum over steps; a change of a step changes nothing of what was written before it."""
    torch.manual_seed(0)
    model = RecurrentVAE(spec, hidden=8, latent_dim=3).eval()
    if not spec.is_discrete:
        model.standardise.fit(Split(spec, cycles(spec, 50)))
    x, z = cycles(spec, 4), torch.randn(4, 3)
    changed = x.clone()
    changed[:, 3] = cycles(spec, 4, seed=1)[:, 3]

    def outputs(x: Tensor) -> Tensor:
        before = model.remembers(model._as_input(x[:, :-1]))
        inputs = torch.cat([model.begins.expand(len(x), 1, -1), before], 1)
        return model._outputs(model.decoder(model._with(z, inputs))[0], z)

    one, other = outputs(x), outputs(changed)
    torch.testing.assert_close(one[:, :4], other[:, :4])
    given = x if spec.is_discrete else model.standardise(x)
    by_hand = sum(
        model.conditional.log_prob(given[:, t].reshape(4, -1), one[:, t]).sum(1) for t in range(x.shape[1])
    )
    assert isinstance(by_hand, Tensor)
    if not spec.is_discrete:
        by_hand = by_hand + model.standardise.log_abs_det_jacobian()
    torch.testing.assert_close(model.log_likelihood(x, z), by_hand)
    half = torch.full((4,), 3)
    torch.testing.assert_close(model.log_likelihood(x, z, half), model.log_likelihood(x[:, :3], z))


def test_the_weights_of_the_recurrent_vae_are_p_over_q() -> None:
    torch.manual_seed(0)
    model = RecurrentVAE(TOKENS, hidden=8, latent_dim=3).eval()
    x = cycles(TOKENS, 5)
    torch.manual_seed(1)
    weights = model.log_weights(x, 7)
    torch.manual_seed(1)
    noise = torch.randn(5, 7, 3)
    mean, log_scale = model.posterior(x)
    normal = torch.distributions.Normal(0.0, 1.0)
    for draw in range(7):
        z = mean + log_scale.exp() * noise[:, draw]
        posterior = torch.distributions.Normal(mean, log_scale.exp())
        expected = model.log_likelihood(x, z) + (normal.log_prob(z) - posterior.log_prob(z)).sum(1)
        torch.testing.assert_close(weights[:, draw], expected, rtol=1e-4, atol=1e-4)


def test_the_recurrent_vae_learns_a_circle_of_symbols() -> None:
    """The next symbol is certain and the first is not, so that a sequence has log 4 nats."""
    torch.manual_seed(0)
    model = trained(RecurrentVAE(TOKENS, hidden=32, word_dropout=0.0), "300steps")
    assert isinstance(model, RecurrentVAE)
    bound = model.log_weights(cycles(TOKENS, 50, seed=3), 20).logsumexp(1) - math.log(20)
    assert math.log(4) - 0.1 < -float(bound.detach().mean()) < math.log(4) + 0.5
    samples = model.sample(100, torch.Generator().manual_seed(0))
    assert float(((samples[:, 1:] - samples[:, :-1]) % 4 == 1).float().mean()) > 0.95


def test_seqgan_learns_the_circle_and_keeps_it_while_it_plays() -> None:
    torch.manual_seed(0)
    model = trained(SeqGAN(TOKENS, hidden=32, width=8, pretraining=0.7), "300steps")
    assert isinstance(model, SeqGAN)
    samples = model.sample(100, torch.Generator().manual_seed(0))
    assert float(((samples[:, 1:] - samples[:, :-1]) % 4 == 1).float().mean()) > 0.95
    log_prob = model.log_prob(cycles(TOKENS, 50, seed=3))
    assert math.log(4) - 0.1 < -float(log_prob.detach().mean()) < math.log(4) + 0.5


def test_seqgan_is_rewarded_for_what_the_discriminator_takes_for_real() -> None:
    """With a discriminator that prefers one symbol, the generator comes to write it more often."""
    torch.manual_seed(0)
    model = SeqGAN(TOKENS, hidden=16, width=8, pretraining=0.01, adversarial_rate=1.0)

    class Prefers(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(()))

        def forward(self, x: Tensor) -> Tensor:
            return (x == 2).float().sum(1) * self.scale.clamp(min=1.0, max=1.0)

    model.discriminator = Prefers()  # type: ignore[assignment]
    trained(model, "150steps")
    samples = model.sample(200, torch.Generator().manual_seed(0))
    assert float((samples == 2).float().mean()) > 0.6


def test_rgan_writes_step_by_step_from_the_noise_of_each_step() -> None:
    torch.manual_seed(0)
    model = RGAN(SERIES, noise_dim=3, hidden=8).eval()
    z = torch.randn(4, 18)
    changed = z.clone()
    changed[:, 9:] = torch.randn(4, 9)  # the noise of the last three of six steps
    one, other = model.decode(z), model.decode(changed)
    torch.testing.assert_close(one[:, :3], other[:, :3])
    assert (one[:, 3:] != other[:, 3:]).any(2).all()


def test_rgan_judges_each_step_by_those_before_it() -> None:
    torch.manual_seed(0)
    model = RGAN(SERIES, hidden=8)
    x = torch.randn(4, 6, 2)
    changed = x.clone()
    changed[:, 4] += 1.0
    one, other = (model.discriminator(each).view(4, 6) for each in (x, changed))
    torch.testing.assert_close(one[:, :4], other[:, :4])
    assert (one[:, 4:] != other[:, 4:]).all()


def test_rgan_starts_from_the_share_of_each_key_and_draws_whole_notes() -> None:
    torch.manual_seed(0)
    model = RGAN(ROLLS, hidden=8)
    x = torch.zeros(50, 6, 5, dtype=torch.uint8)
    x[:, ::2, 1] = 1  # half of the time
    x[:, :, 3] = 1
    model._start_from_shares(Split(ROLLS, x))
    torch.nn.init.zeros_(model.generator.output.weight)  # type: ignore[union-attr,arg-type]
    shares = model.decode(torch.randn(10, model.latent_dim))
    expected = torch.tensor([0.0017, 0.5, 0.0017, 0.9983, 0.0017]).expand(10, 6, 5)
    torch.testing.assert_close(shares, expected, atol=2e-4, rtol=0)
    drawn = model.sample(500, torch.Generator().manual_seed(0))
    assert set(drawn.unique().tolist()) <= {0, 1}
    assert float(drawn[:, :, 1].float().mean()) == pytest.approx(0.5, abs=0.05)


def test_the_gradient_passes_the_draw_of_rgan() -> None:
    model = RGAN(ROLLS, hidden=8)
    fake = torch.full((2, 6, 5), 0.2, requires_grad=True)
    drawn = model._drawn(fake)
    assert set(drawn.detach().round().unique().tolist()) <= {-1.0, 1.0}
    (gradient,) = torch.autograd.grad((drawn * 3).sum(), fake)
    torch.testing.assert_close(gradient, torch.full_like(fake, 3.0))
