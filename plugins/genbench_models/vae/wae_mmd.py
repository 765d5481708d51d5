"""WAE-MMD: an autoencoder whose codes, taken together, are pulled to the prior.

Tolstikhin, Bousquet, Gelly & Schoelkopf 2018, "Wasserstein Auto-Encoders", https://arxiv.org/abs/1711.01558

| part of the paper | here |
|---|---|
| squared error, and an MMD between codes and prior (algorithm 2) | there |
| inverse multiquadratic kernel | there, summed over scales as in the authors' code |
| deterministic encoder | there |
| DCGAN's networks | there on images, MLPs elsewhere |
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from genbench import ComputeMeter, DataSpec, Split
from genbench_models.gan.latent_generator import LatentGenerator
from genbench_models.layers.architectures import Sizes, build_features, build_generator
from genbench_models.layers.code_size import code_size
from genbench_models.layers.networks import adam, evaluation_mode, set_learning_rate
from genbench_models.layers.ranges import at_least, positive

_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""The scales of the kernel, over which the authors' code sums."""


def imq_mmd(z: Float[Tensor, "n latent"], prior: Float[Tensor, "n latent"]) -> Float[Tensor, ""]:
    """Unbiased squared MMD under sum_s C_s / (C_s + |a - b|²), C_s = 2 d s (algorithm 2)."""
    count, dimension = z.shape
    if count < 2:
        return z.new_zeros(())

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        squares = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(2)
        return torch.stack([2 * dimension * s / (2 * dimension * s + squares) for s in _SCALES]).sum(0)

    within = sum((kernel(a, a).sum() - len(_SCALES) * count) / (count * (count - 1)) for a in (z, prior))
    mmd: Tensor = within - 2 * kernel(z, prior).mean()
    return mmd


class WAEMMD(LatentGenerator):
    """Deterministic encoder and decoder; squared error in standardised units, plus penalty * MMD(codes, prior).

    A sample is a decoded draw from the prior: there is no observation model, and so no bound on a likelihood.

    latent_dim: for None see `code_size`.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        architecture: str = "auto",
        latent_dim: int | None = None,
        hidden: int = 128,
        layers: int = 2,
        width: int = 32,
        penalty: float = 10.0,
        batch_size: int = 64,
        learning_rate: float = 2e-3,
    ) -> None:
        latent_dim = code_size(spec, latent_dim)
        super().__init__(spec, latent_dim)
        self.penalty = penalty
        at_least(1, batch_size=batch_size)
        positive(learning_rate=learning_rate)
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        sizes = Sizes(hidden, layers, width)
        features, count = build_features(spec, architecture, sizes, normalise=True)
        self.encoder = nn.Sequential(features, nn.Linear(count, latent_dim))
        self.generator = build_generator(spec, architecture, latent_dim, sizes)

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        optimiser = adam(self.parameters(), self.learning_rate)
        for batch in meter.batches(train, self.batch_size):
            set_learning_rate(optimiser, self.learning_rate, meter.fraction)
            y = self.standardise(batch.x)  # B, *event
            z = self.encoder(y)  # B, latent
            error = (self.generator(z) - y).square().flatten(1).sum(1).mean()
            mmd = imq_mmd(z, self.noise(len(z)))
            loss = error + self.penalty * mmd
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            meter.log(loss=loss, reconstruction=error, mmd=mmd)

    def encode(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, "batch latent"]:
        """The code of each example."""
        with evaluation_mode(self):
            code: Tensor = self.encoder(self.standardise(x))
        return code
