"""Tables out of pickles that are never unpickled: as pandas writes them now, as it did on
Python 2, and hostile ones."""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genbench.errors import DataError
from genbench_datasets.published.inert_pickle import read_pickled_table


def table(dtype: str = "float64", rows: int = 7) -> pd.DataFrame:
    values = np.random.default_rng(0).normal(0, 100, (rows, 4)).astype(dtype)
    names = pd.Index(["Time", "Meth", "1", "2"], dtype=object)
    return pd.DataFrame(values, columns=names).sample(frac=1.0, random_state=1)


def same(found: dict[str, np.ndarray], expected: pd.DataFrame) -> bool:
    return list(found) == list(expected.columns) and all(
        column.dtype == expected[name].dtype and np.array_equal(column, expected[name])
        for name, column in found.items()
    )


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int16", "uint64"])
def test_tables_of_todays_pandas(protocol: int, dtype: str) -> None:
    frame = table(dtype)
    assert same(read_pickled_table(io.BytesIO(pickle.dumps(frame, protocol))), frame)


def test_tables_of_several_types_keep_the_order_of_their_columns() -> None:
    frame = table()
    frame.insert(1, "count", np.arange(7))
    frame.insert(3, "small", np.arange(7, dtype=np.float32))
    assert len(frame._mgr.blocks) > 2
    assert same(read_pickled_table(io.BytesIO(pickle.dumps(frame, 4))), frame)


# ---- as pandas 0.1x wrote them on Python 2: protocol 2, texts as bytes, the state of a BlockManager


class Name(str):
    """A thing's name, as "module attribute"."""


class Made:
    """What a pickle is to make: of `name`, by a call or as a new object, with a state."""

    def __init__(
        self, name: str, arguments: tuple[Any, ...], state: Any = None, *, call: bool = True
    ) -> None:
        self.name, self.arguments, self.state, self.call = Name(name), arguments, state, call


def python2_pickle(item: Any) -> bytes:
    """Written instruction by instruction, so that it owes nothing to the reader."""

    def text(value: bytes) -> bytes:
        return (
            b"U" + bytes([len(value)]) + value
            if len(value) < 256
            else b"T" + struct.pack("<i", len(value)) + value
        )

    def parts(value: Any) -> bytes:
        if value is None:
            return b"N"
        if isinstance(value, bool):
            return b"\x88" if value else b"\x89"
        if isinstance(value, int):
            return b"J" + struct.pack("<i", value)
        if isinstance(value, Name):
            return b"c" + value.replace(" ", "\n").encode() + b"\n"
        if isinstance(value, str | bytes):
            return text(value.encode() if isinstance(value, str) else value)
        if isinstance(value, tuple):
            return b"(" + b"".join(map(parts, value)) + b"t"
        if isinstance(value, list):
            return b"](" + b"".join(map(parts, value)) + b"e"
        if isinstance(value, dict):
            return b"}(" + b"".join(parts(part) for pair in value.items() for part in pair) + b"u"
        assert isinstance(value, Made)
        made = parts(value.name) + parts(value.arguments) + (b"R" if value.call else b"\x81")
        return made if value.state is None else made + parts(value.state) + b"b"

    return b"\x80\x02" + parts(item) + b"."


def python2_array(array: np.ndarray) -> Made:
    columns_first = not array.flags.c_contiguous
    code, order, content = array.dtype.str[1:], array.dtype.str[0], array.tobytes("A")
    flags: tuple[Any, ...] = (3, order, None, None, None, -1, -1, 0)
    listed: Any = content
    if array.dtype == object:
        code, flags, listed = "O8", (3, "|", None, None, None, -1, -1, 63), array.tolist()
    kind = Made("numpy dtype", (code, 0, 1), flags)
    state = (1, array.shape, kind, columns_first, listed)
    return Made("numpy.core.multiarray _reconstruct", (Name("numpy ndarray"), (0,), "b"), state)


def python2_index(values: np.ndarray, kind: str = "Index") -> Made:
    return Made(
        "pandas.indexes.base _new_Index",
        (Name(f"pandas.indexes.base {kind}"), {"data": python2_array(values), "name": None}),
    )


def python2_table(*blocks: tuple[list[str], np.ndarray], order: list[str]) -> bytes:
    rows = blocks[0][1].shape[1]
    names = [python2_index(np.array(block_names, object)) for block_names, _ in blocks]
    values = [python2_array(block) for _, block in blocks]
    axes = [python2_index(np.array(order, object)), python2_index(np.arange(rows), "Int64Index")]
    places = [Made("__builtin__ slice", (0, len(names), 1)) for names, _ in blocks]
    extra = {
        "0.14.1": {
            "axes": axes,
            "blocks": [{"values": v, "mgr_locs": p} for v, p in zip(values, places, strict=True)],
        }
    }
    manager = Made("pandas.core.internals BlockManager", (), (axes, values, names, extra), call=False)
    state = {"_metadata": [], "_typ": "dataframe", "_data": manager}
    return python2_pickle(Made("pandas.core.frame DataFrame", (), state, call=False))


@pytest.mark.parametrize("order", ["C", "F"])
def test_tables_of_python_2(order: str) -> None:
    frame = table(rows=100)  # long enough for long texts
    content = python2_table((list(frame.columns), np.array(frame.T, order=order)), order=list(frame.columns))
    assert b"T" + struct.pack("<i", 4 * 100 * 8) in content
    assert pickletools.optimize(content)  # the standard library takes it for a pickle
    assert same(read_pickled_table(io.BytesIO(content)), frame)


def test_tables_of_python_2_with_several_blocks() -> None:
    first, second = np.arange(6.0).reshape(2, 3), np.arange(3)[None]
    content = python2_table((["a", "c"], first), (["b"], second), order=["a", "b", "c"])
    expected = pd.DataFrame({"a": first[0], "b": second[0], "c": first[1]})
    assert same(read_pickled_table(io.BytesIO(content)), expected)


# ---- what is no table, and what means harm


class Harm:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_nothing_is_called(tmp_path: Path, protocol: int) -> None:
    frame = table()
    frame.attrs["harm"] = Harm(tmp_path / "harmed")
    content = pickle.dumps(frame, protocol)
    pickle.loads(content)
    assert (tmp_path / "harmed").exists(), "this is what unpickling does"
    (tmp_path / "harmed").unlink()
    assert same(read_pickled_table(io.BytesIO(content)), table())
    with pytest.raises(DataError, match="not a pickled table of numbers"):
        read_pickled_table(io.BytesIO(pickle.dumps(Harm(tmp_path / "harmed"), protocol)))
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle at all",
        pickle.dumps({"a": 1}),
        pickle.dumps(table(), 4)[:-200],
        pickle.dumps(table().astype(object), 4),
        pickle.dumps(table().rename(columns={"1": 1}), 4),
        python2_pickle([])[:-1],
        b"\x80\x02\x82\x01.",  # an extension code, which a registry of the process would resolve
        b"Pname\n.",  # a persistent name
        b"\x80\x02]\x94h\x05.",  # a memory that was not filled
    ],
)
def test_other_contents_are_refused(content: bytes) -> None:
    with pytest.raises(DataError, match="not a pickled table of numbers"):
        read_pickled_table(io.BytesIO(content))


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_broken_pickles_are_refused_or_read(data: st.DataObject) -> None:
    """Whatever a byte is changed to, it ends in a table or in a DataError."""
    content = bytearray(pickle.dumps(table(rows=2), data.draw(st.sampled_from([2, 4]))))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read_pickled_table(io.BytesIO(bytes(content)))
    except DataError:
        return
    assert len({len(column) for column in found.values()}) <= 1, "columns of different lengths"
    assert all(np.issubdtype(column.dtype, np.number) for column in found.values())
