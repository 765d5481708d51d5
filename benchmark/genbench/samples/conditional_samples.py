"""Completions, samples of given classes, latent traversals and translations of a job, and their files."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from genbench.api.data import Dataset
from genbench.api.model import GenerativeModel, takes_condition
from genbench.api.spec import DataSpec
from genbench.errors import PluginError
from genbench.records.attempts import WORK_FOLDER
from genbench.records.job import Job
from genbench.records.run_paths import run_folder_of
from genbench.samples import class_samples, completions, translations
from genbench.samples.class_samples import ClassSamples, draw_classes, with_real_examples
from genbench.samples.completions import Completions, complete_all
from genbench.samples.latent_traversals import compute_latent_traversals
from genbench.samples.translations import Translations, translate_all
from genbench.util.seeding import derive_seed
from genbench.util.tensor_files import TensorFile, read_tensors_if_any, write_tensors

COMPLETIONS_FILE = "completions.safetensors"
CLASS_SAMPLES_FILE = "class-samples.safetensors"
LATENT_TRAVERSALS_FILE = "inside.safetensors"
TRANSLATIONS_FILE = "translations.safetensors"


@dataclass(frozen=True)
class ConditionalSamples:
    """What a model generates besides plain samples. Each field is None where model or data do not allow it."""

    completions: Completions | None = None
    """Images that the model completed, for each mask."""
    class_samples: ClassSamples | None = None
    """Samples of given classes."""
    latent_traversals: TensorFile | None = None
    """Tensors for pictures (`genbench.samples.latent_traversals`). `load_conditional_samples` does not read them."""
    translations: Translations | None = None
    """What the model answers to the sources of held-out pairs."""


def make_conditional_samples(
    model: GenerativeModel,
    capabilities: tuple[str, ...],
    dataset: Dataset,
    reference: Tensor,
    job: Job,
    device: torch.device,
) -> ConditionalSamples:
    """Everything of `ConditionalSamples` that the model can generate. No clock runs.

    model: in evaluation mode. capabilities: those that the model's card announces. reference: (M, *event_shape) test
    examples, in the working type.
    """
    seed = derive_seed(job.seed, job.dataset, "completions")
    return ConditionalSamples(
        complete_all(model, reference, job, seed, device),
        _class_samples(model, dataset, job, device) if "condition" in capabilities else None,
        compute_latent_traversals(model, reference, device),
        translate_all(model, reference, job.sampling_seconds, seed, device),
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
    """Write the files into the job's folder."""
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
    if conditional_samples.translations is not None:
        _save(
            translations.as_tensor_file(conditional_samples.translations, dataset.spec),
            folder / TRANSLATIONS_FILE,
        )


def _save(file: TensorFile, path: Path) -> None:
    write_tensors(file.tensors, path, file.texts, partial_folder=path.parent / WORK_FOLDER)


def load_conditional_samples(folder: Path, dataset: Dataset, job: Job) -> ConditionalSamples:
    """Read the files that there are. Raises DataError where one is damaged."""
    root = run_folder_of(folder)
    completed, drawn = (
        read_tensors_if_any(folder / name, within=root) for name in (COMPLETIONS_FILE, CLASS_SAMPLES_FILE)
    )
    return ConditionalSamples(
        None if completed is None else completions.from_tensor_file(completed, dataset.spec),
        None if drawn is None else class_samples.from_tensor_file(drawn, dataset, job),
        translations=load_translations(folder, dataset.spec),
    )


def load_translations(folder: Path, spec: DataSpec) -> Translations | None:
    """The answers that a job's folder holds; None where there are none. Raises DataError where the file is damaged."""
    stored = read_tensors_if_any(folder / TRANSLATIONS_FILE, within=run_folder_of(folder))
    return None if stored is None else translations.from_tensor_file(stored, spec)
