"""VAE: a latent-variable model and the network that infers its latents, trained together on the ELBO.

Kingma & Welling 2014, "Auto-Encoding Variational Bayes", https://arxiv.org/abs/1312.6114

| part of the paper | here |
|---|---|
| reparametrised ELBO with the KL term in closed form (appendix B) | there |
| one draw of z per example | there |
| MLPs with one hidden layer of tanh | changed: three of SiLU; convolutions on images (`architecture`) |
| Bernoulli or Gaussian observation model | there, by the data's domain (`observations`) |
| Adagrad | changed: Adam with the schedule of all models here |
| not in the paper | added: warm-up of the KL term, dropout of the encoder's inputs |
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench_models.layers.architectures import Sizes
from genbench_models.layers.networks import adam, evaluation_mode, set_learning_rate, standard_normal
from genbench_models.layers.ranges import at_least, positive, shares
from genbench_models.layers.standardise import Standardise
from genbench_models.vae.networks import build_decoder, build_encoder
from genbench_models.vae.observations import observation_for

# Latents decoded at once when likelihoods are estimated: more would only take memory.
_DECODED_AT_ONCE = 4096


class VAE(GenerativeModel):
    """z ~ N(0, I), x ~ p(x | z) of the observation model that fits the data; q(z | x) a diagonal Gaussian.

    Encoder and decoder are MLPs, or convolutions on images (`architecture`). A sample is drawn from the observation
    model, not set to its mean, so that samples and likelihood are of one distribution. The weight of the KL term rises
    from 0 to 1 over the first `warm_up` of the budget (Sønderby et al. 2016): without this, latents are switched off
    before the decoder can use them. beta: the weight it rises to; with any other than 1 the model is not trained on the
    bound, which is what is reported nevertheless (Higgins et al. 2017). Dropout applies to the encoder's inputs, and
    not to points, which have too few of them.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        architecture: str = "auto",
        latent_dim: int = 16,
        hidden: int = 128,
        layers: int = 3,
        width: int = 16,
        dropout: float = 0.1,
        batch_size: int = 64,
        learning_rate: float = 4e-3,
        warm_up: float = 0.1,
        beta: float = 1.0,
    ) -> None:
        super().__init__(spec)
        at_least(1, latent_dim=latent_dim, batch_size=batch_size)
        positive(learning_rate=learning_rate)
        shares(dropout=dropout)
        if beta < 0:
            raise ValueError(f"beta={beta}: expected 0 or more")
        self.latent_dim = latent_dim
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.warm_up = warm_up
        self.beta = beta
        self.standardise = Standardise(spec)
        self.observation = observation_for(spec, self.standardise)
        sizes = Sizes(hidden, layers, width)
        self.encoder = build_encoder(spec, architecture, sizes, dropout, 2 * latent_dim)
        self.decoder = build_decoder(spec, architecture, sizes, latent_dim, self.observation.per_element)

    def posterior(
        self, x: Shaped[Tensor, "batch *event"]
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Mean and log standard deviation of q(z | x)."""
        mean, log_scale = self.encoder(self.standardise(x)).chunk(2, dim=1)
        return mean, log_scale.clamp(-8, 3)

    def elbo_terms(
        self, x: Shaped[Tensor, "batch *event"]
    ) -> tuple[Float[Tensor, " batch"], Float[Tensor, " batch"]]:
        """log p(x | z) for one z ~ q(z | x), and KL(q(z | x) || p(z)) in closed form (appendix B)."""
        mean, log_scale = self.posterior(x)
        z = mean + log_scale.exp() * torch.randn_like(mean)  # B, latent
        return self.observation.log_prob(x, self.decoder(z)), self.divergence(mean, log_scale, z)

    def divergence(
        self,
        mean: Float[Tensor, "batch latent"],
        log_scale: Float[Tensor, "batch latent"],
        z: Float[Tensor, "batch latent"],
    ) -> Float[Tensor, " batch"]:
        """KL(q(z | x) || p(z)), of which z is a draw."""
        return 0.5 * (mean.square() + (2 * log_scale).exp() - 1 - 2 * log_scale).sum(1)

    def log_prior(self, z: Float[Tensor, "*batch latent"]) -> Float[Tensor, "*batch"]:
        """log p(z)."""
        return -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)

    def draw_prior(self, count: int, generator: torch.Generator) -> Float[Tensor, "{count} latent"]:
        """z ~ p(z)."""
        return torch.randn(count, self.latent_dim, generator=generator, device=self.device)

    def prepare(self, train: Split) -> None:
        """Called before the first step, with the training set."""
        self.standardise.fit(train)

    def training_loss(self, x: Shaped[Tensor, "batch *event"], kl_weight: float) -> Float[Tensor, ""]:
        """Negative ELBO with its KL term weighted, nats per example."""
        log_likelihood, kl = self.elbo_terms(x)
        return (kl_weight * kl - log_likelihood).mean()

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.prepare(train)
        optimiser = adam(self.parameters(), self.learning_rate)
        for batch in meter.batches(train, self.batch_size):
            set_learning_rate(optimiser, self.learning_rate, meter.fraction)
            rise = min(1.0, meter.fraction / self.warm_up) if self.warm_up else 1.0
            loss = self.training_loss(batch.x, self.beta * rise)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            meter.log(loss=loss)

    # ---- capabilities

    @property
    def prior(self) -> torch.distributions.Distribution:
        """N(0, I) over (latent_dim,)."""
        return standard_normal(self.latent_dim, self.device)

    def decode(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch *event"]:
        """E[x | z] on the data's scale; differentiable in z."""
        with evaluation_mode(self):
            return self.observation.mean(self.decoder(z))

    def encode(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, "batch latent"]:
        """The mean of q(z | x)."""
        with evaluation_mode(self):
            return self.posterior(x)[0]

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape): z from the prior, x from the observation model."""
        with evaluation_mode(self):
            z = self.draw_prior(count, generator)
            return self.observation.sample(self.decoder(z), generator)

    def log_weights(self, x: Shaped[Tensor, "batch *event"], k: int) -> Float[Tensor, "batch {k}"]:
        """log p(x | z_i) + log p(z_i) - log q(z_i | x), z_i ~ q(z | x) from torch's global generator."""
        with evaluation_mode(self):
            return self.importance_weights(x, k)

    def importance_weights(
        self, x: Shaped[Tensor, "batch *event"], k: int, kl_weight: float = 1.0
    ) -> Float[Tensor, "batch {k}"]:
        """`log_weights` without switching the networks to evaluation mode; differentiable. kl_weight: how much
        log p(z) - log q(z | x) counts, 1 but for a warm-up."""
        mean, log_scale = (part.unsqueeze(1) for part in self.posterior(x))  # B, 1, latent
        noise = torch.randn(len(x), k, self.latent_dim, device=self.device)
        z = mean + log_scale.exp() * noise  # B, k, latent
        log_q = -(0.5 * (noise.square() + math.log(2 * math.pi)) + log_scale).sum(2)  # B, k
        per_call = max(1, _DECODED_AT_ONCE // k)
        log_likelihood = [
            self.observation.log_prob(
                some_x.repeat_interleave(k, 0), self.decoder(some_z.flatten(0, 1))
            ).unflatten(0, (-1, k))
            for some_x, some_z in zip(x.split(per_call), z.split(per_call), strict=True)
        ]  # B, k in pieces
        return torch.cat(log_likelihood) + kl_weight * (self.log_prior(z) - log_q)
