"""Networks and noise schedulers of diffusers."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from typing import Any, ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genbench.adapters.modules import ModuleModel
from genbench.api import DataSpec


class DiffusersModel(ModuleModel):
    """A model around a network and a scheduler of diffusers, such as UNet2DModel with DDPMScheduler or DDIMScheduler.

    `build_parts(spec)` makes both. Training is that of the library's examples: noise of a random time step is added by
    the scheduler, and the mean squared error of what the scheduler's `prediction_type` says is minimised. Sampling runs
    the scheduler's steps. Integers are scaled to [-1, 1), real values as `scale` says. There is no likelihood.
    """

    sampling_budgets: ClassVar[tuple[int, ...]] = (10, 25, 50)
    """Numbers of sampler steps at which quality and cost are recorded."""

    def __init__(
        self, spec: DataSpec, *, learning_rate: float = 1e-3, batch_size: int = 64, inference_steps: int = 50
    ) -> None:
        super().__init__(spec, learning_rate=learning_rate, batch_size=batch_size)
        self.inference_steps = inference_steps

    @abstractmethod
    def build_parts(self, spec: DataSpec) -> tuple[nn.Module, Any]:
        """A network, called with noisy examples and time steps, and a scheduler with `add_noise` and `step`."""

    def build(self, spec: DataSpec) -> nn.Module:
        """The parts in one module."""
        network, scheduler = self.build_parts(spec)
        return DenoisingModule(network, scheduler, spec)

    def sample(self, count: int, generator: torch.Generator, *, steps: int | None = None) -> Tensor:
        """(count, *event_shape), by so many steps of the scheduler; None: `inference_steps`."""
        module = cast(DenoisingModule, self.module)
        return self.scaling.restore(module.sample(count, generator, steps or self.inference_steps))


class DenoisingModule(nn.Module):
    """A network that is trained to undo the noise of a scheduler."""

    def __init__(self, network: nn.Module, scheduler: Any, spec: DataSpec) -> None:
        super().__init__()
        if not callable(getattr(scheduler, "add_noise", None)):
            raise TypeError(
                f"{type(scheduler).__name__} has no `add_noise`: the adapter takes schedulers that add noise, such as"
                " DDPMScheduler; wrap others in a ModuleModel"
            )
        self.network, self.scheduler, self.spec = network, scheduler, spec
        self.is_centred = spec.levels is not None
        blocks = getattr(getattr(network, "config", None), "block_out_channels", ())
        self.multiple = 2 ** (len(blocks) - 1) if blocks and spec.modality == "image" else 1
        """Rows and columns have to be a multiple of this, since each block but the last one halves them."""

    def training_step(self, x: Tensor) -> Tensor:
        """The mean squared error at random time steps. x: (N, *event_shape), integers scaled to [0, 1)."""
        clean = 2 * x - 1 if self.is_centred else x
        noise = torch.randn_like(clean)
        times = torch.randint(int(self.scheduler.config.num_train_timesteps), (len(x),), device=x.device)
        found = self._network(self.scheduler.add_noise(clean, noise, times), times)
        return F.mse_loss(found, self._target(clean, noise, times))

    def _target(self, clean: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        kind = getattr(self.scheduler.config, "prediction_type", "epsilon")
        if kind == "epsilon":
            return noise
        if kind == "sample":
            return clean
        if kind == "v_prediction":
            return cast(Tensor, self.scheduler.get_velocity(clean, noise, times))
        raise ValueError(
            f"prediction_type {kind!r}: the adapter knows epsilon, sample and v_prediction; override `training_step`"
        )

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator, steps: int) -> Tensor:
        """(count, *event_shape), scaled as `training_step` takes them."""
        self.scheduler.set_timesteps(steps, device=generator.device)
        scale = float(getattr(self.scheduler, "init_noise_sigma", 1.0))
        x = scale * torch.randn(count, *self.spec.event_shape, generator=generator, device=generator.device)
        takes_generator = "generator" in inspect.signature(self.scheduler.step).parameters
        more = {"generator": generator} if takes_generator else {}
        for time in self.scheduler.timesteps:
            found = self._network(self.scheduler.scale_model_input(x, time), time)
            x = self.scheduler.step(found, time, x, **more).prev_sample
        return (x + 1) / 2 if self.is_centred else x

    def _network(self, x: Tensor, times: Tensor) -> Tensor:
        """The network's output. Images are padded with zeros to the multiple that it takes, and cropped again."""
        padded = x
        if self.multiple > 1:
            rows, columns = x.shape[-2:]
            padded = F.pad(x, (0, -columns % self.multiple, 0, -rows % self.multiple))
        found = self.network(padded, times)
        output: Tensor = found.sample if hasattr(found, "sample") else found
        return output if padded is x else output[..., : x.shape[-2], : x.shape[-1]]
