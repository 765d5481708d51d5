"""Draws samples from a model, and checks that they lie in the data's domain."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from genbench.api.data import Split, working_dtype
from genbench.api.lengths import like_lengths, pad_steps, zero_padding
from genbench.api.model import GenerativeModel, takes_lengths, takes_sampling_steps
from genbench.api.spec import DataSpec
from genbench.errors import Diverged, PluginError, SamplingTimeout
from genbench.util.seeding import derive_seed

# One call of `sample` draws at most this many numbers, so that memory does not grow with the count of samples.
_MAX_NUMBERS_PER_CALL = 2**20


def max_samples_per_call(spec: DataSpec) -> int:
    """The most samples that one call of `sample` is asked for."""
    return max(1, _MAX_NUMBERS_PER_CALL // spec.dimension)


def draw_lengths(train: Split, count: int, seed: int) -> Tensor | None:
    """Lengths of samples, (count,): those of training pieces drawn at random with replacement; None for data whose
    examples have one shape. They depend on the seed and not on the model, so that models are paired."""
    if train.lengths is None:
        return None
    generator = torch.Generator().manual_seed(derive_seed(seed, "lengths"))
    return train.lengths.cpu()[torch.randint(len(train), (count,), generator=generator)]


def draw_samples(
    model: GenerativeModel,
    count: int,
    generator: torch.Generator,
    spec: DataSpec,
    budget_seconds: float,
    *,
    steps: int | None = None,
    lengths: Tensor | None = None,
) -> Tensor:
    """Samples, (count, *event_shape), in the working type, on the CPU.

    steps: of the sampler, for models with the capability `sampling_steps`. lengths: of the samples, (count,), for
    models with the capability `lengths`; the samples are padded with zeros.
    Raises SamplingTimeout where the budget is exceeded, Diverged where samples are not finite, and PluginError where
    they are not in the data's domain.
    """
    if lengths is not None:
        return _draw_pieces(model, generator, spec, budget_seconds, lengths)
    began, drawn = time.perf_counter(), 0
    pieces: list[Tensor] = []
    with torch.no_grad():
        while drawn < count:
            size = min(max_samples_per_call(spec), count - drawn)
            pieces.append(checked_samples(_draw(model, size, generator, steps), size, spec))
            drawn += size
            if (spent := time.perf_counter() - began) > budget_seconds and drawn < count:
                raise SamplingTimeout(_too_slow(drawn, count, spent, budget_seconds))
    return torch.cat(pieces)


def _draw_pieces(
    model: GenerativeModel,
    generator: torch.Generator,
    spec: DataSpec,
    budget_seconds: float,
    lengths: Tensor,
) -> Tensor:
    """As `draw_samples`, in batches of like lengths."""
    began, drawn = time.perf_counter(), 0
    samples = torch.zeros(len(lengths), *spec.event_shape, dtype=working_dtype(spec))
    step_numbers = max(1, spec.dimension // spec.event_shape[0])
    with torch.no_grad():
        for indices in like_lengths(lengths, _MAX_NUMBERS_PER_CALL // step_numbers):
            if (spent := time.perf_counter() - began) > budget_seconds:
                raise SamplingTimeout(_too_slow(drawn, len(lengths), spent, budget_seconds))
            samples[indices] = draw_pieces_once(model, lengths[indices], generator, spec)
            drawn += len(indices)
    return samples


def _too_slow(drawn: int, count: int, spent: float, budget_seconds: float) -> str:
    each = f" ({spent / drawn:.3g} s per sample)" if drawn else ""
    return (
        f"drew {drawn} of {count} samples in {spent:.3g} s{each}, the sampling budget is {budget_seconds:g} s"
    )


def draw_pieces_once(
    model: GenerativeModel, lengths: Tensor, generator: torch.Generator, spec: DataSpec
) -> Tensor:
    """One call of `sample` for pieces of `lengths` (N,): (N, *event_shape), checked, on the CPU. Raises as
    `draw_samples` does."""
    if not takes_lengths(model):
        raise PluginError("sample takes no lengths")
    count, longest = len(lengths), int(lengths.max())
    drawn: object = model.sample(count, generator, lengths=lengths.to(generator.device))
    expected = (count, longest, *spec.step_shape)
    if not isinstance(drawn, Tensor) or tuple(drawn.shape) != expected:
        has = tuple(drawn.shape) if isinstance(drawn, Tensor) else type(drawn).__name__
        raise PluginError(
            f"sample({count}, lengths) returned {has}, expected {expected}, the longest length being {longest}"
        )
    samples = checked_samples(pad_steps(drawn.detach().cpu(), spec.event_shape[0]), count, spec)
    if not torch.equal(samples, zero_padding(samples, lengths)):
        raise PluginError("sample returned values other than 0 beyond the lengths that were asked for")
    return samples


def _draw(model: GenerativeModel, count: int, generator: torch.Generator, steps: int | None) -> Tensor:
    if steps is None:
        return model.sample(count, generator)
    if not takes_sampling_steps(model):
        raise PluginError("sample takes no number of steps")
    return model.sample(count, generator, steps=steps)


def checked_samples(samples: object, count: int, spec: DataSpec) -> Tensor:
    """The samples in the working type, on the CPU. Raises Diverged where they are not finite, and PluginError where
    they are not `count` examples of the data's domain."""
    if not isinstance(samples, Tensor):
        raise PluginError(f"sample returned {type(samples).__name__}, expected a tensor")
    expected = (count, *spec.event_shape)
    if tuple(samples.shape) != expected:
        raise PluginError(f"sample({count}) returned shape {tuple(samples.shape)}, expected {expected}")
    samples = samples.detach().cpu()
    if samples.is_floating_point():
        broken = int((~samples.isfinite()).flatten(1).any(1).sum())
        if broken:
            raise Diverged(f"{broken} of {count} samples are not finite")
    if spec.levels is not None:
        if samples.is_floating_point() or samples.is_complex():
            raise PluginError(f"sample returned {samples.dtype}, expected integers 0..{spec.levels - 1}")
        low, high = int(samples.min()), int(samples.max())
        if low < 0 or high >= spec.levels:
            raise PluginError(f"samples range over {low}..{high}, expected 0..{spec.levels - 1}")
    elif not samples.is_floating_point():
        raise PluginError(f"sample returned {samples.dtype}, expected float32")
    return samples.to(working_dtype(spec))
