"""Tiny synthetic data in every domain that a card can announce, for the contract suite."""

from __future__ import annotations

import math

import msgspec
import torch

from genbench.api.cards import ModelCard
from genbench.api.data import Dataset, Split, storage_dtype
from genbench.api.spec import DataSpec, Modality
from genbench.likelihood.audit.check_normalisation import MAX_SPACE, is_auditable

# Train on these shapes. Images: two channels and unequal sides, so that no model relies on one channel or
# on a square; 8x8 is the least that the usual two strided layers need.
_SHAPES: dict[Modality, tuple[int, ...]] = {
    "points": (3,),
    "image": (1, 8, 8),
    "series": (9, 2),
    "tokens": (9,),
    "pianoroll": (6, 5),
}
_COLOUR_SHAPE = (2, 8, 9)

# Tried in this order until one is small enough for the likelihood audit.
_SMALL_SHAPES: dict[Modality, tuple[tuple[int, ...], ...]] = {
    "points": ((5,), (4,), (2,)),
    "image": ((1, 3, 4), (1, 2, 3), (1, 2, 2), (1, 1, 2)),
    "series": ((4, 2), (3, 2), (2, 2), (2, 1)),
    "tokens": ((9,), (5,), (4,), (2,)),
    "pianoroll": ((3, 3), (3, 2), (2, 2), (1, 2)),
}
_SYMBOLIC: tuple[Modality, ...] = ("tokens", "pianoroll")
_CLASSES = 3


def tiny_specs(card: ModelCard) -> list[DataSpec]:
    """A spec for each modality and domain that the card takes: 2 levels, 5 levels, and real values; for images
    also 100 levels, of which models think otherwise than of a few. Integers have labels, real values none,
    unless the model takes conditions."""
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
            )
            if (levels is not None or modality not in _SYMBOLIC) and card.refusal(spec) is None:
                specs.append(spec)
    return specs


def small_spec(spec: DataSpec, most: int = MAX_SPACE) -> DataSpec | None:
    """The same domain, small enough for the likelihood audit, and of at most `most` examples where it has levels; None
    where two numbers have too many values."""
    candidates = [_reshaped(spec, shape, "small") for shape in _SMALL_SHAPES[spec.modality]]
    auditable = [candidate for candidate in candidates if is_auditable(candidate)]
    few = [each for each in auditable if each.levels is None or each.levels**each.dimension <= most]
    return next(iter(few or auditable), None)


def smallest_spec(spec: DataSpec) -> DataSpec:
    """The same domain, one number an example."""
    return _reshaped(spec, (1,) * len(spec.event_shape), "smallest")


def _reshaped(spec: DataSpec, shape: tuple[int, ...], suffix: str) -> DataSpec:
    return msgspec.structs.replace(spec, name=f"{spec.name}-{suffix}", event_shape=shape)


def tiny_dataset(spec: DataSpec, *, train: int = 48, seed: int = 0) -> Dataset:
    """Noisy waves, one phase a class; `train` training examples and 16 for each of the other splits."""
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
    whole = Split(spec, x, y)
    first, second, third = (whole.subset(part) for part in torch.arange(count).split([train, 16, 16]))
    return Dataset(spec, first, second, third)


def constant(split: Split) -> Split:
    """Every example the same as the first, label included."""
    return split.subset(torch.zeros(len(split), dtype=torch.int64))


def one_class(split: Split) -> Split:
    """Every label 0; the examples as they are."""
    return Split(split.spec, split.x, None if split.y is None else torch.zeros_like(split.y))


def _domain(levels: int | None) -> str:
    return "real" if levels is None else f"{levels}-levels"
