"""WGAN-GP: the critic's gradient is held to norm 1, so that its loss estimates a Wasserstein distance.

Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", https://arxiv.org/abs/1704.00028
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genbench import ComputeMeter, DataSpec, Split
from genbench_models.gan.latent_generator import LatentGenerator
from genbench_models.layers.networks import adam, mlp, set_learning_rate


def gradient_penalty(
    critic: nn.Module, real: Float[Tensor, "batch *event"], fake: Float[Tensor, "batch *event"]
) -> Float[Tensor, ""]:
    """E[(|grad D(x^)| - 1)^2] at x^ = e x + (1 - e) G(z), e ~ U[0, 1], one e an example (algorithm 1)."""
    share = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device)
    between = torch.lerp(fake, real, share).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    norm: Tensor = gradient.flatten(1).norm(dim=1)  # B
    return (norm - 1).square().mean()


class WGANGP(LatentGenerator):
    """WGAN with gradient penalty; generator and critic are MLPs for every modality, images included.

    Each batch is one critic step; every n_critic-th is followed by a generator step. penalty: None means the
    paper's 10, and 0.1 for points, as in the authors' experiments on toy data: in two dimensions a critic held
    to norm 1 is too smooth to tell narrow modes apart. beta1 is the 0.5 of their code, not the paper's 0: it
    takes fewer steps.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent_dim: int = 16,
        hidden: int = 128,
        layers: int = 2,
        penalty: float | None = None,
        n_critic: int = 5,
        batch_size: int = 64,
        learning_rate: float = 2e-3,
        beta1: float = 0.5,
        beta2: float = 0.9,
    ) -> None:
        super().__init__(spec, latent_dim)
        self.penalty = penalty if penalty is not None else (0.1 if spec.modality == "points" else 10.0)
        self.n_critic = n_critic
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.betas = (beta1, beta2)
        self.generator = nn.Sequential(
            mlp(latent_dim, hidden, layers, spec.dimension, nn.ReLU),
            nn.Identity() if spec.levels is None else nn.Tanh(),
            nn.Unflatten(1, spec.event_shape),
        )
        # only differences of scores count: a bias at the end would never be trained
        self.critic = nn.Sequential(
            nn.Flatten(),
            mlp(spec.dimension, hidden, layers, 1, lambda: nn.LeakyReLU(0.2), last_bias=False),
            nn.Flatten(0),
        )

    def critic_loss(
        self, real: Float[Tensor, "batch *event"], fake: Float[Tensor, "batch *event"]
    ) -> Float[Tensor, ""]:
        """E[D(G(z))] - E[D(x)] + penalty * gradient penalty (eq. 3)."""
        # One pass over both halves; the paper's critic has no batch normalisation, and must not.
        real_score, fake_score = self.critic(torch.cat([real, fake])).chunk(2)
        distance: Tensor = fake_score.mean() - real_score.mean()
        return distance + self.penalty * gradient_penalty(self.critic, real, fake)

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        critic_steps = adam(self.critic.parameters(), self.learning_rate, self.betas)
        generator_steps = adam(self.generator.parameters(), self.learning_rate, self.betas)
        generator_parameters = list(self.generator.parameters())
        losses: dict[str, Tensor] = {}

        for step, batch in enumerate(meter.batches(train, self.batch_size, cycle=self.n_critic)):
            real = self.standardise(batch.x)  # B, *event
            for optimiser in (critic_steps, generator_steps):
                set_learning_rate(optimiser, self.learning_rate, meter.fraction)

            with torch.no_grad():
                fake = self.generator(self.noise(len(real)))  # B, *event
            loss_d = self.critic_loss(real, fake)
            critic_steps.zero_grad()
            loss_d.backward()
            critic_steps.step()
            losses["discriminator"] = loss_d

            if (step + 1) % self.n_critic == 0:
                loss_g = -self.critic(self.generator(self.noise(len(real)))).mean()
                generator_steps.zero_grad()
                loss_g.backward(inputs=generator_parameters)
                generator_steps.step()
                losses["generator"] = loss_g
            meter.log(**losses)
