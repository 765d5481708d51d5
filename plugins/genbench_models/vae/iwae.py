"""IWAE: the VAE trained on the tighter bound of several weighted samples.

Burda, Grosse & Salakhutdinov 2016, "Importance Weighted Autoencoders", https://arxiv.org/abs/1509.00519

| part of the paper | here |
|---|---|
| bound of k samples (eq. 8) | there, k = 8 by default |
| gradient through the normalised weights (eq. 14) | there, by differentiating the bound |
| tanh MLPs, one or two layers of latents | changed: the networks of `vae`, one layer of latents |
| Adam with rates that fall over 3,280 epochs | changed: the schedule of all models here |
| not in the paper | added: warm-up of log p(z) - log q(z given x), as in `vae`; without it points keep no latent |
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from genbench import DataSpec
from genbench_models.vae.vae import VAE


class IWAE(VAE):
    """L_k = E[log 1/k sum_i w_i] (eq. 8), reparametrised gradients."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        architecture: str = "auto",
        train_samples: int = 8,
        latent_dim: int = 16,
        hidden: int = 128,
        layers: int = 3,
        width: int = 16,
        dropout: float = 0.1,
        batch_size: int = 32,
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
        if train_samples < 1:
            raise ValueError(f"train_samples={train_samples}: expected 1 or more")
        self.train_samples = train_samples

    def training_loss(self, x: Shaped[Tensor, "batch *event"], kl_weight: float) -> Float[Tensor, ""]:
        weights = self.importance_weights(x, self.train_samples, kl_weight)
        return -(torch.logsumexp(weights, 1) - math.log(self.train_samples)).mean()
