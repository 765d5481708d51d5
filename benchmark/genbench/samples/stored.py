"""The file of a job's samples, from which metrics can be computed again."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from genbench.api.data import storage_dtype
from genbench.api.lengths import check_lengths
from genbench.api.spec import DataSpec
from genbench.errors import DataError, GenbenchError
from genbench.records.attempts import WORK_FOLDER
from genbench.records.run_paths import run_folder_of
from genbench.samples.draw import checked_samples
from genbench.util.regular_files import RefusedFileError
from genbench.util.tensor_files import READ_ERRORS, read_tensors, reason_of, write_tensors

_NAME, _LENGTHS = "samples", "lengths"


def save_samples(path: Path, samples: Tensor, spec: DataSpec, lengths: Tensor | None = None) -> None:
    """Write the samples atomically.

    samples: (N, *event_shape) in the working dtype; the storage dtype holds them without loss. lengths: of pieces of
    different lengths, (N,).
    """
    stored = {_NAME: samples.to(storage_dtype(spec))}
    if lengths is not None:
        stored[_LENGTHS] = lengths.cpu()
    write_tensors(stored, path, partial_folder=path.parent / WORK_FOLDER)


def load_samples(path: Path, spec: DataSpec, count: int) -> Tensor:
    """(count, *event_shape) in the working dtype, padded with zeros where pieces have different lengths. Raises
    DataError, which names the file and what is wrong."""
    samples, _ = load_samples_and_lengths(path, spec, count)
    return samples


def load_samples_and_lengths(path: Path, spec: DataSpec, count: int) -> tuple[Tensor, Tensor | None]:
    """`load_samples`, and the lengths of the pieces, (count,); None where the spec says that all have one shape."""
    try:
        # the first version wrote no checksum
        tensors = read_tensors(path, checksum_required=False, within=run_folder_of(path)).tensors
        stored, lengths = tensors[_NAME], tensors[_LENGTHS] if spec.variable_length else None
    except FileNotFoundError:
        raise DataError(f"{path.name} is missing from {path.parent}") from None
    except RefusedFileError as error:
        raise DataError(f"{path} {error.strerror}") from None
    except KeyError:
        missing = _NAME if not spec.variable_length else f"{_NAME} with lengths"
        raise DataError(f"{path} is damaged: it holds no {missing}") from None
    except READ_ERRORS as error:
        raise DataError(f"{path} is damaged: {reason_of(error)}") from None
    if stored.dtype != storage_dtype(spec):
        raise DataError(f"{path} holds {stored.dtype}, expected {storage_dtype(spec)}")
    if lengths is not None:
        check_lengths(lengths, count, spec.event_shape[0], str(path))
    try:
        return checked_samples(stored, count, spec), lengths
    except GenbenchError as error:
        raise DataError(f"{path}: {error}") from None
