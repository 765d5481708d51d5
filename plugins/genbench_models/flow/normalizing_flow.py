"""Normalising flows: noise through invertible maps, with an exact density. Two of them are built by the library zuko.

RealNVP: Dinh, Sohl-Dickstein & Bengio 2017, "Density Estimation using Real NVP", https://arxiv.org/abs/1605.08803
MAF: Papamakarios, Pavlakou & Murray 2017, "Masked Autoregressive Flow", https://arxiv.org/abs/1705.07057
The library: Rozet et al. 2022, "Zuko: Normalizing flows in PyTorch"

| part of the papers | here |
|---|---|
| affine couplings (RealNVP), masked affine layers (MAF) | there, by zuko |
| logit of dequantised pixels | there, with a margin of 0.05 |
| multi-scale network: checkerboards, squeezing, channel masks, parts that leave early (RealNVP) | on images, there |
| residual networks with weight normalisation in its couplings (RealNVP) | changed: three convolutions, as in Glow |
| batch normalisation (both) | on images, changed to a scale and shift of each place, set by the first batch |
| images of odd height or width (not in the paper) | added: the last row or column leaves before squeezing |
"""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
import zuko
from jaxtyping import Float, Shaped
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench_models.flow.multi_scale import is_multi_scale, realnvp_of_images
from genbench_models.flow.vector_flow import VectorFlow, ZukoFlow
from genbench_models.layers.networks import adam, evaluation_mode, set_learning_rate
from genbench_models.layers.ranges import at_least, positive
from genbench_models.layers.standardise import Standardise

_MARGIN = 0.05
"""The share of [0, 1] left free at either end before the logit, which would send pixels at the ends to infinity
(Dinh et al. 2017, section 4.1)."""


class NormalizingFlow(GenerativeModel):
    """A density over real vectors. Real data are standardised. Integers 0..levels-1 are spread over their bins by
    uniform noise (Uria et al. 2013), scaled to [0, 1] and sent through a logit; a sample's integer is the bin into
    which it falls, so that the integers' probability is the integral of the density over their bins.

    Subclasses give the density of the vectors that the flow is made for, and the way back from noise.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        batch_size: int,
        learning_rate: float,
    ) -> None:
        super().__init__(spec)
        at_least(1, batch_size=batch_size)
        positive(learning_rate=learning_rate)
        if spec.dimension < 2:
            raise ValueError(f"a flow takes 2 numbers or more; {spec.name} has 1")
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.standardise = Standardise(spec)

    def initialise(self, y: Float[Tensor, "batch dimension"]) -> None:
        """Called with the vectors of the first batch, before the first step. Most flows have nothing to set by it."""

    @abstractmethod
    def log_prob_of_vectors(self, y: Float[Tensor, "batch dimension"]) -> Float[Tensor, " batch"]:
        """log density, nats."""

    @abstractmethod
    def vectors_of_noise(self, z: Float[Tensor, "batch dimension"]) -> Float[Tensor, "batch dimension"]:
        """Standard normal noise to vectors."""

    def log_density(self, x: Float[Tensor, "batch *event"]) -> Float[Tensor, " batch"]:
        """(N, *event_shape) -> (N,) nats. x: real data as they are; for data with levels, real numbers in [0,
        levels)."""
        y, log_jacobian = self._to_flow(x)
        with evaluation_mode(self):
            return self.log_prob_of_vectors(y) + log_jacobian

    def _to_flow(
        self, x: Float[Tensor, "batch *event"]
    ) -> tuple[Float[Tensor, "batch dimension"], Float[Tensor, " batch"]]:
        """The vectors y that the flow is a density of, and log |dy/dx|."""
        if self.spec.levels is None:
            y = self.standardise(x).flatten(1)
            return y, self.standardise.log_abs_det_jacobian().expand(len(y))
        share = _MARGIN + (1 - 2 * _MARGIN) * x.flatten(1) / self.spec.levels  # within (0, 1)
        y = share.log() - (1 - share).log()
        slope = math.log((1 - 2 * _MARGIN) / self.spec.levels)
        return y, (slope - share.log() - (1 - share).log()).sum(1)

    def _from_flow(self, y: Float[Tensor, "batch dimension"]) -> Shaped[Tensor, "batch *event"]:
        y = y.unflatten(1, self.spec.event_shape)
        if self.spec.levels is None:
            return self.standardise.inverse(y)
        share = (y.sigmoid() - _MARGIN) / (1 - 2 * _MARGIN)
        return (share * self.spec.levels).floor().clamp(0, self.spec.levels - 1).long()

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        optimiser = adam(self.parameters(), self.learning_rate)
        for step, batch in enumerate(meter.batches(train, self.batch_size)):
            set_learning_rate(optimiser, self.learning_rate, meter.fraction)
            x = (
                batch.x
                if self.spec.levels is None
                else batch.x + torch.rand(batch.x.shape, device=self.device)
            )
            y, log_jacobian = self._to_flow(x)
            if step == 0:
                self.initialise(y)
            loss = -(self.log_prob_of_vectors(y) + log_jacobian).mean()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.parameters(), math.sqrt(self.spec.dimension))
            optimiser.step()
            meter.log(loss=loss)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape) in the data's domain."""
        z = torch.randn(count, self.spec.dimension, generator=generator, device=self.device)
        with evaluation_mode(self):
            return self._from_flow(self.vectors_of_noise(z))


class ComposedFlow(NormalizingFlow):
    """A flow whose parts are built by subclasses, as `flow`."""

    flow: VectorFlow

    def initialise(self, y: Float[Tensor, "batch dimension"]) -> None:
        self.flow.initialise(y)

    def log_prob_of_vectors(self, y: Float[Tensor, "batch dimension"]) -> Float[Tensor, " batch"]:
        return self.flow.log_prob(y)

    def vectors_of_noise(self, z: Float[Tensor, "batch dimension"]) -> Float[Tensor, "batch dimension"]:
        return self.flow.inverse(z)


class RealNVP(ComposedFlow):
    """Coupling layers: half of the numbers are scaled and shifted by functions of the other half. Fast both ways.

    architecture: "flat" takes vectors (by the library), "multi-scale" images; "auto" is multi-scale on images of 8x8
    pixels and more. transforms: couplings, which the scales of a multi-scale flow share. hidden, layers: of the flat
    flow's networks. width, scales: of the multi-scale flow.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        architecture: str = "auto",
        transforms: int = 6,
        hidden: int = 64,
        layers: int = 2,
        width: int = 16,
        scales: int = 2,
        batch_size: int = 64,
        learning_rate: float = 1e-2,
    ) -> None:
        super().__init__(spec, batch_size=batch_size, learning_rate=learning_rate)
        at_least(1, transforms=transforms, hidden=hidden, layers=layers, width=width, scales=scales)
        if is_multi_scale(spec, architecture):
            self.flow = realnvp_of_images(spec.event_shape, scales=scales, couplings=transforms, width=width)
        else:
            self.flow = ZukoFlow(
                zuko.flows.RealNVP(spec.dimension, transforms=transforms, hidden_features=(hidden,) * layers)
            )


class MAF(ComposedFlow):
    """Each number scaled and shifted by functions of those before it, in alternating orders. A likelihood takes one
    pass, a sample one pass per number."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        transforms: int = 4,
        hidden: int = 64,
        layers: int = 2,
        batch_size: int = 64,
        learning_rate: float = 2e-3,
    ) -> None:
        super().__init__(spec, batch_size=batch_size, learning_rate=learning_rate)
        at_least(1, transforms=transforms, hidden=hidden, layers=layers)
        self.flow = ZukoFlow(
            zuko.flows.MAF(spec.dimension, transforms=transforms, hidden_features=(hidden,) * layers)
        )
