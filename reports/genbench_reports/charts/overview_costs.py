"""What models cost, as the picture of the overview can show it: the horizontal axes to choose from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from genbench_reports.overview.costs import Costs
from genbench_reports.overview.model_points import ModelPoint

_MIN_RATIO = 2.0
"""A cost varies enough to be shown at first where the dearest model takes this many times what the cheapest takes."""


@dataclass(frozen=True)
class CostChoice:
    """One kind of cost; less of it is better."""

    name: str
    """A word or two to choose it by."""
    title: str
    """Title of the axis, without the unit, which stands at the numbers."""
    unit: Literal["seconds", "bytes"]
    """Unit of the values."""
    values: Mapping[str, float]
    """Costs by label of the model, where they were measured; all are positive."""

    @property
    def ratio(self) -> float:
        """How many times the cheapest model's cost the dearest one takes."""
        return max(self.values.values()) / min(self.values.values())


def cost_choices(models: Sequence[ModelPoint]) -> tuple[CostChoice, ...]:
    """The costs that were measured for the models of the picture. First the one to open with: the first that varies,
    since under a budget of time all models are trained as long."""
    shown = [model for model in models if model.quality is not None]
    uses_gpu = any(model.costs.uses_gpu for model in shown)
    memory = ("GPU memory", "peak GPU memory") if uses_gpu else ("memory", "peak memory of the process")
    kinds: tuple[tuple[str, str, Literal["seconds", "bytes"], Callable[[Costs], float | None]], ...] = (
        ("training time", "training time", "seconds", lambda costs: costs.train_seconds),
        ("time per sample", "time per sample, in bulk", "seconds", _seconds_per_sample),
        (*memory, "bytes", _gpu if uses_gpu else _process),
    )
    found = []
    for name, title, unit, read in kinds:
        values = {
            model.label: value for model in shown if (value := read(model.costs)) is not None and value > 0
        }
        if values:
            found.append(CostChoice(name, title, unit, values))
    first = next((each for each in found if each.ratio >= _MIN_RATIO), None)
    first = first or max(found, key=lambda each: each.ratio, default=None)
    return tuple(sorted(found, key=lambda each: each is not first))


def _seconds_per_sample(costs: Costs) -> float | None:
    return None if not costs.samples_per_second else 1 / costs.samples_per_second


def _gpu(costs: Costs) -> float | None:
    return _largest(costs.train_gpu_bytes, costs.sample_gpu_bytes)


def _process(costs: Costs) -> float | None:
    return _largest(costs.train_rss_bytes, costs.sample_rss_bytes)


def _largest(*values: float | None) -> float | None:
    return max((value for value in values if value is not None), default=None)
