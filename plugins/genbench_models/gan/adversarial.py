"""The training loop of the GANs with an unconditional generator: a few discriminator steps, then one generator step.

Their own files hold what differs between them: the losses, the networks, and what follows a discriminator step.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genbench import ComputeMeter, DataSpec, Split
from genbench_models.gan.latent_generator import LatentGenerator
from genbench_models.layers.networks import adam, set_learning_rate
from genbench_models.layers.ranges import at_least, positive, shares


@dataclass(frozen=True)
class Game:
    """How the two networks are trained against each other."""

    batch_size: int
    """Examples per step of either network."""
    learning_rate: float
    """The peak of the generator's schedule, and of the discriminator's unless it has its own."""
    betas: tuple[float, float]
    """Adam's decay rates of the first and the second moment."""
    n_critic: int = 1
    """Discriminator steps, one batch each, per generator step."""
    ema: float = 0.0
    """Decay of the generator's moving average, from which samples are drawn; 0 for none."""
    discriminator_ratio: float = 1.0
    """The discriminator's learning rate over the generator's (two time scales, Heusel et al. 2017)."""

    def __post_init__(self) -> None:
        at_least(1, n_critic=self.n_critic, batch_size=self.batch_size)
        positive(learning_rate=self.learning_rate, discriminator_ratio=self.discriminator_ratio)
        shares(ema=self.ema, beta1=self.betas[0], beta2=self.betas[1])


class AdversarialModel(LatentGenerator):
    """Subclasses set `generator` and `discriminator`, then call `keep_average`, and give both losses."""

    discriminator: nn.Module

    def __init__(self, spec: DataSpec, latent_dim: int, game: Game) -> None:
        super().__init__(spec, latent_dim)
        self.game = game

    @abstractmethod
    def discriminator_loss(
        self, real: Float[Tensor, "batch *event"], fake: Float[Tensor, "batch *event"]
    ) -> Float[Tensor, ""]:
        """The loss of the discriminator on examples and samples in standardised units; `fake` carries no gradient."""

    @abstractmethod
    def generator_loss(self, fake: Float[Tensor, "batch *event"]) -> Float[Tensor, ""]:
        """The loss of the generator on samples in standardised units."""

    def after_discriminator_step(self) -> None:
        """Called after each discriminator step; subclasses that constrain the weights do so here."""

    def optimiser(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return adam(parameters, self.game.learning_rate, self.game.betas)

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        game = self.game
        discriminator_steps = self.optimiser(self.discriminator.parameters())
        generator_parameters = list(self.generator.parameters())
        generator_steps = self.optimiser(generator_parameters)
        losses: dict[str, Tensor] = {}

        for step, batch in enumerate(meter.batches(train, game.batch_size, cycle=game.n_critic)):
            real = self.standardise(batch.x)  # B, *event
            fraction = meter.fraction
            set_learning_rate(discriminator_steps, game.discriminator_ratio * game.learning_rate, fraction)
            set_learning_rate(generator_steps, game.learning_rate, fraction)

            # with one step each, both networks use the same samples
            with torch.set_grad_enabled(game.n_critic == 1):
                fake = self.generator(self.noise(len(real)))  # B, *event
            loss_d = self.discriminator_loss(real, fake.detach())
            discriminator_steps.zero_grad()
            loss_d.backward()
            discriminator_steps.step()
            self.after_discriminator_step()
            losses["discriminator"] = loss_d

            if (step + 1) % game.n_critic == 0:
                if game.n_critic > 1:
                    fake = self.generator(self.noise(len(real)))
                loss_g = self.generator_loss(fake)
                generator_steps.zero_grad()
                loss_g.backward(inputs=generator_parameters)
                generator_steps.step()
                self.update_average(game.ema)
                losses["generator"] = loss_g
            meter.log(**losses)
