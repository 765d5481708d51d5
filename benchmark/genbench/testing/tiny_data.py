"""Tiny synthetic data of every domain that a card can announce, for the contract suite."""

from __future__ import annotations

import math

import msgspec
import torch

from genbench.api.cards import ModelCard
from genbench.api.data import Dataset, Split, storage_dtype
from genbench.api.lengths import zero_padding
from genbench.api.spec import DataSpec, Modality
from genbench.likelihood.audit.check_normalisation import MAX_SPACE, is_auditable

# Shapes to train on. Colour images have two channels and unequal sides, so that no model can rely on one channel or
# on a square. 8x8 is the smallest size for the usual two strided layers.
_SHAPES: dict[Modality, tuple[int, ...]] = {
    "points": (3,),
    "image": (1, 8, 8),
    "series": (9, 2),
    "tokens": (9,),
    "pianoroll": (6, 5),
}
_COLOUR_SHAPE = (2, 8, 9)

# Shapes that are tried in this order until one is small enough for the audit of likelihoods.
_SMALL_SHAPES: dict[Modality, tuple[tuple[int, ...], ...]] = {
    "points": ((5,), (4,), (2,)),
    "image": ((1, 3, 4), (1, 2, 3), (1, 2, 2), (1, 1, 2)),
    "series": ((4, 2), (3, 2), (2, 2), (2, 1)),
    "tokens": ((9,), (5,), (4,), (2,)),
    "pianoroll": ((3, 3), (3, 2), (2, 2), (1, 2)),
}
_SYMBOLIC: tuple[Modality, ...] = ("tokens", "pianoroll")
_CLASSES = 3
_SOURCE_STEPS = 4


def tiny_specs(card: ModelCard) -> list[DataSpec]:
    """A spec for each modality and domain that the card takes: 2 levels, 5 levels and real values, and for images 100
    levels, which models treat differently from few. Integers have labels; real values have labels only if the model
    takes conditions."""
    specs = []
    for modality in card.modalities:
        for levels in (2, 5, 100, None) if modality == "image" else (2, 5, None):
            shape = _COLOUR_SHAPE if (modality, levels) == ("image", 5) else _SHAPES[modality]
            spec = DataSpec(
                name=f"tiny-{modality}-{_domain(levels)}",
                modality=modality,
                event_shape=shape,
                levels=levels,
                classes=_CLASSES if levels is not None or "condition" in card.capabilities else None,
                source_steps=_SOURCE_STEPS if card.requires_source and modality == "tokens" else None,
            )
            if (levels is not None or modality not in _SYMBOLIC) and card.refusal(spec) is None:
                specs.append(spec)
    return specs


def pieces_spec(spec: DataSpec) -> DataSpec | None:
    """A spec of this domain whose examples are pieces of different lengths; None where they are no sequences."""
    if not spec.is_sequence:
        return None
    return msgspec.structs.replace(spec, name=f"{spec.name}-pieces", variable_length=True, source_steps=None)


def small_spec(spec: DataSpec, most: int = MAX_SPACE) -> DataSpec | None:
    """A spec of this domain that is small enough for the audit of likelihoods, with at most `most` possible examples
    where it has levels; None where two numbers already have too many values."""
    candidates = [_reshaped(spec, shape, "small") for shape in _SMALL_SHAPES[spec.modality]]
    auditable = [candidate for candidate in candidates if is_auditable(candidate)]
    few = [each for each in auditable if each.levels is None or each.levels**each.dimension <= most]
    return next(iter(few or auditable), None)


def smallest_spec(spec: DataSpec) -> DataSpec:
    """A spec of this domain with one number per example; of pairs, with one in the source and one in the target."""
    shape = (2,) if spec.source_steps is not None else (1,) * len(spec.event_shape)
    return _reshaped(spec, shape, "smallest")


def _reshaped(spec: DataSpec, shape: tuple[int, ...], suffix: str) -> DataSpec:
    source = None if spec.source_steps is None or shape[0] < 2 else min(spec.source_steps, shape[0] // 2)
    return msgspec.structs.replace(spec, name=f"{spec.name}-{suffix}", event_shape=shape, source_steps=source)


def tiny_dataset(spec: DataSpec, *, train: int = 48, seed: int = 0) -> Dataset:
    """Noisy waves with a phase per class, cut to random lengths where the spec says `variable_length`. train: the
    number of training examples; the other splits have 16 each."""
    generator = torch.Generator().manual_seed(seed)
    count = train + 32
    label = torch.arange(count) % _CLASSES
    position = torch.arange(spec.dimension) / spec.dimension
    phase = position + label.unsqueeze(1) / _CLASSES  # N, D
    wave = 0.5 + 0.35 * torch.sin(2 * math.pi * phase) + 0.1 * torch.randn(phase.shape, generator=generator)
    if spec.levels is None:
        values = 4 * wave - 2
    else:
        values = (wave * spec.levels).floor().clamp(0, spec.levels - 1)
    x = values.reshape(count, *spec.event_shape).to(storage_dtype(spec))
    y = None if spec.classes is None else label % spec.classes
    lengths = None
    if spec.variable_length:
        lengths = torch.randint(1, spec.event_shape[0] + 1, (count,), generator=generator)
        x = zero_padding(x, lengths)
    whole = Split(spec, x, y, lengths=lengths)
    first, second, third = (whole.subset(part) for part in torch.arange(count).split([train, 16, 16]))
    return Dataset(spec, first, second, third)


def constant(split: Split) -> Split:
    """The split with every example, and its label, replaced by the first."""
    return split.subset(torch.zeros(len(split), dtype=torch.int64))


def one_class(split: Split) -> Split:
    """The split with every label replaced by 0."""
    y = None if split.y is None else torch.zeros_like(split.y)
    return Split(split.spec, split.x, y, lengths=split.lengths)


def _domain(levels: int | None) -> str:
    return "real" if levels is None else f"{levels}-levels"
