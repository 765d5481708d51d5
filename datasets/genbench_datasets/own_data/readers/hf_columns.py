"""One column of a data set of the library `datasets`, over its splits: as images, numbers, arrays, texts or labels.

Rows are counted from 0, as the library does, within their split.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Int, Shaped

from genbench.errors import DataError
from genbench_datasets.own_data.located import LocatedError
from genbench_datasets.own_data.readers.hf_library import HfDataset, import_library

Kind = Literal["image", "number", "array", "text", "class", "other"]


def kind_of(feature: Any, arrow_type: Any) -> Kind:
    """What a column holds, by its feature and its type in Arrow."""
    import pyarrow.types as types

    datasets = import_library()

    if isinstance(feature, datasets.ClassLabel):
        return "class"
    if (
        isinstance(feature, datasets.Image)
        or types.is_binary(arrow_type)
        or types.is_large_binary(arrow_type)
    ):
        return "image"
    if types.is_struct(arrow_type) and arrow_type.get_field_index("bytes") >= 0:
        return "image"
    if types.is_string(arrow_type) or types.is_large_string(arrow_type):
        return "text"
    if types.is_integer(arrow_type) or types.is_floating(arrow_type) or types.is_boolean(arrow_type):
        return "number"
    inner = _storage_type(arrow_type)
    while types.is_list(inner) or types.is_large_list(inner) or types.is_fixed_size_list(inner):
        inner = inner.value_type
        if types.is_integer(inner) or types.is_floating(inner) or types.is_boolean(inner):
            return "array"
    return "other"


@dataclass(frozen=True)
class Column:
    """One column over all splits."""

    where: str
    """What errors call the data set."""
    name: str
    """Name of the column."""
    feature: Any
    """What the library knows of its type."""
    parts: Mapping[str, Any]
    """The column of each split, as an Arrow array."""

    @classmethod
    def of(cls, where: str, splits: Mapping[str, HfDataset], name: str) -> Column:
        """Raises LocatedError where a cell is null."""
        parts = {split: _plain(data.with_format("arrow")[:][name]) for split, data in splits.items()}
        column = cls(where, name, next(iter(splits.values())).features[name], parts)
        for row, cell in enumerate(column._validity()):
            if not cell:
                raise LocatedError(f"{column.place(row)} is null")
        return column

    def place(self, row: int) -> str:
        """Where a row, counted over all splits together, is."""
        for split, part in self.parts.items():
            if row < len(part):
                return f"{self.where} ({split}): row {row}, column {self.name!r}"
            row -= len(part)
        raise IndexError(row)

    @cached_property
    def kind(self) -> Kind:
        return kind_of(self.feature, next(iter(self.parts.values())).type)

    def images(self) -> list[bytes | Path]:
        """The encoded images, or the paths to them. Raises LocatedError where a cell has neither."""
        found: list[bytes | Path] = []
        for cell in self._cells():
            content = cell if isinstance(cell, bytes) else cell.get("bytes") or cell.get("path")
            if content is None:
                raise LocatedError(f"{self.place(len(found))} is null")
            found.append(Path(content) if isinstance(content, str) else content)
        return found

    def numbers(self) -> Shaped[np.ndarray, " count"]:
        """(N,) of whatever type it has."""
        return np.concatenate([part.to_numpy() for part in self.parts.values()])

    def array(self) -> Shaped[np.ndarray, "count ..."]:
        """(N, ...), from lists that have one length on every level. Raises LocatedError."""
        arrays: list[np.ndarray] = []
        sizes: tuple[int, ...] | None = None
        start = 0
        for part in self.parts.values():
            values, found = self._unnested(part, start)
            if sizes is not None and found != sizes:
                raise LocatedError(f"{self.place(start)} has the sizes {found}, {self.place(0)} {sizes}")
            sizes = found
            arrays.append(values)
            start += len(part)
        return np.concatenate(arrays)

    def text(self, split: str) -> str:
        """The rows of a split, one per line."""
        return "\n".join(self.parts[split].to_pylist())

    def classes(self) -> tuple[tuple[str, ...], Int[np.ndarray, " count"]]:
        """Their names, and (N,) their numbers. Raises DataError where it holds no labels."""
        if self.kind == "class":
            y = self.numbers().astype(np.int64)
            if (y < 0).any():  # the library's value for "unknown"
                raise LocatedError(f"{self.place(int((y < 0).argmax()))}: the label is missing")
            return tuple(self.feature.names), y
        cells = np.array(list(self._cells()))
        if cells.dtype.kind not in "iubU":
            raise DataError(f"column {self.name!r} holds no labels: {next(iter(self.parts.values())).type}")
        names, numbers = np.unique(cells, return_inverse=True)
        return tuple(str(name) for name in names), numbers.astype(np.int64)

    def _cells(self) -> Iterator[Any]:
        for part in self.parts.values():
            yield from part.to_pylist()

    def _validity(self) -> Iterator[bool]:
        for part in self.parts.values():
            if part.null_count:
                yield from part.is_valid().to_pylist()
            else:
                yield from (True for _ in range(len(part)))

    def _unnested(self, part: Any, start: int) -> tuple[np.ndarray, tuple[int, ...]]:
        """The numbers of one split, and the sizes of each row."""
        import pyarrow as pa
        import pyarrow.compute as pc

        sizes: tuple[int, ...] = ()
        flat = part.combine_chunks() if isinstance(part, pa.ChunkedArray) else part
        if isinstance(flat, pa.ChunkedArray):
            flat = flat.chunk(0)
        while pa.types.is_nested(flat.type):
            lengths = pc.list_value_length(flat).to_numpy(zero_copy_only=False)
            lists_in_a_row = int(np.prod(sizes, dtype=np.int64))
            if (lengths != lengths[0]).any():
                odd = int((lengths != lengths[0]).argmax())
                raise LocatedError(
                    f"{self.place(start + odd // lists_in_a_row)} has {int(lengths[odd])} values, the first row"
                    f" {int(lengths[0])}; all must have as many"
                )
            sizes = (*sizes, int(lengths[0]))
            flat = flat.flatten()
            if flat.null_count:
                odd = int(np.argmin(flat.is_valid().to_numpy(zero_copy_only=False)))
                raise LocatedError(
                    f"{self.place(start + odd // max(1, int(np.prod(sizes))))} has a null in it"
                )
        return flat.to_numpy(zero_copy_only=False).reshape(len(part), *sizes), sizes


def _plain(column: Any) -> Any:
    """A column as plain lists, where it has one of the library's own array types."""
    import pyarrow as pa

    if isinstance(column.type, pa.ExtensionType):
        return pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    return column


def _storage_type(arrow_type: Any) -> Any:
    import pyarrow as pa

    return arrow_type.storage_type if isinstance(arrow_type, pa.ExtensionType) else arrow_type
