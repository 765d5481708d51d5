"""What a normalising flow is made of: a density of vectors, and the way back from noise."""

from __future__ import annotations

from abc import ABC, abstractmethod

import zuko
from jaxtyping import Float
from torch import Tensor, nn


class VectorFlow(nn.Module, ABC):
    """An invertible map between vectors and standard normal noise."""

    def initialise(self, y: Float[Tensor, "batch dimension"]) -> None:
        """Called with the vectors of the first batch, before the first step. Most flows have nothing to set by it."""

    @abstractmethod
    def log_prob(self, y: Float[Tensor, "batch dimension"]) -> Float[Tensor, " batch"]:
        """log density, nats."""

    @abstractmethod
    def inverse(self, z: Float[Tensor, "batch dimension"]) -> Float[Tensor, "batch dimension"]:
        """Standard normal noise to vectors."""


class ZukoFlow(VectorFlow):
    """A flow by the library."""

    def __init__(self, flow: zuko.flows.Flow) -> None:
        super().__init__()
        self.flow = flow

    def log_prob(self, y: Float[Tensor, "batch dimension"]) -> Float[Tensor, " batch"]:
        log_density: Tensor = self.flow().log_prob(y)
        return log_density

    def inverse(self, z: Float[Tensor, "batch dimension"]) -> Float[Tensor, "batch dimension"]:
        vectors: Tensor = self.flow().transform.inv(z)
        return vectors
