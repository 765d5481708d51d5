"""The UCI densities on a small archive of the published form, against what pandas and plain arithmetic make of it."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
import torch
from file_server import serving
from tar_files import tar_gz

from genbench.datasets import fetching
from genbench.datasets.prepared import load_dataset
from genbench.errors import DataError
from genbench_datasets.published import uci_densities
from genbench_datasets.published.cards import CARDS
from genbench_datasets.published.files import UCI_DENSITY
from genbench_datasets.published.uci_densities import (
    read_gas,
    read_hepmass,
    read_matrix,
    read_miniboone,
    read_power,
    uncorrelated,
)

BY_NAME = {card.name: card for card in CARDS}
CHANCE = np.random.default_rng(0)


def npy(matrix: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, matrix)
    return buffer.getvalue()


def power_readings(rows: int = 1000) -> np.ndarray:
    """Rounded as the meters round: kW to 0.001, volts to 0.01, watt-hours to 1, the time of day whole."""
    active, reactive = CHANCE.uniform(0, 9, (2, rows)).round(3)
    volts, ampere = CHANCE.uniform(230, 250, rows).round(2), CHANCE.uniform(0, 40, rows).round(1)
    meters = CHANCE.integers(0, 40, (3, rows))
    minute = np.arange(rows) % 1440
    return np.stack([active, reactive, volts, ampere, *meters, minute], 1).astype(np.float64)


def gas_readings(rows: int = 1000) -> pd.DataFrame:
    """Three columns beside the sensors; of five sensors the first, the third and the fourth correlate."""
    sensors = CHANCE.normal(0, 1, (rows, 5))
    sensors[:, 2] = sensors[:, 0] + 0.01 * sensors[:, 2]
    sensors[:, 3] = sensors[:, 0] + 0.01 * sensors[:, 3]
    columns = ["Time", "Meth", "Eth", *(f"sensor {number}" for number in range(5))]
    values = np.concatenate([CHANCE.normal(0, 1, (rows, 3)), 50 + 7 * sensors], 1)
    return pd.DataFrame(values, columns=pd.Index(columns, dtype=object)).sample(frac=1, random_state=0)


def collisions(rows: int, *, test: bool) -> pd.DataFrame:
    """A label, two columns of numbers, one that often takes its least value, one more; to test, the mass."""
    columns = {
        "# label": CHANCE.integers(0, 2, rows).astype(np.float64),
        "f0": CHANCE.normal(3, 2, rows),
        "f1": CHANCE.integers(0, 3, rows).astype(np.float64),
        "f2": CHANCE.exponential(1, rows),
    }
    return pd.DataFrame({**columns, "mass": np.full(rows, 1000.0)} if test else columns)


def text(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "data.tar.gz"


def test_power_is_shuffled_dithered_and_scaled(archive: Path) -> None:
    readings = power_readings()
    archive.write_bytes(tar_gz({"data/power/data.npy": npy(readings)}))
    parts = read_power(archive)
    assert [part.shape for part in parts] == [(810, 6), (90, 6), (100, 6)]
    seen = np.concatenate(parts[:2])
    assert np.allclose(seen.mean(0), 0)
    assert np.allclose(seen.std(0), 1)
    # undone: by the scale of the rows they came from, what was added is uniform in the digits that were rounded off
    order = np.arange(1000)
    np.random.RandomState(42).shuffle(order)
    original = readings[order][:, [0, 2, 4, 5, 6, 7]]
    found = np.concatenate(parts)
    for column, step in enumerate([0.001, 0.01, 1, 1, 1, 0]):
        slope, start = np.linalg.lstsq(
            np.stack([found[:, column], np.ones(1000)], 1), original[:, column] + step / 2, rcond=None
        )[0]
        added = slope * found[:, column] + start - original[:, column]
        assert added.min() > -0.1 * step - 1e-9
        assert added.max() < 1.1 * step + 1e-9
        if step:
            assert added.std() == pytest.approx(step / 12**0.5, rel=0.1)


def test_the_draws_of_power_are_fixed(archive: Path) -> None:
    """By the older generator's definition: its first word for this seed is a published constant of MT19937."""
    archive.write_bytes(tar_gz({"data/power/data.npy": npy(np.tile(np.arange(100.0)[:, None], (1, 8)))}))
    train, valid, test = read_power(archive)
    again = read_power(archive)
    assert all(np.array_equal(one, other) for one, other in zip((train, valid, test), again, strict=True))
    assert np.random.RandomState(42).randint(0, 2**32, dtype=np.uint32) == 1608637542


def test_miniboone_keeps_its_order(archive: Path) -> None:
    data = CHANCE.normal(5, 3, (200, 43))
    for kept in (data, np.asfortranarray(data), data.astype(">f8")):
        archive.write_bytes(tar_gz({"data/miniboone/data.npy": npy(kept)}))
        train, valid, test = read_miniboone(archive)
        assert [len(train), len(valid), len(test)] == [162, 18, 20]
        mean, scale = data[:180].mean(0), data[:180].std(0)
        assert np.allclose(np.concatenate([train, valid, test]), (data - mean) / scale)


def test_gas_keeps_one_of_the_sensors_that_correlate(archive: Path) -> None:
    """Those that come first are left out, until none correlates."""
    frame = gas_readings()
    archive.write_bytes(tar_gz({"data/gas/ethylene_CO.pickle": pickle.dumps(frame, 2)}))
    expected = frame[["sensor 1", "sensor 3", "sensor 4"]]
    expected = (expected - expected.mean()) / expected.std()
    parts = read_gas(archive)
    assert [len(part) for part in parts] == [810, 90, 100]
    assert np.allclose(np.concatenate(parts), expected)


def test_columns_that_correlate_are_those_of_pandas() -> None:
    data = CHANCE.normal(0, 1, (500, 8))
    data[:, [1, 4, 6]] = data[:, [0, 3, 3]] * [2, -3, 4] + 0.01 * data[:, [1, 4, 6]]
    left = uncorrelated(data)
    correlations = pd.DataFrame(left).corr().to_numpy() - np.eye(left.shape[1])
    assert (correlations <= 0.98).all()
    assert np.array_equal(left, data[:, [1, 2, 4, 5, 6, 7]])
    assert uncorrelated(data[:, :1]).shape == (500, 1)


def test_hepmass_keeps_the_signal_and_what_varies(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uci_densities, "_ROWS_AT_ONCE", 64)
    train, test = collisions(400, test=False), collisions(300, test=True)
    archive.write_bytes(
        tar_gz({"data/hepmass/1000_train.csv": text(train), "data/hepmass/1000_test.csv": text(test)})
    )
    signal = train[train["# label"] == 1][["f0", "f2"]]
    expected = (test[test["# label"] == 1][["f0", "f2"]] - signal.mean()) / signal.std()
    parts = read_hepmass(archive)
    assert np.allclose(parts[2], expected)
    assert np.allclose(np.concatenate(parts[:2]), (signal - signal.mean()) / signal.std())
    assert len(parts[1]) == len(signal) // 10


# ---- the whole way


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive of all four in the cache, under the published name."""
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path / "cache"))
    path = fetching.file_path(UCI_DENSITY[0])
    path.parent.mkdir(parents=True)
    sensors = pd.concat([gas_readings(500), pd.DataFrame(CHANCE.normal(0, 1, (500, 5)))], axis=1)
    sensors.columns = pd.Index([str(name) for name in sensors.columns], dtype=object)
    wide = [collisions(500, test=False), collisions(200, test=True)]
    for frame in wide:
        for number in range(19):
            frame.insert(1, f"g{number}", CHANCE.normal(0, 1, len(frame)))
    path.write_bytes(
        tar_gz(
            {
                "data/BSDS300/BSDS300.hdf5": b"another",
                "data/gas/ethylene_CO.pickle": pickle.dumps(sensors, 2),
                "data/hepmass/1000_train.csv": text(wide[0]),
                "data/hepmass/1000_test.csv": text(wide[1]),
                "data/miniboone/data.npy": npy(CHANCE.normal(0, 1, (500, 43))),
                "data/power/data.npy": npy(power_readings(500)),
            }
        )
    )
    return path


@pytest.mark.parametrize("name", ["power", "gas", "hepmass", "miniboone"])
@pytest.mark.usefixtures("published")
def test_cards_load(name: str) -> None:
    """Scaled, of the width that the literature gives; and refused for having other sizes than the published."""
    card = BY_NAME[name]
    built = uci_densities.uci_density(name)
    assert built.spec == card.spec
    small = msgspec.structs.replace(card, sizes=(len(built.train), len(built.valid), len(built.test)))
    dataset = load_dataset(small)
    assert dataset.train.x.dtype == torch.float32
    assert dataset.train.x.mean(0).abs().max() < 0.2
    assert (dataset.train.x.std(0) - 1).abs().max() < 0.2
    with pytest.raises(DataError, match=rf"{name} \(train\): its card says {card.sizes[0]} examples"):
        load_dataset(card)


def test_the_archive_is_checked_by_its_md5(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file,) = UCI_DENSITY
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path))
    with serving({file.name: b"another archive"}) as server:
        monkeypatch.setenv("GENBENCH_MIRROR", server.address)
        with pytest.raises(DataError, match=r"md5 \w{12}…, expected md5 9b9c9b037531…; renamed to"):
            load_dataset(BY_NAME["power"])


# ---- what is wrong


def python2_npy() -> bytes:
    """A header with the long integers of Python 2, as numpy wrote it there on Windows."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2L, 3L), }"
    header += b" " * (118 - len(header) - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + np.arange(6.0).tobytes()


def test_matrices_of_python_2_are_read() -> None:
    content = python2_npy()
    assert read_matrix(io.BytesIO(content), len(content), "x").tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an array of numpy"),
        (b"no such format", "not an array of numpy"),
        (npy(np.zeros(3)), r"float64 of shape \(3,\), expected a matrix"),
        (npy(np.zeros((0, 3))), r"float64 of shape \(0, 3\), expected a matrix"),
        (npy(np.zeros((2, 3), np.int32)), "int32 of shape"),
        (npy(np.array([[{}]], object)), "object of shape"),
        (npy(np.zeros((2, 3)))[:-1], "bytes, its header says 2x3 numbers|ends after 47 of 48 bytes"),
        (
            npy(np.zeros((200, 300))).replace(b"300), ", b"3000000000), ")[:1000],
            "bytes, its header says 200x3",
        ),
    ],
)
def test_other_matrices_are_named(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=f"here: .*({message})"):
        read_matrix(io.BytesIO(content), len(content), "here")


@pytest.mark.parametrize(
    ("reader", "members", "message"),
    [
        (read_power, {}, "holds no data/power/data.npy"),
        (read_power, {"data/power/data.npy": npy(np.zeros((100, 2)))}, "has 2 columns, expected more than 3"),
        (read_power, {"data/power/data.npy": npy(np.zeros((100, 9)))}, "has 7 columns left, expected 6"),
        (read_miniboone, {"data/miniboone/data.npy": npy(np.zeros((9, 43)))}, "9 rows are too few"),
        (read_gas, {"data/gas/ethylene_CO.pickle": b"."}, "ethylene_CO.pickle: not a pickled table"),
        (
            read_gas,
            {"data/gas/ethylene_CO.pickle": pickle.dumps(gas_readings().drop(columns=["Eth", "Meth"]), 2)},
            "ethylene_CO.pickle has no column Eth, Meth",
        ),
        (read_hepmass, {"data/hepmass/1000_train.csv": b"label,f0\n1,one\n"}, "1000_train.csv: .*one"),
        (read_hepmass, {"data/hepmass/1000_train.csv": b""}, "1000_train.csv: "),
        (read_hepmass, {"data/hepmass/1000_train.csv": b"label,f0\n0,1\n"}, "has 0 rows of label 1"),
        (
            read_hepmass,
            {
                "data/hepmass/1000_train.csv": text(collisions(50, test=False)),
                "data/hepmass/1000_test.csv": text(collisions(50, test=False)),
            },
            "3 columns to train, 2 to test",
        ),
    ],
)
def test_other_archives_are_named(
    archive: Path, reader: object, members: dict[str, bytes], message: str
) -> None:
    archive.write_bytes(tar_gz(members))
    with pytest.raises(DataError, match=message):
        reader(archive)  # type: ignore[operator]
