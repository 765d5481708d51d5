"""A model and a tiny data set that the contract is checked on. The model is trained once, and shared by the checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from genbench.api.budget import Budget
from genbench.api.cards import Hyperparameter, ModelCard, load_factory
from genbench.api.compute_meter import ComputeMeter, Spent
from genbench.api.data import Dataset, Split
from genbench.api.model import GenerativeModel
from genbench.api.spec import DataSpec
from genbench.errors import PluginError
from genbench.samples.draw import checked_samples
from genbench.testing.not_applicable import NotApplicable
from genbench.testing.tiny_data import tiny_dataset
from genbench.util.seeding import seeded

TRAINING_STEPS = 12
"""Steps of the shared training: two periods of a loop whose generator learns at every fifth batch, and more."""
SHORT_STEPS = 3
"""Steps of a training that only has to run."""
SAMPLES = 24
"""Samples that a check draws."""


@dataclass(frozen=True)
class Training:
    """The result of one `fit`."""

    model: GenerativeModel
    """The trained model, in evaluation mode."""
    spent: Spent
    """What the training cost."""
    bound_by: str
    """The limit that ended it."""
    losses: dict[str, float]
    """The last losses."""
    untrained_parameters: tuple[str, ...]
    """Names of parameters that require a gradient but got none other than 0, and did not change."""
    changed_parameters: tuple[str, ...]
    """Names of parameters that changed."""


class Subject:
    """A model's card and a spec of data that it takes. Everything is deterministic: two equal subjects agree bit for
    bit.

    hyperparameters: values in place of the defaults, to make a large model small.
    """

    def __init__(
        self, card: ModelCard, spec: DataSpec, hyperparameters: Mapping[str, Hyperparameter] | None = None
    ) -> None:
        self.card = card
        self.spec = spec
        self.hyperparameters = dict(hyperparameters or {})

        self._training: Training | Exception | None = None

    def __str__(self) -> str:
        return f"{self.card.name}-{self.spec.name}"

    def on(self, spec: DataSpec) -> Subject:
        """A subject with this model and other data."""
        return Subject(self.card, spec, self.hyperparameters)

    @property
    def model_class(self) -> type[GenerativeModel]:
        """The model's class. Raises PluginError where the factory cannot be loaded or is not a `GenerativeModel`."""
        loaded = load_factory(self.card.factory)
        if not (isinstance(loaded, type) and issubclass(loaded, GenerativeModel)):
            raise PluginError(f"factory {self.card.factory!r} is not a subclass of genbench.GenerativeModel")
        return loaded

    @property
    def load_problem(self) -> str | None:
        """Why the model's class cannot be loaded; None where it can."""
        try:
            _ = self.model_class
        except PluginError as error:
            return str(error)
        return None

    @cached_property
    def dataset(self) -> Dataset:
        """Tiny data of the spec."""
        return tiny_dataset(self.spec)

    def build(self, seed: int = 0) -> GenerativeModel:
        """A new, untrained model."""
        factory: Callable[..., GenerativeModel] = self.model_class
        with seeded(seed):
            return factory(self.spec, **self.hyperparameters)

    @property
    def trained(self) -> Training:
        """The training that the checks share. Raises whatever it raises where it is asked for first, and after that
        NotApplicable, so that one failure of `fit` is reported once."""
        if isinstance(self._training, Exception):
            raise NotApplicable(f"training on {self.spec.name} fails, which another check reports")
        if self._training is None:
            try:
                self._training = self.train(TRAINING_STEPS)
            except Exception as error:
                self._training = error
                raise
        return self._training

    def train(
        self,
        steps: int,
        *,
        train: Split | None = None,
        valid: Split | None = None,
        seed: int = 0,
        device: str = "cpu",
    ) -> Training:
        """Build a model and train it for `steps` steps, as a worker would."""
        model = self.build(seed).to(device)
        before = _parameters(model)
        meter = ComputeMeter(
            Budget(steps=steps),
            device=device,
            seed=seed,
            valid=(self.dataset.valid if valid is None else valid).to(device),
        )
        with seeded(seed + 1, torch.device(device)), _gradients_watched(model) as seen:
            model.train()
            meter.start()
            model.fit(self.dataset.train if train is None else train, meter)
            spent = meter.finish()
        model.eval()
        after = dict(model.named_parameters())
        changed = tuple(differing(before, _parameters(model)))
        return Training(
            model=model,
            spent=spent,
            bound_by=meter.bound_by(),
            losses=meter.losses(),
            changed_parameters=changed,
            untrained_parameters=tuple(
                name
                for name in before
                if name not in seen and name not in changed and after[name].requires_grad
            ),
        )

    @cached_property
    def samples(self) -> Tensor:
        """Samples of the trained model, drawn with seed 0 and checked."""
        return checked_samples(draw(self.trained.model), SAMPLES, self.spec)


def draw(model: GenerativeModel, count: int = SAMPLES, seed: int = 0) -> Tensor:
    """Samples as the model returns them."""
    with torch.no_grad():
        return model.sample(count, torch.Generator().manual_seed(seed))


def state_of(model: GenerativeModel) -> dict[str, Tensor]:
    """A copy of the state_dict, as a checkpoint keeps it. Raises PluginError where it holds other things."""
    state = model.state_dict()
    others = sorted(name for name, value in state.items() if not isinstance(value, Tensor))
    if others:
        raise PluginError(f"state_dict holds {', '.join(others)}, expected nothing but tensors")
    return {name: value.detach().clone() for name, value in state.items()}


def differing(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> list[str]:
    """The names under which two state dicts differ in any bit."""
    return sorted(
        name
        for name in first.keys() | second.keys()
        if name not in first or name not in second or not _same(first[name], second[name])
    )


def _same(first: Tensor, second: Tensor) -> bool:
    if first.dtype != second.dtype or first.shape != second.shape:
        return False
    # NaN is equal to itself here: what matters is whether anything changed
    return bool(((first == second) | ((first != first) & (second != second))).all())


def _parameters(model: GenerativeModel) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


@contextmanager
def _gradients_watched(model: GenerativeModel) -> Iterator[set[str]]:
    """The names of the parameters that get a gradient other than 0 inside."""
    seen: set[str] = set()

    def watch(name: str) -> Callable[[Tensor], None]:
        def note(gradient: Tensor) -> None:
            if name not in seen and bool(gradient.detach().any()):
                seen.add(name)

        return note

    hooks = [
        parameter.register_hook(watch(name))
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
