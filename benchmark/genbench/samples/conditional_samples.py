"""What a model made besides its samples, kept in files beside them, so that it can be scored again."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from genbench.api.data import Dataset
from genbench.api.model import GenerativeModel
from genbench.records.job import Job
from genbench.records.run_folder import WORK_FOLDER
from genbench.samples import class_samples, completions
from genbench.samples.class_samples import ClassSamples, beside_real_data, draw_classes
from genbench.samples.completions import Completions, complete_all
from genbench.samples.latent_traversals import look_inside
from genbench.util.seeding import derive_seed
from genbench.util.tensor_files import TensorFile, read_tensors_if_any, write_tensors

COMPLETIONS_FILE = "completions.safetensors"
CLASS_SAMPLES_FILE = "class-samples.safetensors"
INSIDE_FILE = "inside.safetensors"


@dataclass(frozen=True)
class Beside:
    """Each None where the model, or the data, have nothing of the kind. inside: for pictures; not read back."""

    completions: Completions | None = None
    class_samples: ClassSamples | None = None
    inside: TensorFile | None = None


def make_beside(
    model: GenerativeModel,
    capabilities: tuple[str, ...],
    dataset: Dataset,
    reference: Tensor,
    job: Job,
    device: torch.device,
) -> Beside:
    """All that the model can do of it, off every clock. The model is in evaluation mode. capabilities: as its card
    has them; a `sample` that takes a condition looks like any other."""
    seed = derive_seed(job.seed, job.dataset, "completions")
    return Beside(
        complete_all(model, reference, job, seed, device),
        _class_samples(model, dataset, job, device) if "condition" in capabilities else None,
        look_inside(model, reference, device),
    )


def _class_samples(
    model: GenerativeModel, dataset: Dataset, job: Job, device: torch.device
) -> ClassSamples | None:
    seed = derive_seed(job.seed, job.dataset, "class samples")
    reason = None
    try:
        drawn = draw_classes(model, dataset, job, seed, device)
        if drawn is None:
            return None
    except Exception as error:  # a plugin's
        traceback.print_exc()
        drawn, reason = None, f"{type(error).__name__}: {error}"
    return beside_real_data(drawn, reason, dataset, job)


def save_beside(folder: Path, beside: Beside, dataset: Dataset) -> None:
    """Into the job's folder."""
    if beside.completions is not None:
        _save(completions.as_tensor_file(beside.completions, dataset.spec), folder / COMPLETIONS_FILE)
    if beside.class_samples is not None:
        _save(class_samples.as_tensor_file(beside.class_samples, dataset.spec), folder / CLASS_SAMPLES_FILE)
    if beside.inside is not None:
        _save(beside.inside, folder / INSIDE_FILE)


def _save(file: TensorFile, path: Path) -> None:
    write_tensors(file.tensors, path, file.texts, partial_folder=path.parent / WORK_FOLDER)


def load_beside(folder: Path, dataset: Dataset, job: Job) -> Beside:
    """What there is of it. Raises DataError where a file is damaged."""
    completed, drawn = (read_tensors_if_any(folder / name) for name in (COMPLETIONS_FILE, CLASS_SAMPLES_FILE))
    return Beside(
        None if completed is None else completions.from_tensor_file(completed, dataset.spec),
        None if drawn is None else class_samples.from_tensor_file(drawn, dataset, job),
    )
