"""A module of Lightning through the adapter of modules."""

from __future__ import annotations

from typing import Any, ClassVar

import pytorch_lightning as lightning
import torch
from adapted_models import Normal
from torch import Tensor, nn

from genbench import DataSpec
from genbench.adapters import ModuleDensity


class LightningNormal(lightning.LightningModule):
    """A normal distribution as a module of Lightning."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.normal = Normal(shape)

    def log_prob(self, x: Tensor) -> Tensor:
        return self.normal.log_prob(x)

    def training_step(self, batch: Tensor, batch_idx: int) -> dict[str, Any]:
        loss = -self.log_prob(batch).mean()
        self.log("loss", loss)
        return {"loss": loss}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.05)

    def sample(self, count: int) -> Tensor:
        return self.normal.sample(count)


class FromLightning(ModuleDensity):
    """A module of Lightning."""

    family = "flow"
    modalities: ClassVar[tuple[str, ...]] = ("points",)

    def build(self, spec: DataSpec) -> nn.Module:
        return LightningNormal(spec.event_shape)
