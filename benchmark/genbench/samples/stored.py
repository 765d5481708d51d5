"""The file of a job's samples, from which metrics can be computed again."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from torch import Tensor

from genbench.api.data import storage_dtype
from genbench.api.spec import DataSpec
from genbench.errors import DataError, GenbenchError
from genbench.records.attempts import WORK_FOLDER
from genbench.samples.draw import checked_samples
from genbench.util.tensor_files import read_tensors, write_tensors

_NAME = "samples"


def save_samples(path: Path, samples: Tensor, spec: DataSpec) -> None:
    """Write the samples atomically.

    samples: (N, *event_shape) in the working dtype; the storage dtype holds them without loss.
    """
    stored = {_NAME: samples.to(storage_dtype(spec))}
    write_tensors(stored, path, partial_folder=path.parent / WORK_FOLDER)


def load_samples(path: Path, spec: DataSpec, count: int) -> Tensor:
    """(count, *event_shape) in the working dtype. Raises DataError, which names the file and what is wrong."""
    try:
        # the first version wrote no checksum
        stored = read_tensors(path, checksum_required=False).tensors[_NAME]
    except FileNotFoundError:
        raise DataError(f"{path.name} is missing from {path.parent}") from None
    except KeyError:
        raise DataError(f"{path} is damaged: it holds no samples") from None
    except (SafetensorError, OSError, DataError) as error:
        raise DataError(f"{path} is damaged: {error}") from None
    if stored.dtype != storage_dtype(spec):
        raise DataError(f"{path} holds {stored.dtype}, expected {storage_dtype(spec)}")
    try:
        return checked_samples(stored, count, spec)
    except GenbenchError as error:
        raise DataError(f"{path}: {error}") from None
