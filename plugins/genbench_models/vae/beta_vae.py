"""beta-VAE: more weight on the KL term than the bound gives it, so that latents are few and independent.

Higgins et al. 2017, "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework", ICLR
"""

from __future__ import annotations

from genbench import DataSpec
from genbench_models.vae.vae import VAE


class BetaVAE(VAE):
    """`VAE` with a beta of 4. Its likelihood is bounded by the same ELBO, which it does not maximise."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        architecture: str = "auto",
        beta: float = 4.0,
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
            beta=beta,
        )
