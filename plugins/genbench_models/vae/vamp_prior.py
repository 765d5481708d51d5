"""VAE with a VampPrior: the prior is a mixture of the posteriors of a few learned pseudo-inputs.

Tomczak & Welling 2018, "VAE with a VampPrior", https://arxiv.org/abs/1705.07120
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from genbench import DataSpec, Split
from genbench_models.layers.networks import evaluation_mode
from genbench_models.vae.vae import VAE

# The initial spread of the encodings' means, where posteriors have standard deviation 1: enough to tell examples
# apart, and little enough for posteriors to overlap, as importance sampling requires.
_FIRST_SPREAD = 0.2
# The least log scale of a component: with narrower ones the matrix products below lose their accuracy.
_MIN_LOG_SCALE = -4.0


class VampPriorVAE(VAE):
    """p(z) = 1/K sum_k q(z | u_k) (eq. 9). The pseudo-inputs u_k start as training examples, in standardised units,
    and are trained with the rest; the KL term has no closed form, and is estimated from the drawn z."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        architecture: str = "auto",
        pseudo_inputs: int = 64,
        latent_dim: int = 16,
        hidden: int = 128,
        layers: int = 3,
        width: int = 16,
        dropout: float = 0.1,
        batch_size: int = 64,
        learning_rate: float = 4e-3,
        warm_up: float = 0.1,
    ) -> None:
        super().__init__(
            spec,
            architecture=architecture,
            latent_dim=latent_dim,
            hidden=hidden,
            layers=layers,
            width=width,
            dropout=dropout,
            batch_size=batch_size,
            learning_rate=learning_rate,
            warm_up=warm_up,
        )
        if pseudo_inputs < 1:
            raise ValueError(f"pseudo_inputs={pseudo_inputs}: expected 1 or more")
        self.pseudo_inputs = nn.Parameter(0.1 * torch.randn(pseudo_inputs, *spec.event_shape))

    def prepare(self, train: Split) -> None:
        super().prepare(train)
        count = len(self.pseudo_inputs)
        chosen = train.random_subset(count, seed=0).tensor().to(self.device)
        with torch.no_grad():  # with fewer examples than pseudo-inputs, some are used twice
            again = chosen[torch.arange(count, device=self.device) % len(chosen)]
            self.pseudo_inputs.copy_(self.standardise(again))
            self._spread_out(chosen)

    def _spread_out(self, examples: Tensor) -> None:
        """Scale the encoder's last layer, so that encodings of different examples lie apart.

        A standard normal prior would spread them out. This prior follows the encodings wherever they are, even onto one
        spot, where no gradient tells the components apart.
        """
        last = [module for module in self.encoder.modules() if isinstance(module, nn.Linear)][-1]
        mean, _ = self.posterior(examples)
        spread = float(mean.std(0, correction=0).mean())
        last.weight[: self.latent_dim] *= _FIRST_SPREAD / max(spread, 1e-3)
        last.bias[self.latent_dim :] = 0.0

    @property
    def prior(self) -> torch.distributions.Distribution:
        """The mixture, over (latent_dim,)."""
        with evaluation_mode(self.encoder):
            mean, scale = self._components()
        return MixtureSameFamily(
            Categorical(logits=torch.zeros(len(mean), device=self.device)),
            Independent(Normal(mean, scale), 1),
        )

    def _components(self) -> tuple[Float[Tensor, "components latent"], Float[Tensor, "components latent"]]:
        mean, log_scale = self.encoder(self.pseudo_inputs).chunk(2, dim=1)
        return mean, log_scale.clamp(_MIN_LOG_SCALE, 3).exp()

    def log_prior(self, z: Float[Tensor, "*batch latent"]) -> Float[Tensor, "*batch"]:
        """By matrix products: log N(z; m, s) is linear in z² and z."""
        mean, scale = self._components()
        precision = scale.square().reciprocal()  # K, latent
        constant = -(0.5 * (mean.square() * precision + math.log(2 * math.pi)) + scale.log()).sum(1)
        each = constant - 0.5 * (z.square() @ precision.T) + z @ (mean * precision).T  # *batch, K
        return torch.logsumexp(each, -1) - math.log(len(mean))

    def draw_prior(self, count: int, generator: torch.Generator) -> Float[Tensor, "{count} latent"]:
        mean, scale = self._components()
        component = torch.randint(len(mean), (count,), generator=generator, device=self.device)
        noise = torch.randn(count, self.latent_dim, generator=generator, device=self.device)
        return mean[component] + scale[component] * noise

    def divergence(
        self,
        mean: Float[Tensor, "batch latent"],
        log_scale: Float[Tensor, "batch latent"],
        z: Float[Tensor, "batch latent"],
    ) -> Float[Tensor, " batch"]:
        log_posterior: Tensor = Normal(mean, log_scale.exp()).log_prob(z).sum(1)
        return log_posterior - self.log_prior(z)
