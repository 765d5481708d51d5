"""The UCI data sets on which density estimators are compared, prepared as Papamakarios, Pavlakou & Murray (2017)
did: columns, noise, order, splits and scales are those of their code (maf/datasets/*.py).

All four come from the one archive that they published. It is read while it is unpacked; at most one table is in
memory at a time.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from io import BufferedIOBase
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from genbench import Dataset, DataSpec, Split
from genbench.datasets import fetch
from genbench.errors import DataError
from genbench_datasets.published.archive_member import open_member
from genbench_datasets.published.files import UCI_DENSITY
from genbench_datasets.published.inert_pickle import read_pickled_table
from genbench_datasets.published.specs import SPECS

Table = Float[np.ndarray, "_ _"]
Parts = tuple[Table, Table, Table]

_POWER_SEED = 42
_CORRELATED = 0.98
_MAX_REPEATS = 5
_ROWS_AT_ONCE = 50_000


def uci_density(name: str) -> Dataset:
    """(columns,) of real numbers. name: "power", "gas", "hepmass" or "miniboone"."""
    (file,) = UCI_DENSITY
    return _dataset(SPECS[name], *_READERS[name](fetch(file)))


def read_power(archive: Path) -> Parts:
    """Households' power: rows shuffled, two columns left out, and the digits that were rounded off drawn anew.
    Scaled by training and validation rows."""
    with open_member(archive, "data/power/data.npy") as (stream, length_bytes):
        data = read_matrix(stream, length_bytes, f"{archive}: data/power/data.npy")
    if data.shape[1] < 4:
        raise DataError(f"{archive}: data/power/data.npy has {data.shape[1]} columns, expected more than 3")
    # the stream of this older generator is fixed for good, and these draws are part of the data set
    generator = np.random.RandomState(_POWER_SEED)
    generator.shuffle(data)
    data = np.delete(data, [1, 3], axis=1)
    rows = len(data)
    voltage = 0.01 * generator.rand(rows, 1)
    active_power = 0.001 * generator.rand(rows, 1)
    sub_meters = generator.rand(rows, 3)
    noise = np.hstack((active_power, voltage, sub_meters, np.zeros((rows, 1))))
    if noise.shape != data.shape:
        raise DataError(f"{archive}: data/power/data.npy has {data.shape[1]} columns left, expected 6")
    return _scaled(_tail_splits(data + noise))


def read_miniboone(archive: Path) -> Parts:
    """Neutrino events, in their order. Scaled by training and validation rows."""
    with open_member(archive, "data/miniboone/data.npy") as (stream, length_bytes):
        return _scaled(_tail_splits(read_matrix(stream, length_bytes, f"{archive}: data/miniboone/data.npy")))


def read_gas(archive: Path) -> Parts:
    """Sensors in a mixture of gases; one of any sensors that correlate by more than 0.98 is kept. Scaled by all
    rows."""
    with open_member(archive, "data/gas/ethylene_CO.pickle") as (stream, _):
        try:
            columns = read_pickled_table(stream)
        except DataError as error:
            raise DataError(f"{archive}: data/gas/ethylene_CO.pickle: {error}") from None
    absent = {"Meth", "Eth", "Time"} - columns.keys()
    if absent:
        raise DataError(f"{archive}: data/gas/ethylene_CO.pickle has no column {', '.join(sorted(absent))}")
    data = np.stack([column for name, column in columns.items() if name not in ("Meth", "Eth", "Time")], 1)
    data = uncorrelated(data)
    return _tail_splits((data - data.mean(0)) / data.std(0, ddof=1))


def read_hepmass(archive: Path) -> Parts:
    """Collisions that made a new particle (label 1) of mass 1000, without the columns that hold the same number
    again and again. Scaled by training and validation rows; the test rows are a file of their own."""
    train = read_signal(archive, "data/hepmass/1000_train.csv")
    test = read_signal(archive, "data/hepmass/1000_test.csv")[:, :-1]  # the mass, in this file alone
    if train.shape[1] != test.shape[1]:
        raise DataError(f"{archive}: {train.shape[1]} columns to train, {test.shape[1]} to test")
    mean, scale = train.mean(0), train.std(0, ddof=1)
    train, test = (train - mean) / scale, (test - mean) / scale
    varied = (train == train.min(0)).sum(0) <= _MAX_REPEATS
    train, test = train[:, varied], test[:, varied]
    valid = len(train) // 10
    return train[:-valid], train[-valid:], test


# ---- inside


_READERS: dict[str, Callable[[Path], Parts]] = {
    "power": read_power,
    "gas": read_gas,
    "hepmass": read_hepmass,
    "miniboone": read_miniboone,
}


def read_matrix(stream: BufferedIOBase, length_bytes: int, where: str) -> Table:
    """A matrix of real numbers in numpy's own format; objects are refused. Raises DataError.

    length_bytes: of the file. where: what an error calls the file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about headers that Python 2 wrote
            version = np.lib.format.read_magic(stream)
            read_header = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, columns_first, kind = read_header(stream)
    except (ValueError, KeyError) as error:
        raise DataError(f"{where}: not an array of numpy: {error}") from None
    if len(shape) != 2 or min(shape) < 1 or kind.kind != "f":
        raise DataError(f"{where}: {kind} of shape {shape}, expected a matrix of real numbers")
    expected = shape[0] * shape[1] * kind.itemsize
    if expected > length_bytes:  # checked before that much memory is allocated
        raise DataError(f"{where}: {length_bytes} bytes, its header says {shape[0]}x{shape[1]} numbers")
    matrix = np.empty(shape, kind, order="F" if columns_first else "C")
    _fill((matrix.T if columns_first else matrix).data.cast("B"), stream, where)
    return np.ascontiguousarray(matrix, np.float64)


def _fill(buffer: memoryview, stream: BufferedIOBase, where: str) -> None:
    filled = 0
    while filled < len(buffer):
        block = stream.read(min(1 << 20, len(buffer) - filled))
        if not block:
            raise DataError(f"{where}: ends after {filled} of {len(buffer)} bytes of numbers")
        buffer[filled : filled + len(block)] = block
        filled += len(block)


def read_signal(archive: Path, name: str) -> Table:
    """The rows of a text of numbers whose first column is 1, without that column."""
    kept = []
    with open_member(archive, name) as (stream, _), warnings.catch_warnings():
        # about rows that are longer than the header
        warnings.simplefilter("ignore", pd.errors.ParserWarning)
        try:
            for rows in pd.read_csv(
                stream, index_col=False, dtype=np.float64, chunksize=_ROWS_AT_ONCE, encoding="latin-1"
            ):
                table = rows.to_numpy()
                kept.append(table[table[:, 0] == 1, 1:])
        except (ValueError, pd.errors.ParserError) as error:
            raise DataError(f"{archive}: {name}: {str(error).splitlines()[0]}") from None
    signal = np.concatenate(kept)
    if len(signal) < 10:
        raise DataError(f"{archive}: {name} has {len(signal)} rows of label 1")
    return signal


def uncorrelated(data: Table) -> Table:
    """The data without the first column that correlates with another by more than 0.98, and so on until none does."""
    while True:
        partners = (np.atleast_2d(np.corrcoef(data, rowvar=False)) > _CORRELATED).sum(0)
        if (partners <= 1).all():
            return data
        data = np.delete(data, int((partners > 1).argmax()), axis=1)


def _tail_splits(data: Table) -> Parts:
    """The last tenth to test, the last tenth of the rest to validate."""
    test = len(data) // 10
    valid = (len(data) - test) // 10
    if valid == 0:
        raise DataError(f"{len(data)} rows are too few to split")
    return data[: -test - valid], data[-test - valid : -test], data[-test:]


def _scaled(parts: Parts) -> Parts:
    """All parts scaled by the mean and standard deviation of the first two together."""
    train, valid, test = parts
    seen = np.concatenate((train, valid))
    mean, scale = seen.mean(0), seen.std(0)
    return (train - mean) / scale, (valid - mean) / scale, (test - mean) / scale


def _dataset(spec: DataSpec, train: Table, valid: Table, test: Table) -> Dataset:
    for part in (train, valid, test):
        if part.shape[1:] != spec.event_shape:
            raise DataError(f"{spec.name}: {part.shape[1]} columns, expected {spec.event_shape[0]}")

    def split(part: Table) -> Split:
        return Split(spec, torch.from_numpy(part.astype(np.float32)))

    return Dataset(spec, split(train), split(valid), split(test))
