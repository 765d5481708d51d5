"""Autoencoders of pythae."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from genbench.adapters.modules import ModuleModel
from genbench.api import ComputeMeter, DataSpec, Split

_OTHER_PRIORS = ("VAMP", "SVAE", "PoincareVAE", "VQVAE", "HRQVAE")
"""Models whose latents are not those of a standard normal distribution."""
_OWN_LOSSES = ("autoencoder_loss", "encoder_loss", "decoder_loss", "discriminator_loss")


class PythaeModel(ModuleModel):
    """A model around an autoencoder of pythae: `VAE`, `BetaVAE`, `IWAE`, `WAE_MMD` and others with one loss.

    `build_autoencoder(spec)` makes it. Samples are what pythae's NormalSampler draws: the decoder's output for latents
    of a standard normal distribution. Its decoders are the harness's `decode`, so that a likelihood is estimated by
    annealed importance sampling, as of any decoder. pythae's own trainers are not used: they know no budget.
    """

    def build(self, spec: DataSpec) -> nn.Module:
        """The autoencoder, with a training step. Raises ValueError where its prior is not the one that is sampled."""
        autoencoder = self.build_autoencoder(spec)
        name = str(getattr(autoencoder, "model_name", type(autoencoder).__name__))
        if name in _OTHER_PRIORS and type(self).sample is PythaeModel.sample:
            raise ValueError(
                f"{name} has another prior than a standard normal distribution: override `sample` and `prior` of the"
                " adapter"
            )
        return AutoencoderModule(autoencoder)

    @abstractmethod
    def build_autoencoder(self, spec: DataSpec) -> nn.Module:
        """A model of pythae whose configuration has input_dim=spec.event_shape."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        module = self._autoencoder
        module.examples, module.batch_size = len(train), self.batch_size
        super().fit(train, meter)

    @property
    def _autoencoder(self) -> AutoencoderModule:
        return cast(AutoencoderModule, self.module)

    @property
    def prior(self) -> torch.distributions.Distribution:
        """A standard normal distribution of `latent_dim` numbers."""
        zeros = torch.zeros(self._autoencoder.latent_dim, device=self.device)
        return torch.distributions.Independent(torch.distributions.Normal(zeros, torch.ones_like(zeros)), 1)

    def decode(self, z: Tensor) -> Tensor:
        """(N, latent_dim) -> (N, *event_shape): the mean of the observation, on the data's scale."""
        scaled = self._autoencoder.decode(z).reshape(-1, *self.spec.event_shape)
        mean = scaled * self.scaling.width + self.scaling.shift
        # an integer stands for an interval, and its middle is half a unit above it
        return mean - 0.5 if self.spec.is_discrete else mean

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape)."""
        z = torch.randn(count, self._autoencoder.latent_dim, generator=generator, device=self.device)
        return self.scaling.restore(self._autoencoder.decode(z))


class AutoencoderModule(nn.Module):
    """An autoencoder of pythae with a training step of its own."""

    def __init__(self, autoencoder: nn.Module) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.latent_dim = int(cast(Any, autoencoder).latent_dim)
        self.examples, self.batch_size = 1, 1

    def decode(self, z: Tensor) -> Tensor:
        """(N, latent_dim) -> (N, *input_dim), scaled as the training data were."""
        return cast(Tensor, cast(Any, self.autoencoder).decoder(z).reconstruction)

    def training_step(self, x: Tensor, index: int) -> Tensor:
        """The model's loss. Raises ValueError for models with losses of several optimisers."""
        epoch = 1 + index * self.batch_size // self.examples
        found: Mapping[str, Any] = self.autoencoder(
            {"data": x}, epoch=epoch, dataset_size=self.examples, uses_ddp=False
        )
        if several := [name for name in _OWN_LOSSES if name in found]:
            raise ValueError(
                f"{type(self.autoencoder).__name__} has losses of several optimisers ({', '.join(several)}): override"
                " `fit` of the adapter, and step each of them"
            )
        return cast(Tensor, found["loss"])
