"""What a model made besides its samples, kept in files beside them, so that it can be scored again."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from genbench.api.data import Dataset
from genbench.api.model import GenerativeModel, takes_condition
from genbench.errors import PluginError
from genbench.records.job import Job
from genbench.records.run_folder import WORK_FOLDER
from genbench.samples import class_samples, completions
from genbench.samples.class_samples import ClassSamples, draw_classes, with_real_examples
from genbench.samples.completions import Completions, complete_all
from genbench.samples.latent_traversals import compute_latent_traversals
from genbench.util.seeding import derive_seed
from genbench.util.tensor_files import TensorFile, read_tensors_if_any, write_tensors

COMPLETIONS_FILE = "completions.safetensors"
CLASS_SAMPLES_FILE = "class-samples.safetensors"
LATENT_TRAVERSALS_FILE = "inside.safetensors"


@dataclass(frozen=True)
class ConditionalSamples:
    """Each None where the model, or the data, have nothing of the kind. inside: for pictures; not read back."""

    completions: Completions | None = None
    class_samples: ClassSamples | None = None
    latent_traversals: TensorFile | None = None


def make_conditional_samples(
    model: GenerativeModel,
    capabilities: tuple[str, ...],
    dataset: Dataset,
    reference: Tensor,
    job: Job,
    device: torch.device,
) -> ConditionalSamples:
    """All that the model can do of it, off every clock. The model is in evaluation mode. capabilities: as its card
    has them; a `sample` that takes a condition looks like any other."""
    seed = derive_seed(job.seed, job.dataset, "completions")
    return ConditionalSamples(
        complete_all(model, reference, job, seed, device),
        _class_samples(model, dataset, job, device) if "condition" in capabilities else None,
        compute_latent_traversals(model, reference, device),
    )


def _class_samples(
    model: GenerativeModel, dataset: Dataset, job: Job, device: torch.device
) -> ClassSamples | None:
    seed = derive_seed(job.seed, job.dataset, "class samples")
    reason = None
    try:
        if not takes_condition(model):
            raise PluginError("the card announces the capability condition, but sample takes none")
        drawn = draw_classes(model, dataset, job, seed, device)
        if drawn is None:
            return None
    except Exception as error:  # a plugin's
        traceback.print_exc()
        drawn, reason = None, f"{type(error).__name__}: {error}"
    return with_real_examples(drawn, reason, dataset, job)


def save_conditional_samples(folder: Path, conditional_samples: ConditionalSamples, dataset: Dataset) -> None:
    """Into the job's folder."""
    if conditional_samples.completions is not None:
        _save(
            completions.as_tensor_file(conditional_samples.completions, dataset.spec),
            folder / COMPLETIONS_FILE,
        )
    if conditional_samples.class_samples is not None:
        _save(
            class_samples.as_tensor_file(conditional_samples.class_samples, dataset.spec),
            folder / CLASS_SAMPLES_FILE,
        )
    if conditional_samples.latent_traversals is not None:
        _save(conditional_samples.latent_traversals, folder / LATENT_TRAVERSALS_FILE)


def _save(file: TensorFile, path: Path) -> None:
    write_tensors(file.tensors, path, file.texts, partial_folder=path.parent / WORK_FOLDER)


def load_conditional_samples(folder: Path, dataset: Dataset, job: Job) -> ConditionalSamples:
    """What there is of it. Raises DataError where a file is damaged."""
    completed, drawn = (read_tensors_if_any(folder / name) for name in (COMPLETIONS_FILE, CLASS_SAMPLES_FILE))
    return ConditionalSamples(
        None if completed is None else completions.from_tensor_file(completed, dataset.spec),
        None if drawn is None else class_samples.from_tensor_file(drawn, dataset, job),
    )
