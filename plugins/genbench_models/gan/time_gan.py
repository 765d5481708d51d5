"""TimeGAN: a GAN in a learned space of states, whose steps a supervisor teaches to follow each other.

Yoon, Jarrett & van der Schaar 2019, "Time-series Generative Adversarial Networks", NeurIPS,
https://papers.nips.cc/paper/8789-time-series-generative-adversarial-networks; losses and their weights as in the
authors' code.

| part of the paper | here |
|---|---|
| embedding and recovery functions (section 4.1) | `embedder`, `recovery` |
| sequence generator: noise of each step to states (section 4.2) | `Sampler.dynamics` |
| sequence discriminator, in both directions of time (section 4.2) | `discriminator` |
| stepwise supervised loss L_S (section 4.3) | `_next_state_error`, by `Sampler.supervisor` |
| joint training (section 4.4) | `fit`: reconstruction, then supervision, then all three in turn |
| first two moments of samples, as in the authors' code | `_moment_error` |
| static features, which these data have not | left out |
| GRUs of three layers | LSTMs of one: torch has a fused kernel for them on CPUs |
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import ComputeMeter, DataSpec, Split
from genbench_models.gan.latent_generator import LatentGenerator
from genbench_models.layers.networks import adam, set_learning_rate
from genbench_models.layers.ranges import at_least, positive

_RECONSTRUCTION, _SUPERVISION, _MOMENTS = 10.0, 100.0, 100.0
"""Weights of the losses (the authors' code; eta of the paper is the second over the first)."""
_LEAST_DISCRIMINATOR_LOSS = 0.15
"""The discriminator rests while its loss is below."""


class StepNetwork(nn.Module):
    """(N, T, inputs) to (N, T, outputs): an LSTM and a dense layer of each step."""

    def __init__(self, inputs: int, hidden: int, outputs: int, *, both_ways: bool = False) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(inputs, hidden, batch_first=True, bidirectional=both_ways)
        self.output = nn.Linear(hidden * (1 + both_ways), outputs)

    def forward(self, x: Float[Tensor, "batch time inputs"]) -> Float[Tensor, "batch time outputs"]:
        values: Tensor = self.output(self.recurrent(x)[0])
        return values


class Sampler(nn.Module):
    """Noise of all steps, (N, T noise_dim), to values of all steps, by way of states in (0, 1)."""

    def __init__(self, spec: DataSpec, noise_dim: int, hidden: int) -> None:
        super().__init__()
        self.steps, channels = spec.event_shape
        self.dynamics = StepNetwork(noise_dim, hidden, hidden)
        self.supervisor = StepNetwork(hidden, hidden, hidden)
        self.recovery = StepNetwork(hidden, hidden, channels)
        self.bounded = spec.levels is not None

    def states(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch time hidden"]:
        """The generator's own states, before the supervisor sees them."""
        states: Tensor = self.dynamics(z.unflatten(1, (self.steps, -1)))
        return states.sigmoid()

    def following(self, states: Float[Tensor, "batch time hidden"]) -> Float[Tensor, "batch time hidden"]:
        """The state that the supervisor expects after each one."""
        following: Tensor = self.supervisor(states)
        return following.sigmoid()

    def recovered(self, states: Float[Tensor, "batch time hidden"]) -> Float[Tensor, "batch time channels"]:
        """Values of states, in standardised units."""
        values: Tensor = self.recovery(states)
        return values.tanh() if self.bounded else values

    def forward(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch time channels"]:
        return self.recovered(self.following(self.states(z)))


class TimeGAN(LatentGenerator):
    """Three stages, each for a third of the budget or what `autoencoding` and `supervising` leave: the embedder and the
    recovery learn to reconstruct series from states; the supervisor learns which state follows which; then generator,
    embedder and discriminator learn in turn, the generator twice for each step of the discriminator."""

    generator: Sampler

    def __init__(
        self,
        spec: DataSpec,
        *,
        noise_dim: int = 8,
        hidden: int = 24,
        batch_size: int = 64,
        learning_rate: float = 5e-3,
        autoencoding: float = 0.2,
        supervising: float = 0.15,
        gamma: float = 1.0,
    ) -> None:
        at_least(1, noise_dim=noise_dim, hidden=hidden, batch_size=batch_size)
        positive(learning_rate=learning_rate, autoencoding=autoencoding, supervising=supervising)
        if autoencoding + supervising >= 1:
            raise ValueError(
                f"autoencoding={autoencoding}, supervising={supervising}: expected shares of the budget that leave"
                " some of it"
            )
        super().__init__(spec, spec.event_shape[0] * noise_dim)
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.stages = (autoencoding, autoencoding + supervising)
        self.gamma = gamma
        self.generator = Sampler(spec, noise_dim, hidden)
        self.embedder = StepNetwork(spec.event_shape[1], hidden, hidden)
        self.discriminator = StepNetwork(hidden, hidden, 1, both_ways=True)

    # ---- losses

    def _embedded(self, x: Float[Tensor, "batch time channels"]) -> Float[Tensor, "batch time hidden"]:
        states: Tensor = self.embedder(x)
        return states.sigmoid()

    def _reconstruction_error(
        self, x: Float[Tensor, "batch time channels"], states: Float[Tensor, "batch time hidden"]
    ) -> Float[Tensor, ""]:
        return _RECONSTRUCTION * _root(F.mse_loss(self.generator.recovered(states), x))

    def _next_state_error(self, states: Float[Tensor, "batch time hidden"]) -> Float[Tensor, ""]:
        """L_S: how far the supervisor is from each next state of real series. Series of one step have none."""
        if states.shape[1] < 2:
            return states.sum() * 0.0
        return F.mse_loss(self.generator.following(states)[:, :-1], states[:, 1:])

    def _verdict_loss(self, states: Float[Tensor, "batch time hidden"], *, real: bool) -> Float[Tensor, ""]:
        verdicts = self.discriminator(states)
        return F.softplus(-verdicts if real else verdicts).mean()

    def _generator_loss(
        self, x: Float[Tensor, "batch time channels"], z: Float[Tensor, "batch latent"]
    ) -> Float[Tensor, ""]:
        own = self.generator.states(z)
        followed = self.generator.following(own)
        unsupervised = self._verdict_loss(followed, real=True) + self.gamma * self._verdict_loss(
            own, real=True
        )
        supervised = _root(self._next_state_error(self._embedded(x).detach()))
        moments = _moment_error(self.generator.recovered(followed), x)
        return unsupervised + _SUPERVISION * supervised + _MOMENTS * moments

    # ---- training

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        sampler, first, second = self.generator, *self.stages
        coding = [*self.embedder.parameters(), *sampler.recovery.parameters()]
        generating = [*sampler.dynamics.parameters(), *sampler.supervisor.parameters()]
        coder, generator = adam(coding, self.learning_rate), adam(generating, self.learning_rate)
        discriminator = adam(self.discriminator.parameters(), self.learning_rate)

        for batch in meter.batches(train, self.batch_size, until=first):
            set_learning_rate(coder, self.learning_rate, meter.fraction / first)
            x = self.standardise(batch.x)
            loss = self._reconstruction_error(x, self._embedded(x))
            _step(coder, loss, coding)
            meter.log(reconstruction=loss)

        for batch in meter.batches(train, self.batch_size, until=second):
            set_learning_rate(generator, self.learning_rate, (meter.fraction - first) / (second - first))
            with torch.no_grad():
                states = self._embedded(self.standardise(batch.x))
            loss = self._next_state_error(states)
            _step(generator, loss, generating)
            meter.log(supervision=loss)

        for turn, batch in enumerate(meter.batches(train, self.batch_size, cycle=2)):
            rest = (meter.fraction - second) / (1 - second)
            for optimiser in (coder, generator, discriminator):
                set_learning_rate(optimiser, self.learning_rate, rest)
            x = self.standardise(batch.x)
            loss_g = self._generator_loss(x, self.noise(len(x)))
            _step(generator, loss_g, generating)
            states = self._embedded(x)
            loss_e = self._reconstruction_error(x, states) + 0.1 * self._next_state_error(states)
            _step(coder, loss_e, coding)
            meter.log(generator=loss_g, reconstruction=loss_e)
            if turn % 2:
                meter.log(discriminator=self._train_discriminator(discriminator, x))

    def _train_discriminator(
        self, optimiser: torch.optim.Optimizer, x: Float[Tensor, "batch time channels"]
    ) -> Float[Tensor, ""]:
        with torch.no_grad():
            states, own = self._embedded(x), self.generator.states(self.noise(len(x)))
            followed = self.generator.following(own)
        loss = self._verdict_loss(states, real=True) + self._verdict_loss(followed, real=False)
        loss = loss + self.gamma * self._verdict_loss(own, real=False)
        if loss > _LEAST_DISCRIMINATOR_LOSS:
            _step(optimiser, loss, list(self.discriminator.parameters()))
        return loss.detach()


def _root(error: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """The square root, whose gradient at 0 is finite."""
    return (error + 1e-8).sqrt()


def _moment_error(
    fake: Float[Tensor, "batch time channels"], real: Float[Tensor, "batch time channels"]
) -> Float[Tensor, ""]:
    """How far standard deviation and mean of each step and channel are from those of the batch of real series."""
    spread = [(x.var(0, correction=0) + 1e-6).sqrt() for x in (fake, real)]
    return (spread[0] - spread[1]).abs().mean() + (fake.mean(0) - real.mean(0)).abs().mean()


def _step(optimiser: torch.optim.Optimizer, loss: Tensor, parameters: list[nn.Parameter]) -> None:
    """One step on these parameters alone: a loss passes through networks that are not to change."""
    optimiser.zero_grad()
    loss.backward(inputs=parameters)
    optimiser.step()
