"""Data out of a pickled table of pandas without unpickling it: nothing that the file names is imported or called.

A pickle is a program for a small stack machine. `pickletools`, of the standard library, takes it apart into
instructions with their arguments, and runs none. Here those instructions build descriptions of the calls and
objects that unpickling would have made, and the numbers are taken out of these.

pandas has written its tables in two ways: until version 1.2 as the state of a `BlockManager` (Python 2 and 3),
since then as the arguments of one.
"""

from __future__ import annotations

import pickletools
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedIOBase
from typing import IO, Any, cast

import numpy as np

from genbench.errors import DataError

_NUMBER = re.compile("[fiu][1248]")


@dataclass(eq=False)
class Described:
    """An object that the pickle would have made."""

    what: Any
    """What would have been called: a name "module attribute", or another description."""
    arguments: tuple[Any, ...] = ()
    """What it would have been called with."""
    state: Any = None
    """What the object's state would have been set to afterwards."""

    @property
    def name(self) -> str:
        """Without the module, which moves between versions of a library; "" for what has no name."""
        what = self.what.what if isinstance(self.what, Described) else self.what
        return what.split(" ")[-1] if isinstance(what, str) else ""


def read_pickled_table(stream: BufferedIOBase) -> dict[str, np.ndarray]:
    """Columns of numbers by their names, in the table's order, as copies. Raises DataError."""
    try:
        described = describe_pickle(stream)
        (manager,) = {id(found): found for found in _named(described, "BlockManager")}.values()
        blocks = list(_blocks_of_state(manager) if manager.state else _blocks_of_arguments(manager))
        order = _index(manager.state[0][0] if manager.state else manager.arguments[1][0])
        columns = {
            name: column
            for names, values in blocks
            for name, column in zip(names, _array(values), strict=True)
        }
        return {name: columns[name].copy() for name in order}
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError) as error:
        raise DataError(f"not a pickled table of numbers: {error!r}") from None


# ---- the stack machine


def describe_pickle(stream: BufferedIOBase) -> Any:
    """What the pickle would have made. Raises ValueError for instructions that no table needs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of texts with strange escapes
        return _Machine().run(stream)


_MARK = object()
_CALLS = {"REDUCE", "NEWOBJ"}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_IGNORED = {"PROTO", "FRAME"}


@dataclass
class _Machine:
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def run(self, stream: BufferedIOBase) -> Any:
        for instruction, argument, _ in pickletools.genops(cast("IO[bytes]", stream)):
            if instruction.name == "STOP":
                return self.stack.pop()
            self._do(instruction, argument)
        raise EOFError("the pickle has no end")

    def _do(self, instruction: pickletools.OpcodeInfo, argument: Any) -> None:
        name, stack, memo = instruction.name, self.stack, self.memo
        if name in _IGNORED:
            return
        if name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _TUPLES:
            count = _TUPLES[name]
            items = tuple(stack[len(stack) - count :])
            del stack[len(stack) - count :]
            stack.append(items)
        elif name in _CALLS:
            arguments = stack.pop()
            stack.append(Described(stack.pop(), arguments))
        elif name == "GLOBAL":
            stack.append(Described(argument))
        elif name == "STACK_GLOBAL":
            attribute = stack.pop()
            stack.append(Described(f"{stack.pop()} {attribute}"))
        elif name == "BUILD":
            state = stack.pop()
            stack[-1].state = state
        elif name == "MARK":
            stack.append(_MARK)
        elif name == "TUPLE":
            stack.append(tuple(self._since_mark()))
        elif name == "LIST":
            stack.append(self._since_mark())
        elif name == "DICT":
            stack.append(_pairs(self._since_mark()))
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name == "EMPTY_DICT":
            stack.append({})
        elif name == "APPEND":
            item = stack.pop()
            stack[-1].append(item)
        elif name == "APPENDS":
            items_since = self._since_mark()
            stack[-1].extend(items_since)
        elif name == "SETITEM":
            value, key = stack.pop(), stack.pop()
            stack[-1][key] = value
        elif name == "SETITEMS":
            pairs = _pairs(self._since_mark())
            stack[-1].update(pairs)
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name.endswith("PUT"):
            memo[argument] = stack[-1]
        elif name.endswith("GET"):
            stack.append(memo[argument])
        elif _is_constant(instruction) and argument is not None:
            stack.append(argument)
        else:
            raise ValueError(f"instruction {name}")

    def _since_mark(self) -> list[Any]:
        items: list[Any] = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]


def _is_constant(instruction: pickletools.OpcodeInfo) -> bool:
    """Whether it puts its argument, a number or a text, on the stack."""
    after = instruction.stack_after
    return not instruction.stack_before and len(after) == 1 and after[0] is not pickletools.anyobject


def _pairs(items: list[Any]) -> dict[Any, Any]:
    return dict(zip(items[::2], items[1::2], strict=True))


# ---- the table


def _named(root: Any, name: str) -> Iterator[Described]:
    """Every description of that name below `root`."""
    waiting, seen = [root], {id(root)}
    while waiting:
        item = waiting.pop()
        if isinstance(item, Described):
            if item.name == name and (item.arguments or item.state):
                yield item
            below = [item.what, item.arguments, item.state]
        elif isinstance(item, dict):
            below = list(item.values())
        else:
            below = list(item) if isinstance(item, list | tuple) else []
        for part in below:
            if id(part) not in seen:
                seen.add(id(part))
                waiting.append(part)


def _blocks_of_state(manager: Described) -> Iterator[tuple[list[str], Any]]:
    """Names of the rows of each block, and the block: (axes, blocks, names by block, ...) is the state."""
    _, blocks, names = manager.state[:3]
    for block, index in zip(blocks, names, strict=True):
        yield _index(index), block


def _blocks_of_arguments(manager: Described) -> Iterator[tuple[list[str], Any]]:
    """Names of the rows of each block, and the block: its arguments are (values, places in the index, ...)."""
    blocks, axes = manager.arguments[:2]
    order = np.array(_index(axes[0]), dtype=object)
    for block in blocks:
        values, places = block.arguments[:2]
        where = slice(*places.arguments) if places.name == "slice" else _array(places)
        yield list(order[where]), values


def _index(described: Any) -> list[str]:
    """Texts of an Index: made by `_new_Index(class, {"data": array of objects})`."""
    data = described.arguments[1]["data"]
    if data.name != "_reconstruct" or not all(isinstance(text, str) for text in data.state[4]):
        raise ValueError("names of columns that are no texts")
    return list(data.state[4])


def _array(described: Described) -> np.ndarray:
    """An array of numbers: made by numpy's `_reconstruct`, its state (version, shape, type, columns first, bytes)."""
    if described.name != "_reconstruct":
        raise ValueError(f"{described.name or described!r} is no array")
    _, shape, kind, columns_first, content = described.state
    code, byte_order = kind.arguments[0], kind.state[1]
    if not _NUMBER.fullmatch(code) or byte_order not in "<>|=":
        raise ValueError(f"an array of {code!r}, expected numbers")
    array = np.frombuffer(_bytes(content), np.dtype(byte_order + code))
    return array.reshape(shape, order="F" if columns_first else "C")


def _bytes(content: Any) -> bytes:
    """Bytes as Python 3 pickles them, as a text of Python 2, or as Python 3 pickles them for Python 2: an encoded
    text."""
    if isinstance(content, Described) and content.name == "encode":
        content = content.arguments[0]
    return content if isinstance(content, bytes) else content.encode("latin-1")
