"""Pictures of how a model of sequences read held-out examples: its uncertainty at each step, and what it looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Shaped
from matplotlib.figure import Figure
from torch import Tensor

from genbench.api import DatasetCard
from genbench_reports.samples.texts import text_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_EXAMPLES = 4
_MAX_LABELS = 80
"""Steps of a text beyond which its symbols would not be read beside an axis."""


def entropy_along(
    examples: Shaped[Tensor, "m steps *step"],
    nats: Float[Tensor, "n steps *step"],
    card: DatasetCard,
    title: str,
) -> Figure:
    """A curve for each of the first examples: nats of each step given those before it; the numbers of a step are
    added."""
    count = min(_MAX_EXAMPLES, len(nats))
    figure = Figure(figsize=(9, 1.7 * count + 0.8), layout="constrained")
    step = card.step_name or "step"
    figure.suptitle(f"{title}: entropy of each {step} given those before it", fontsize="medium")
    rows = figure.subplots(count, 1, squeeze=False)[:, 0]
    of_steps = nats[:count].double().flatten(2).sum(2) if nats.ndim > 2 else nats[:count].double()
    for axis, example, curve in zip(rows, examples, of_steps, strict=False):
        axis.plot(np.arange(len(curve)), curve.numpy(), drawstyle="steps-mid", linewidth=0.9)
        axis.set_ylabel("nats")
        axis.margins(x=0)
        _name_steps(axis, example, card, "x")
    rows[-1].set_xlabel(step)
    return figure


def attention(
    examples: Shaped[Tensor, "m steps *step"],
    looked: Float[Tensor, "n steps steps"],
    card: DatasetCard,
    title: str,
) -> Figure:
    """A square for each of the first two examples: a row for each step that is predicted, a column for each that was
    looked at. Of pairs, targets are rows and sources are columns."""
    count, source = min(2, len(looked)), card.spec.source_steps
    figure = Figure(figsize=(6.5 * count, 6.5), layout="constrained")
    figure.suptitle(f"{title}: which {card.step_name or 'step'}s the model looked at", fontsize="medium")
    for axis, example, weights in zip(
        figure.subplots(1, count, squeeze=False)[0], examples, looked, strict=False
    ):
        rows, columns = (
            (slice(source, None), slice(source)) if _is_of_pairs(weights, source) else (slice(None),) * 2
        )
        shown = axis.imshow(
            weights[rows, columns].double().numpy(), cmap="Greys", vmin=0, interpolation="nearest"
        )
        axis.set_xlabel("looked at")
        axis.set_ylabel("predicted")
        _name_steps(axis, example[columns], card, "x")
        _name_steps(axis, example[rows], card, "y")
        figure.colorbar(shown, ax=axis, label="share", shrink=0.6)
    return figure


def _is_of_pairs(weights: Float[Tensor, "steps steps"], source: int | None) -> bool:
    """Whether the model looked at sources alone."""
    return source is not None and not weights[:, source:].any()


def _name_steps(axis: Axes, example: Shaped[Tensor, "steps *step"], card: DatasetCard, which: str) -> None:
    """Write the symbols of a text beside an axis, if they can be read there."""
    if card.spec.modality != "tokens" or card.alphabet is None or len(example) > _MAX_LABELS:
        return
    names = [text_of(example[i : i + 1], card.alphabet).strip() or "␣" for i in range(len(example))]
    if which == "x":
        axis.set_xticks(
            range(len(names)),
            names,
            rotation=90 if max(map(len, names)) > 1 else 0,
            fontsize=6,
            family="monospace",
            parse_math=False,
        )
    else:
        axis.set_yticks(range(len(names)), names, fontsize=6, family="monospace", parse_math=False)
