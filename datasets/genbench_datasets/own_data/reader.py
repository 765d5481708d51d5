"""From a request to a card for the plan and a data set for the worker, whatever the kind of file.

The plan reads the files: to check them before anything runs, to know how many examples there are, and to take the
hash of their values as the data's version, so that edited data never meet old results. What it read it leaves in
the cache of prepared data sets, where workers find it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genbench import DatasetCard
from genbench.data_cache import prepared_path
from genbench.errors import DataError
from genbench.prepared_file import WRITE_ERRORS, write_arrays
from genbench_datasets.own_data.located import BadFile, LocatedError
from genbench_datasets.own_data.own_data import Array, OwnData
from genbench_datasets.own_data.remembered import Memory
from genbench_datasets.own_data.request import Request

if TYPE_CHECKING:
    from genbench.data import Dataset


@dataclass(frozen=True)
class Reader:
    """One kind of file. module: where `dataset` is, the factory for workers. options: with their defaults.
    files: all files whose content matters. read: what they hold; raises DataError, in words that name the file."""

    scheme: str
    module: str
    options: Mapping[str, str]
    files: Callable[[Request], Sequence[Path]]
    read: Callable[[Request, Sequence[Path]], OwnData]

    def card(self, argument: str) -> DatasetCard:
        """The card of "scheme:argument". Raises DataError, UsageError."""
        request = Request.parse(self.scheme, argument, self.options)
        files = self.files(request)
        memory = Memory(request, files, self.module)
        card = memory.card()
        if card is None:
            data = self._read(request, files)
            card = self._describe(request, data)
            _keep_prepared(card, data)
            memory.keep(card)
        return card

    def dataset(self, argument: str) -> Dataset:
        """The data set of a card's `argument`, where it is not in the cache any more. Raises DataError where the
        files are not what the card was made of."""
        import torch

        from genbench.data import Dataset, Split

        version, _, asked = argument.partition(":")
        request = Request.parse(self.scheme, asked, self.options)
        data = self._read(request, self.files(request))
        if data.version() != version:
            raise DataError(
                f"{request.name}: changed since the run was planned; the same command plans it anew"
            )
        spec = data.spec(request.name)
        train, valid, test = (
            Split(spec, torch.from_numpy(x), None if y is None else torch.from_numpy(y))
            for _, x, y in data.splits()
        )
        return Dataset(spec, train, valid, test)

    def _read(self, request: Request, files: Sequence[Path]) -> OwnData:
        try:
            return self.read(request, files)
        except LocatedError:
            raise
        except DataError as error:
            raise DataError(f"{request.name}: {error}") from None
        except OSError as error:
            raise BadFile(error.filename or request.place, f"cannot be read: {error.strerror}") from None
        except MemoryError as error:
            raise DataError(f"{request.name}: does not fit into memory: {error}") from None

    def _describe(self, request: Request, data: OwnData) -> DatasetCard:
        version = data.version()
        return DatasetCard(
            spec=data.spec(request.name),
            summary=f"own data: {data.about}",
            sizes=(len(data.parts.train), len(data.parts.valid), len(data.parts.test)),
            splits=data.parts.words,
            source=request.place,
            licence="not known: own data",
            citation="none: own data",
            factory=f"{self.module}:dataset",
            argument=f"{version}:{request.argument}",
            version=version,
        )


def _keep_prepared(card: DatasetCard, data: OwnData) -> None:
    arrays: dict[str, Array] = {}
    for name, x, y in data.splits():
        arrays[f"{name}.x"] = x
        if y is not None:
            arrays[f"{name}.y"] = y
    with contextlib.suppress(*WRITE_ERRORS):  # then the worker reads the files itself
        write_arrays(arrays, prepared_path(card))
