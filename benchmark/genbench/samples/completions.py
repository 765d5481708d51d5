"""Completions of held-out images whose pixels are given in part, for each mask of `genbench.samples.masks`.

A model with `complete` fills in the missing pixels itself. For a decoder, a latent is drawn from its posterior
(`genbench.samples.posterior_completion`). A model that cannot complete a mask raises UnsupportedMask; the mask then has
a reason in place of images.
"""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass

import torch
from torch import Tensor

from genbench.api.data import storage_dtype, working_dtype
from genbench.api.model import Completes, GenerativeModel, HasDecoder, HasMissingLogProb
from genbench.api.spec import DataSpec
from genbench.errors import PluginError, UnsupportedMask
from genbench.records.job import Job
from genbench.samples.draw import checked_samples
from genbench.samples.masks import MASK_NAMES, MaskName, make_mask
from genbench.samples.posterior_completion import LatentCompleter
from genbench.util.seeding import derive_seed
from genbench.util.tensor_files import TensorFile

_MIN_EXAMPLES = 64
_SHARE_OF_SAMPLES = 16
# A decoder takes one Langevin step for every so many samples that the suite asks for.
_SAMPLES_PER_STEP = 50


@dataclass(frozen=True)
class Completion:
    """The completions of one mask."""

    x: Tensor | None = None
    """Completed images, (N, *event_shape), in the working type; None where there are none."""
    log_prob: Tensor | None = None
    """Log-likelihood of the missing pixels' true values given the others, (N,) nats; None where the model does not
    compute it."""
    reason: str | None = None
    """Why there are no images."""


Completions = dict[MaskName, Completion]


def completed_count(job: Job, held_out: int) -> int:
    """How many images are completed: the first ones of the reference. They are compared with as many others."""
    return min(held_out // 2, max(_MIN_EXAMPLES, job.samples // _SHARE_OF_SAMPLES))


def masks_for(spec: DataSpec, dataset: str, count: int) -> dict[MaskName, Tensor]:
    """The masks, (count, *event_shape) each, which are the same for every model and seed."""
    seed = derive_seed(0, dataset, "masks")
    return {name: make_mask(name, spec, count, seed) for name in MASK_NAMES}


def complete_all(
    model: GenerativeModel, reference: Tensor, job: Job, seed: int, device: torch.device
) -> Completions | None:
    """The completions of every mask; None for data without pixels and for models that cannot complete.

    reference: (M, *event_shape) held-out images, in the working type. A mask for which the plugin fails has a reason in
    place of images, and so have the masks that remain once the sampling budget is spent.
    """
    spec = model.spec
    count = completed_count(job, len(reference))
    if spec.modality != "image" or count < 2 or not isinstance(model, Completes | HasDecoder):
        return None
    x = reference[:count].to(device)
    generator = torch.Generator(device).manual_seed(seed)
    began = time.perf_counter()
    completer: LatentCompleter | Completes | None = model if isinstance(model, Completes) else None
    found: Completions = {}
    for name, given in masks_for(spec, job.dataset, count).items():
        if time.perf_counter() - began > job.sampling_seconds:
            found[name] = Completion(reason=f"the sampling budget of {job.sampling_seconds:g}s was spent")
            continue
        try:
            if completer is None:
                completer = LatentCompleter(model, generator, steps=max(2, job.samples // _SAMPLES_PER_STEP))
            found[name] = _complete(model, completer, x, given.to(device), generator)
        except UnsupportedMask as refusal:
            found[name] = Completion(reason=str(refusal))
        except Exception as error:  # a plugin's
            traceback.print_exc()
            found[name] = Completion(reason=f"{type(error).__name__}: {error}")
    return found


def _complete(
    model: GenerativeModel,
    completer: LatentCompleter | Completes,
    x: Tensor,
    given: Tensor,
    generator: torch.Generator,
) -> Completion:
    with torch.no_grad():
        completed = checked_samples(completer.complete(x.clone(), given, generator), len(x), model.spec)
        if not torch.equal(completed[given.cpu()], x[given].cpu()):
            raise PluginError("complete changed pixels that were given")
        log_prob = None
        if isinstance(model, HasMissingLogProb):
            log_prob = model.missing_log_prob(x, given).cpu()
            if tuple(log_prob.shape) != (len(x),):
                raise PluginError(f"missing_log_prob has shape {tuple(log_prob.shape)}, expected {(len(x),)}")
    return Completion(completed, log_prob)


def as_tensor_file(completions: Completions, spec: DataSpec) -> TensorFile:
    """What is stored: images and log-likelihoods as tensors, reasons as texts, by mask."""
    tensors: dict[str, Tensor] = {}
    for name, completion in completions.items():
        if completion.x is not None:
            tensors[name] = completion.x.to(storage_dtype(spec))
        if completion.log_prob is not None:
            tensors[f"{name}.log_prob"] = completion.log_prob
    return TensorFile(
        tensors, {name: each.reason for name, each in completions.items() if each.reason is not None}
    )


def from_tensor_file(file: TensorFile, spec: DataSpec) -> Completions:
    """What `as_tensor_file` stored."""
    found: Completions = {}
    for name in MASK_NAMES:
        x, reason = file.tensors.get(name), file.texts.get(name)
        if x is not None or reason is not None:
            worked = None if x is None else x.to(working_dtype(spec))
            found[name] = Completion(worked, file.tensors.get(f"{name}.log_prob"), reason)
    return found
