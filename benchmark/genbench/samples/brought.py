"""Samples that others have drawn, from arrays and files to examples of a data set.

Nothing is guessed: values that a data set cannot have are refused in one line that says what to do. Files of numbers
are read here (.npy, .npz, .safetensors); images, texts, tables and MIDI files by the data set source that names their
suffix on its card (`DatasetSourceCard.samples`).
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file
from torch import Tensor

from genbench.api.cards import DatasetCard, DatasetSourceCard, load_factory
from genbench.api.data import working_dtype
from genbench.api.lengths import check_lengths, zero_padding
from genbench.api.spec import DataSpec
from genbench.errors import DataError, UsageError
from genbench.util.checksums import checksum_of

_ARRAYS = (".npy", ".npz", ".safetensors")
_NAMES = ("samples", "x", "arr_0")
"""Which of several arrays in a file are the samples, in this order."""
_LENGTHS = "lengths"
MIN_SAMPLES = 2
_MAX_FILES = 1_000_000
Array = NDArray[Any]


@dataclass(frozen=True)
class Brought:
    """Samples in the domain of a data set."""

    x: Tensor
    """(N, *event_shape) in the working type."""
    lengths: Tensor | None
    """Lengths of pieces, (N,) int64; None where all examples have one shape."""
    checksum: str
    """SHA-256 of the file or of the values, 64 hexadecimal digits."""
    file: str | None = None
    """Where they were read; None for an array in memory."""


@dataclass(frozen=True)
class GaussianFile:
    """Mean and covariance of features, as other libraries save them."""

    mean: Array
    """(D,) float64."""
    covariance: Array
    """(D, D) float64."""


def read_brought(text: str, card: DatasetCard, sources: Mapping[str, DatasetSourceCard]) -> Brought:
    """Samples from a file or folder.

    text: a path, or "SOURCE:ARGUMENT" with the name of a data set source, as in "midi:FOLDER?per_quarter=4".
    Raises DataError, UsageError.
    """
    scheme, colon, argument = text.partition(":")
    if colon and scheme in sources and not os.path.exists(text):
        path, source = Path(argument.partition("?")[0]).expanduser(), sources[scheme]
    else:
        path, argument = Path(text).expanduser(), text
        if not path.exists():
            raise UsageError(f"there is no file or folder {text}")
        if path.suffix.lower() in _ARRAYS and path.is_file():
            return _of_arrays(read_arrays(path), card.spec, path)
        source = _source_of(path, sources)
    if source.samples is None:
        raise UsageError(f"{source.name} reads data sets only; bring samples as {_kinds(sources)}")
    array = load_factory(source.samples)(argument, card)
    return Brought(as_examples(array, card.spec, str(path)), None, checksum_of_path(path), str(path))


def brought_array(samples: Array | Tensor, spec: DataSpec, lengths: Array | Tensor | None = None) -> Brought:
    """Samples in memory. Raises DataError."""
    array = np.asarray(samples.detach().cpu() if isinstance(samples, Tensor) else samples)
    x = as_examples(array, spec, "the samples")
    of_pieces = _checked_lengths(None if lengths is None else np.asarray(lengths), x, spec, "the samples")
    return Brought(x, of_pieces, checksum_of_values(x, of_pieces))


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of a .npy, .npz or .safetensors file by name; that of a .npy file is "samples". Nothing is unpickled.
    Raises DataError."""
    try:
        if path.suffix.lower() == ".safetensors":
            return dict(load_file(path))
        with path.open("rb") as stream:
            magic = stream.read(6)
        if not magic.startswith((b"\x93NUMPY", b"PK")):  # numpy would take it for a pickle
            raise DataError(f"{path}: no .npy or .npz file")
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {_NAMES[0]: loaded}
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except DataError:
        raise
    except (OSError, ValueError, SafetensorError, EOFError, KeyError) as error:
        if "object" in str(error).lower() or "pickle" in str(error).lower():
            raise DataError(
                f"{path}: holds Python objects, which are not unpickled; expected numbers"
            ) from None
        raise DataError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None


def gaussian_file(path: Path) -> GaussianFile | None:
    """The statistics in a .npz file with `mu` and `sigma`, as pytorch-fid and its like write them; None for another
    file. Raises DataError where they are none."""
    if path.suffix.lower() != ".npz" or not path.is_file():
        return None
    arrays = read_arrays(path)
    if not {"mu", "sigma"} <= arrays.keys():
        return None
    mean, covariance = (np.asarray(arrays[name], np.float64) for name in ("mu", "sigma"))
    if mean.ndim != 1 or covariance.shape != (len(mean), len(mean)):
        raise DataError(
            f"{path}: mu has shape {mean.shape} and sigma {covariance.shape}, expected (D,) and (D, D)"
        )
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise DataError(f"{path}: mu or sigma has NaN or infinite values")
    return GaussianFile(mean, (covariance + covariance.T) / 2)


def as_examples(array: Array, spec: DataSpec, where: str) -> Tensor:
    """An array as examples of a data set, (N, *event_shape) in the working type.

    Axes of length 1 may be missing, or all axes of an example may be one. where: names the array in messages. Raises
    DataError.
    """
    shaped = _shaped(array, spec, where)
    if len(shaped) < MIN_SAMPLES:
        raise DataError(
            f"{where}: {len(shaped)} sample{'s' * (len(shaped) != 1)}; at least {MIN_SAMPLES} are needed"
        )
    values = _whole(shaped, spec, where) if spec.levels is not None else _real(shaped, spec, where)
    return torch.from_numpy(np.ascontiguousarray(values)).to(working_dtype(spec))


def _of_arrays(arrays: Mapping[str, Array], spec: DataSpec, path: Path) -> Brought:
    others = [name for name in arrays if name != _LENGTHS]
    name = others[0] if len(others) == 1 else next((name for name in _NAMES if name in others), None)
    if name is None:
        raise DataError(
            f"{path}: holds {', '.join(sorted(arrays)) or 'nothing'}; expected one array, or one called samples"
        )
    x = as_examples(arrays[name], spec, str(path))
    lengths = _checked_lengths(arrays.get(_LENGTHS), x, spec, str(path))
    return Brought(x, lengths, checksum_of_path(path), str(path))


def _checked_lengths(lengths: Array | None, x: Tensor, spec: DataSpec, where: str) -> Tensor | None:
    if not spec.variable_length:
        return None
    if lengths is None:
        raise DataError(
            f"{where}: {spec.name} has pieces of different lengths; bring an .npz or .safetensors file with `samples`,"
            f" (N, {', '.join(map(str, spec.event_shape))}), and `lengths`, (N,)"
        )
    found = torch.from_numpy(np.ascontiguousarray(lengths)).long()
    check_lengths(found, len(x), spec.event_shape[0], where)
    if not torch.equal(x, zero_padding(x, found)):
        raise DataError(f"{where}: values beyond the length of a piece are not 0")
    return found


def _shaped(array: Array, spec: DataSpec, where: str) -> Array:
    event, expected = spec.event_shape, f"(N, {', '.join(map(str, spec.event_shape))})"
    if array.dtype.kind not in "biuf":
        raise DataError(f"{where}: holds {array.dtype}, expected numbers")
    has = tuple(array.shape[1:])
    without_ones = tuple(size for size in event if size != 1)
    if array.ndim and has == event:
        return array
    if array.ndim > 1 and (
        tuple(size for size in has if size != 1) == without_ones or has == (spec.dimension,)
    ):
        return array.reshape(len(array), *event)
    advice = ""
    if spec.modality == "image" and has == (*event[1:], event[0]):
        advice = "; move the channels to the front: samples.transpose(0, 3, 1, 2)"
    elif tuple(array.shape) == event:
        advice = "; is that one sample alone?"
    raise DataError(f"{where}: shape {tuple(array.shape)}, but {spec.name} has {expected}{advice}")


def _real(array: Array, spec: DataSpec, where: str) -> Array:
    with np.errstate(over="ignore"):
        values = np.asarray(array, np.float32)
    _refuse_not_finite(values, where)
    return values


def _whole(array: Array, spec: DataSpec, where: str) -> Array:
    assert spec.levels is not None
    top = spec.levels - 1
    if array.dtype.kind == "f":
        _refuse_not_finite(array, where)
        if not (np.floor(array) == array).all():
            raise DataError(
                f"{where}: values are no whole numbers, but {spec.name} has the integers 0..{top}{_scale(array, top)}"
            )
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    if low < 0 or high > top:
        raise DataError(f"{where}: values {low}..{high}, but {spec.name} has the integers 0..{top}")
    return array.astype(np.int64)


def _scale(array: Array, top: int) -> str:
    low, high = float(array.min()), float(array.max())
    if low >= 0 and high <= 1:
        return f"; from 0..1 they come by (samples * {top}).round()"
    if low >= -1 and high <= 1:
        return f"; from -1..1 they come by ((samples + 1) * {top / 2:g}).round()"
    return "; round them as your model means it"


def _refuse_not_finite(array: Array, where: str) -> None:
    broken = int((~np.isfinite(array)).reshape(len(array), -1).any(1).sum()) if array.size else 0
    if broken:
        raise DataError(f"{where}: {broken:,} of {len(array):,} samples have NaN or infinite values")


def _source_of(path: Path, sources: Mapping[str, DatasetSourceCard]) -> DatasetSourceCard:
    """The source that reads most of the files. Raises UsageError."""
    counts: Counter[str] = Counter()
    for file in _files(path):
        for source in sources.values():
            if source.samples is not None and file.suffix.lower() in source.suffixes:
                counts[source.name] += 1
                break
    if not counts:
        raise UsageError(f"{path}: no samples in it that can be read; known are {_kinds(sources)}")
    return sources[counts.most_common(1)[0][0]]


def _kinds(sources: Mapping[str, DatasetSourceCard]) -> str:
    others = [suffix for source in sources.values() if source.samples for suffix in source.suffixes]
    return ", ".join([*_ARRAYS, *dict.fromkeys(others)])


def _files(path: Path) -> Sequence[Path]:
    """The file itself, or all files below a folder in the order of their paths; hidden ones are left out."""
    if path.is_file():
        return [path]
    found = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(folder) / name for name in sorted(names) if not name.startswith(".")]
        if len(found) > _MAX_FILES:
            raise UsageError(f"{path}: more than {_MAX_FILES:,} files")
    return found


def checksum_of_path(path: Path) -> str:
    """SHA-256 of a file; of a folder, of the names and contents of all files in it. Raises DataError."""
    try:
        if path.is_file():
            return checksum_of(path, "sha256").digest
        digest = hashlib.sha256()
        for file in _files(path):
            name = file.relative_to(path).as_posix()
            digest.update(
                f"\0{name}\0{checksum_of(file, 'sha256').digest}".encode("utf-8", "surrogateescape")
            )
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read: {error.strerror}") from None
    return digest.hexdigest()


def checksum_of_values(x: Tensor, lengths: Tensor | None) -> str:
    """SHA-256 of samples in memory."""
    digest = hashlib.sha256(f"{x.dtype}{tuple(x.shape)}".encode())
    for part in (x, lengths):
        if part is not None:
            digest.update(np.ascontiguousarray(part.numpy()).data)
    return digest.hexdigest()
