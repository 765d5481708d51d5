"""A ladder VAE of two layers: the upper latents give the lower ones their prior, which the data correct.

Sønderby, Raiko, Maaløe, Sønderby & Winther 2016, "Ladder Variational Autoencoders", https://arxiv.org/abs/1602.02282

| part of the paper | here |
|---|---|
| precision-weighted posterior (eqs. 7-10) | there |
| five layers of latents | changed: two |
| warm-up of the KL term | there, over 20 % of the budget |
| batch normalisation in all layers | left out: no example may change the likelihood of another |
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench_models.layers.architectures import Sizes
from genbench_models.layers.networks import adam, evaluation_mode, mlp, set_learning_rate, standard_normal
from genbench_models.layers.ranges import at_least, positive, shares
from genbench_models.layers.standardise import Standardise
from genbench_models.vae.networks import build_decoder, build_encoder
from genbench_models.vae.observations import observation_for

_DECODED_AT_ONCE = 4096
_LOG_2PI = math.log(2 * math.pi)


class LadderVAE(GenerativeModel):
    """z2 ~ N(0, I), z1 ~ N(m(z2), s(z2)²), x ~ p(x | z1); q(z2 | x) and q(z1 | x, z2) diagonal Gaussians, the latter
    the precision-weighted mean of the encoder's Gaussian and of the prior of z1 (eqs. 7-10).

    The latent of `decode` is (z2, e1) with z1 = m(z2) + s(z2) e1: standard normal throughout.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        architecture: str = "auto",
        upper_dim: int = 8,
        lower_dim: int = 16,
        hidden: int = 128,
        layers: int = 2,
        width: int = 16,
        dropout: float = 0.1,
        batch_size: int = 64,
        learning_rate: float = 4e-3,
        warm_up: float = 0.2,
    ) -> None:
        super().__init__(spec)
        at_least(
            1, upper_dim=upper_dim, lower_dim=lower_dim, hidden=hidden, layers=layers, batch_size=batch_size
        )
        positive(learning_rate=learning_rate)
        shares(dropout=dropout)
        self.upper_dim = upper_dim
        self.lower_dim = lower_dim
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.warm_up = warm_up
        self.standardise = Standardise(spec)
        self.observation = observation_for(spec, self.standardise)
        sizes = Sizes(hidden, max(1, layers - 1), width)
        self.features = nn.Sequential(build_encoder(spec, architecture, sizes, dropout, hidden), nn.SiLU())
        self.to_lower = nn.Linear(hidden, 2 * lower_dim)
        self.to_upper = mlp(hidden, hidden, 1, 2 * upper_dim, nn.SiLU)
        self.lower_prior = mlp(upper_dim, hidden, 1, 2 * lower_dim, nn.SiLU)
        sizes = Sizes(hidden, layers, width)
        self.decoder = build_decoder(spec, architecture, sizes, lower_dim, self.observation.per_element)

    # ---- the two directions

    def encoded(
        self, x: Shaped[Tensor, "batch *event"]
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """The encoder's Gaussians, mean and log standard deviation each: of z2, then of z1."""
        h = self.features(self.standardise(x))
        return _gaussian(self.to_upper(h)), _gaussian(self.to_lower(h))

    def prior_of_lower(self, z2: Float[Tensor, "batch upper"]) -> tuple[Tensor, Tensor]:
        return _gaussian(self.lower_prior(z2))

    def log_joint_and_posterior(
        self, x: Shaped[Tensor, "batch *event"], k: int
    ) -> tuple[Float[Tensor, "batch {k}"], Float[Tensor, "batch {k}"]]:
        """log p(x | z1), and log p(z) - log q(z | x), at k draws z ~ q(z | x) of each example."""
        (upper_mean, upper_log), lower = self.encoded(x)
        rows = len(x) * k
        noise = torch.randn(rows, self.upper_dim + self.lower_dim, device=self.device)
        noise2, noise1 = noise.split([self.upper_dim, self.lower_dim], dim=1)
        upper_mean, upper_log, seen_mean, seen_log = (
            part.repeat_interleave(k, 0) for part in (upper_mean, upper_log, *lower)
        )
        z2 = upper_mean + upper_log.exp() * noise2
        prior_mean, prior_log = self.prior_of_lower(z2)
        mean, log_scale = _combined(seen_mean, seen_log, prior_mean, prior_log)
        z1 = mean + log_scale.exp() * noise1
        log_prior = _log_normal(z2, None, None) + _log_normal(z1, prior_mean, prior_log)
        log_posterior = _log_normal(z2, upper_mean, upper_log) + _log_normal(z1, mean, log_scale)
        again = x.repeat_interleave(k, 0)
        pieces = zip(again.split(_DECODED_AT_ONCE), z1.split(_DECODED_AT_ONCE), strict=True)
        log_likelihood = torch.cat([self.observation.log_prob(some, self.decoder(z)) for some, z in pieces])
        return log_likelihood.unflatten(0, (-1, k)), (log_prior - log_posterior).unflatten(0, (-1, k))

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        optimiser = adam(self.parameters(), self.learning_rate)
        for batch in meter.batches(train, self.batch_size):
            set_learning_rate(optimiser, self.learning_rate, meter.fraction)
            weight = min(1.0, meter.fraction / self.warm_up) if self.warm_up else 1.0
            log_likelihood, log_ratio = self.log_joint_and_posterior(batch.x, 1)
            loss = -(log_likelihood + weight * log_ratio).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            meter.log(loss=loss)

    # ---- capabilities

    @property
    def prior(self) -> torch.distributions.Distribution:
        """N(0, I) over (upper_dim + lower_dim,)."""
        return standard_normal(self.upper_dim + self.lower_dim, self.device)

    def _descend(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch per *event"]:
        z2, noise1 = z.split([self.upper_dim, self.lower_dim], dim=1)
        mean, log_scale = self.prior_of_lower(z2)
        outputs: Tensor = self.decoder(mean + log_scale.exp() * noise1)
        return outputs

    def decode(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch *event"]:
        """E[x | z] on the data's scale; differentiable in z."""
        with evaluation_mode(self):
            return self.observation.mean(self._descend(z))

    def encode(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, "batch latent"]:
        """The mean of q, layer by layer."""
        with evaluation_mode(self):
            (z2, _), seen = self.encoded(x)
            prior_mean, prior_log = self.prior_of_lower(z2)
            z1, _ = _combined(*seen, prior_mean, prior_log)
            return torch.cat([z2, (z1 - prior_mean) / prior_log.exp()], dim=1)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape): down the ladder, then from the observation model."""
        z = torch.randn(count, self.upper_dim + self.lower_dim, generator=generator, device=self.device)
        with evaluation_mode(self):
            return self.observation.sample(self._descend(z), generator)

    def log_weights(self, x: Shaped[Tensor, "batch *event"], k: int) -> Float[Tensor, "batch {k}"]:
        """log p(x, z_i) - log q(z_i | x), z_i ~ q(z | x) from torch's global generator."""
        with evaluation_mode(self):
            log_likelihood, log_ratio = self.log_joint_and_posterior(x, k)
            return log_likelihood + log_ratio


def _gaussian(outputs: Float[Tensor, "batch two"]) -> tuple[Tensor, Tensor]:
    """Mean and log standard deviation."""
    mean, log_scale = outputs.chunk(2, dim=1)
    return mean, log_scale.clamp(-6, 2)


def _combined(mean_a: Tensor, log_a: Tensor, mean_b: Tensor, log_b: Tensor) -> tuple[Tensor, Tensor]:
    """The product of two Gaussians, renormalised: precisions add, means are weighted by them."""
    precision_a, precision_b = (-2 * log_a).exp(), (-2 * log_b).exp()
    total = precision_a + precision_b
    return (precision_a * mean_a + precision_b * mean_b) / total, -0.5 * total.log()


def _log_normal(z: Tensor, mean: Tensor | None, log_scale: Tensor | None) -> Float[Tensor, " batch"]:
    """log density of a diagonal normal; the standard one where no parameters are given."""
    if mean is None or log_scale is None:
        return -0.5 * (z.square() + _LOG_2PI).sum(1)
    return (-0.5 * (((z - mean) / log_scale.exp()).square() + _LOG_2PI) - log_scale).sum(1)
