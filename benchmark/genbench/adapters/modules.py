"""Any `torch.nn.Module` that has a loss and draws samples: plain ones, Lightning's, and flows of zuko."""

from __future__ import annotations

import inspect
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from genbench.adapters.scaling import Scale, Scaling
from genbench.api import Batch, ComputeMeter, DataSpec, GenerativeModel, Split

_MAX_SEED = 2**31


class ModuleModel(GenerativeModel):
    """A model around a module with `training_step` and `sample`.

    `build(spec)` makes the module. Its `training_step(x)` or `training_step(x, index)` returns a loss, or a dictionary
    with one as "loss"; its `sample(count)` or `sample(count, generator)` returns samples. It sees real numbers, scaled
    as `scale` says, in the shape of the data. `configure_optimizers`, if it has one, returns one optimiser; otherwise
    Adam is used.
    """

    scale: ClassVar[Scale] = "unit"
    """How data are scaled for the module: see `genbench.adapters.scaling`."""

    def __init__(self, spec: DataSpec, *, learning_rate: float = 1e-3, batch_size: int = 64) -> None:
        super().__init__(spec)
        self.learning_rate, self.batch_size = learning_rate, batch_size
        self.scaling = Scaling(spec, self.scale)
        self.module = self.build(spec)

    @abstractmethod
    def build(self, spec: DataSpec) -> nn.Module:
        """The module for data of this domain."""

    def inputs(self, batch: Batch) -> Any:
        """What `training_step` is given: the scaled examples. Override it for modules that take labels too."""
        return self.scaling.spread(batch.x)

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.scaling.fit(train)
        optimiser = self._optimiser()
        self.module.train()
        step = _callable(self.module, "training_step")
        takes_index = len(inspect.signature(step).parameters) > 1
        for index, batch in enumerate(meter.batches(train, self.batch_size)):
            with warnings.catch_warnings():
                # a Lightning module logs to a trainer, which there is none of
                warnings.filterwarnings("ignore", message=".*self.trainer. reference.*")
                found = step(self.inputs(batch), index) if takes_index else step(self.inputs(batch))
            loss = found["loss"] if isinstance(found, Mapping) else found
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            meter.log(loss=loss)

    def _optimiser(self) -> torch.optim.Optimizer:
        configure = getattr(self.module, "configure_optimizers", None)
        if configure is None or (made := configure()) is None:
            return torch.optim.Adam(self.module.parameters(), lr=self.learning_rate)
        if isinstance(made, Mapping):
            made = made["optimizer"] if set(made) == {"optimizer"} else made
        elif isinstance(made, list | tuple) and len(made) == 1:
            made = made[0]
        if not isinstance(made, torch.optim.Optimizer):
            raise ValueError(
                "configure_optimizers returned more than one optimiser, or a schedule: override `fit` of the adapter;"
                " meter.fraction is the share of the budget that is used"
            )
        return made

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape): what the module draws, in the data's domain."""
        draw = _callable(self.module, "sample")
        if "generator" in inspect.signature(draw).parameters:
            return self.scaling.restore(draw(count, generator=generator))
        with drawing_from(generator):
            return self.scaling.restore(draw(count))


class ModuleDensity(ModuleModel):
    """A `ModuleModel` whose module also has `log_prob(x)`, (N,) nats: the density of the scaled examples."""

    def log_density(self, x: Tensor) -> Tensor:
        """(N, *event_shape) real numbers -> (N,) nats."""
        scaled = _callable(self.module, "log_prob")(self.scaling(x))
        return self.scaling.log_density(scaled)


class ZukoFlow(ModuleDensity):
    """A flow of zuko: `build(spec)` returns it, for vectors of `spec.dimension` numbers."""

    scale: ClassVar[Scale] = "standard"

    def __init__(self, spec: DataSpec, *, learning_rate: float = 1e-3, batch_size: int = 64) -> None:
        super().__init__(spec, learning_rate=learning_rate, batch_size=batch_size)
        self.module = FlowModule(self.module, spec)


class FlowModule(nn.Module):
    """A module whose call returns a distribution over vectors, with the methods that adapters ask for."""

    def __init__(self, flow: nn.Module, spec: DataSpec) -> None:
        super().__init__()
        self.flow, self.spec = flow, spec

    def log_prob(self, x: Tensor) -> Tensor:
        """(N, *event_shape) -> (N,) nats."""
        return cast(Tensor, self.flow().log_prob(x.flatten(1)))

    def training_step(self, x: Tensor) -> Tensor:
        """The mean negative log-likelihood."""
        return -self.log_prob(x).mean()

    def sample(self, count: int) -> Tensor:
        """(count, dimension)."""
        return cast(Tensor, self.flow().sample((count,)))


@contextmanager
def drawing_from(generator: torch.Generator) -> Iterator[None]:
    """Within the block torch's global generators are seeded from `generator`; afterwards they are as they were. For
    libraries whose samplers take no generator."""
    seed = int(torch.randint(_MAX_SEED, (), generator=generator, device=generator.device))
    devices = [generator.device] if generator.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def _callable(module: nn.Module, name: str) -> Callable[..., Any]:
    found = getattr(module, name, None)
    if not callable(found):
        raise TypeError(f"{type(module).__name__} has no method `{name}`, which the adapter calls")
    return cast(Callable[..., Any], found)
