"""An equal number of samples of each class, and of real examples to hold them against.

Test examples are the reference; as many validation examples say what held-out real data get.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from genbench.api.data import Dataset, Split, storage_dtype, working_dtype
from genbench.api.model import Conditional
from genbench.api.spec import DataSpec
from genbench.errors import PluginError
from genbench.records.job import Job
from genbench.samples.draw import checked_samples, max_samples_per_call
from genbench.util.seeding import derive_seed
from genbench.util.tensor_files import TensorFile

_MIN_SAMPLES_PER_CLASS = 25
_SHARE_OF_SAMPLES = 2


@dataclass(frozen=True)
class ClassSamples:
    """(K, m, *event_shape) each, in the working dtype: what was drawn of class k, and real data of it that were
    held out, twice. drawn: None where the model failed, and `reason` says how."""

    drawn: Tensor | None
    reference: Tensor
    real: Tensor
    reason: str | None = None


def examples_per_class(dataset: Dataset, job: Job) -> int:
    """m: what the suite's samples allow, bounded by the rarest class of what is held out; 0 without labels."""
    classes = dataset.spec.classes
    if classes is None or dataset.test.y is None or dataset.valid.y is None:
        return 0
    wanted = max(_MIN_SAMPLES_PER_CLASS, job.samples // (_SHARE_OF_SAMPLES * classes))
    rarest = [int(y.bincount(minlength=classes).min()) for y in (dataset.test.y, dataset.valid.y)]
    return min(wanted, *rarest)


def draw_classes(
    model: Conditional, dataset: Dataset, job: Job, seed: int, device: torch.device
) -> Tensor | None:
    """(K, m, *event_shape) in the working dtype, on the CPU; None where a class has less than two held-out examples.

    Raises what the plugin raises, and PluginError for samples that are none of the data's domain.
    """
    spec, m = dataset.spec, examples_per_class(dataset, job)
    if m < 2 or spec.classes is None:
        return None
    generator = torch.Generator(device).manual_seed(seed)
    labels = torch.arange(spec.classes, device=device).repeat_interleave(m)
    pieces = []
    with torch.no_grad():
        for some in labels.split(max_samples_per_call(spec)):
            drawn = model.sample(len(some), generator, condition=some)
            pieces.append(checked_samples(drawn, len(some), spec))
    by_class: Tensor = torch.cat(pieces).unflatten(0, (spec.classes, m))
    return by_class


def real_classes(split: Split, m: int, seed: int) -> Tensor:
    """(K, m, *event_shape) in the working dtype: the same ones for every model."""
    assert split.y is not None
    assert split.spec.classes is not None
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for label in range(split.spec.classes):
        mine = (split.y == label).nonzero()[:, 0]
        rows.append(mine[torch.randperm(len(mine), generator=generator)[:m]])
    by_class: Tensor = split.take(torch.cat(rows)).x.unflatten(0, (split.spec.classes, m))
    return by_class


def with_real_examples(drawn: Tensor | None, reason: str | None, dataset: Dataset, job: Job) -> ClassSamples:
    """What was drawn with what it is held against."""
    m = examples_per_class(dataset, job)
    seed = derive_seed(0, job.dataset, "classes")
    if drawn is not None and drawn.shape[1] != m:
        raise PluginError(f"{drawn.shape[1]} samples of each class, expected {m}")
    return ClassSamples(
        drawn, real_classes(dataset.test, m, seed), real_classes(dataset.valid, m, seed), reason
    )


def as_tensor_file(samples: ClassSamples, spec: DataSpec) -> TensorFile:
    """The real examples are the data set's, and not kept."""
    drawn = {} if samples.drawn is None else {"samples": samples.drawn.to(storage_dtype(spec))}
    return TensorFile(drawn, {} if samples.reason is None else {"reason": samples.reason})


def from_tensor_file(kept: TensorFile, dataset: Dataset, job: Job) -> ClassSamples:
    drawn = kept.tensors.get("samples")
    worked = None if drawn is None else drawn.to(working_dtype(dataset.spec))
    return with_real_examples(worked, kept.texts.get("reason"), dataset, job)
