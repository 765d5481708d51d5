"""RGAN: generator and discriminator are recurrent, with noise at each step and a verdict on each step.

Esteban, Hyland & Rätsch 2017, "Real-valued (Medical) Time Series Generation with Recurrent Conditional GANs",
https://arxiv.org/abs/1706.02633; without labels it is their RGAN.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genbench import ComputeMeter, DataSpec, Split
from genbench_models.gan.adversarial import AdversarialModel, Game
from genbench_models.gan.gan import discriminator_loss, generator_loss
from genbench_models.layers.ranges import at_least


class RecurrentGenerator(nn.Module):
    """Noise of all steps, (N, T noise_dim), to values of all steps through an LSTM."""

    def __init__(self, spec: DataSpec, noise_dim: int, hidden: int) -> None:
        super().__init__()
        steps, channels = spec.event_shape
        self.steps = steps
        self.recurrent = nn.LSTM(noise_dim, hidden, batch_first=True)
        self.output = nn.Linear(hidden, channels)
        self.bounded = spec.levels is not None

    def forward(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch time channels"]:
        values: Tensor = self.output(self.recurrent(z.unflatten(1, (self.steps, -1)))[0])
        return values.tanh() if self.bounded else values


class RecurrentDiscriminator(nn.Module):
    """Values to a logit for each step, from that step and those before it: (N, T, channels) -> (N T,)."""

    def __init__(self, spec: DataSpec, hidden: int) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(spec.event_shape[1], hidden, batch_first=True)
        self.output = nn.Linear(hidden, 1)

    def forward(self, x: Float[Tensor, "batch time channels"]) -> Float[Tensor, " verdicts"]:
        logits: Tensor = self.output(self.recurrent(x)[0])
        return logits.flatten()


class RGAN(AdversarialModel):
    """Every step of a series gets `noise_dim` numbers of noise, and the discriminator's loss is the mean over steps of
    those of its verdicts (section 3).

    Data of two levels: the generator gives probabilities, and both the discriminator's samples and the model's own are
    drawn from them; the gradient passes the draw as if it were not there (stochastic binary neurons, as for piano rolls
    in Dong & Yang 2018, https://arxiv.org/abs/1804.09399). Without a draw, values between the two levels would give
    samples away at once. Training starts from the share of ones of each key.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        noise_dim: int = 4,
        hidden: int = 64,
        batch_size: int = 64,
        learning_rate: float = 1e-2,
        beta1: float = 0.5,
        ema: float = 0.0,
    ) -> None:
        at_least(1, noise_dim=noise_dim, hidden=hidden)
        game = Game(batch_size, learning_rate, (beta1, 0.999), ema=ema)
        super().__init__(spec, spec.event_shape[0] * noise_dim, game)
        self.generator = RecurrentGenerator(spec, noise_dim, hidden)
        self.discriminator = RecurrentDiscriminator(spec, hidden)
        self.keep_average(ema)

    def discriminator_loss(
        self, real: Float[Tensor, "batch *event"], fake: Float[Tensor, "batch *event"]
    ) -> Float[Tensor, ""]:
        return discriminator_loss(*self.discriminator(torch.cat([real, self._drawn(fake)])).chunk(2))

    def generator_loss(self, fake: Float[Tensor, "batch *event"]) -> Float[Tensor, ""]:
        return generator_loss(self.discriminator(self._drawn(fake)))

    def _drawn(self, fake: Float[Tensor, "batch *event"]) -> Float[Tensor, "batch *event"]:
        """-1 or 1, drawn with the probability that the generator's number in [-1, 1] stands for; other data as they
        are."""
        if self.spec.levels != 2:
            return fake
        drawn = torch.where(torch.rand_like(fake) < (fake + 1) / 2, 1.0, -1.0)
        return fake + (drawn - fake).detach()

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        if self.spec.levels == 2:
            self._start_from_shares(train)
        super().fit(train, meter)

    @torch.no_grad()
    def _start_from_shares(self, train: Split) -> None:
        ones = train.x.sum((0, 1), dtype=torch.float32).to(self.device)  # of each key
        zeros = train.x.shape[0] * train.x.shape[1] - ones
        assert isinstance(self.generator, RecurrentGenerator)
        self.generator.output.bias.copy_(
            ((ones + 0.5) / (zeros + 0.5)).log() / 2
        )  # tanh(a / 2) = 2 sigmoid(a) - 1

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape) in the data's domain."""
        if self.spec.levels != 2:
            return super().sample(count, generator)
        z = torch.randn(count, self.latent_dim, generator=generator, device=self.device)
        shares = self.decode(z)
        return (torch.rand(shares.shape, generator=generator, device=self.device) < shares).long()
