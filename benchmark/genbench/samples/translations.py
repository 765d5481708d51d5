"""A model's answers to the sources of held-out pairs (`DataSpec.source_steps`).

A model with `translate` gives its best answer. One that can `continue_from` a prompt continues the source, and one that
can `complete` fills in the target: their answers are draws, where the model draws.
"""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass

import torch
from torch import Tensor

from genbench.api.data import storage_dtype, working_dtype
from genbench.api.model import Completes, Continues, GenerativeModel, Translates
from genbench.api.spec import DataSpec
from genbench.errors import PluginError, UnsupportedMask
from genbench.samples.draw import checked_samples
from genbench.util.tensor_files import TensorFile

_AT_ONCE = 256
_X, _REASON = "translations", "reason"


@dataclass(frozen=True)
class Translations:
    """Answers to the sources of the first reference pairs."""

    x: Tensor | None = None
    """Source and answer, (N, T), in the working type; None where there are none."""
    reason: str | None = None
    """Why there are none."""


def translate_all(
    model: GenerativeModel, reference: Tensor, seconds: float, seed: int, device: torch.device
) -> Translations | None:
    """The answers to the sources of `reference`; None for data that are no pairs and for models that cannot answer.

    reference: (N, T) held-out pairs, in the working type. The model sees the sources alone: the targets are replaced by
    the symbol 0 before. seconds: where they are spent, the pairs that remain are left out.
    """
    source = model.spec.source_steps
    if source is None or not isinstance(model, Translates | Continues | Completes):
        return None
    generator = torch.Generator(device).manual_seed(seed)
    began, found = time.perf_counter(), list[Tensor]()
    try:
        for some in reference.split(_AT_ONCE):
            if found and time.perf_counter() - began > seconds:
                break
            found.append(_translated(model, some.to(device), source, generator))
    except UnsupportedMask:
        return None
    except Exception as error:  # a plugin's
        traceback.print_exc()
        return Translations(reason=f"{type(error).__name__}: {error}")
    return Translations(torch.cat(found))


def _translated(model: GenerativeModel, x: Tensor, source: int, generator: torch.Generator) -> Tensor:
    given = torch.arange(x.shape[1], device=x.device) < source
    asked = x * given
    with torch.no_grad():
        if isinstance(model, Translates):
            answered = model.translate(asked)
        elif isinstance(model, Continues):
            answered = model.continue_from(asked, torch.full((len(x),), source, device=x.device), generator)
        else:
            assert isinstance(model, Completes)
            answered = model.complete(asked, given.expand_as(x), generator)
    answered = checked_samples(answered, len(x), model.spec)
    if not torch.equal(answered[:, :source], x[:, :source].cpu()):
        raise PluginError("the translation changed the source")
    return answered


def as_tensor_file(translations: Translations, spec: DataSpec) -> TensorFile:
    """What is stored: the pairs, or the reason why there are none."""
    tensors = {} if translations.x is None else {_X: translations.x.to(storage_dtype(spec))}
    return TensorFile(tensors, {} if translations.reason is None else {_REASON: translations.reason})


def from_tensor_file(file: TensorFile, spec: DataSpec) -> Translations | None:
    """What `as_tensor_file` stored; None where the file holds nothing of the kind."""
    x, reason = file.tensors.get(_X), file.texts.get(_REASON)
    if x is None and reason is None:
        return None
    return Translations(None if x is None else x.to(working_dtype(spec)), reason)
