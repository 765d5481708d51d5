"""Equally many samples of each class, and real examples to compare them with.

The samples are compared with test examples. As many validation examples are compared in the same way, which gives the
value of held-out real data.
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
    """m samples and real examples of each of K classes, in the working type."""

    drawn: Tensor | None
    """Samples of each class, (K, m, *event_shape); None where the model failed."""
    reference: Tensor
    """Test examples of each class, (K, m, *event_shape)."""
    real: Tensor
    """Validation examples of each class, (K, m, *event_shape)."""
    reason: str | None = None
    """How the model failed."""


def examples_per_class(dataset: Dataset, job: Job) -> int:
    """m, the number of samples of each class: it grows with the suite's number of samples, up to the size of the rarest
    class in the validation or the test split. 0 for data without labels."""
    classes = dataset.spec.classes
    if classes is None or dataset.test.y is None or dataset.valid.y is None:
        return 0
    wanted = max(_MIN_SAMPLES_PER_CLASS, job.samples // (_SHARE_OF_SAMPLES * classes))
    rarest = [int(y.bincount(minlength=classes).min()) for y in (dataset.test.y, dataset.valid.y)]
    return min(wanted, *rarest)


def draw_classes(
    model: Conditional, dataset: Dataset, job: Job, seed: int, device: torch.device
) -> Tensor | None:
    """Samples of each class, (K, m, *event_shape), in the working type, on the CPU; None where a class has fewer than
    two held-out examples.

    Raises what the plugin raises, and PluginError for samples outside the data's domain.
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
    """m examples of each class, (K, m, *event_shape), in the working type. They depend on the seed, not on the
    model."""
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
    """The samples with the real examples that they are compared with. Raises PluginError where the numbers differ."""
    m = examples_per_class(dataset, job)
    seed = derive_seed(0, job.dataset, "classes")
    if drawn is not None and drawn.shape[1] != m:
        raise PluginError(f"{drawn.shape[1]} samples of each class, expected {m}")
    return ClassSamples(
        drawn, real_classes(dataset.test, m, seed), real_classes(dataset.valid, m, seed), reason
    )


def as_tensor_file(samples: ClassSamples, spec: DataSpec) -> TensorFile:
    """What is stored: the samples as a tensor, the reason as a text. The real examples come from the data set."""
    drawn = {} if samples.drawn is None else {"samples": samples.drawn.to(storage_dtype(spec))}
    return TensorFile(drawn, {} if samples.reason is None else {"reason": samples.reason})


def from_tensor_file(file: TensorFile, dataset: Dataset, job: Job) -> ClassSamples:
    """What `as_tensor_file` stored, with the real examples."""
    drawn = file.tensors.get("samples")
    worked = None if drawn is None else drawn.to(working_dtype(dataset.spec))
    return with_real_examples(worked, file.texts.get("reason"), dataset, job)
