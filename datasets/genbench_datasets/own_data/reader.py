"""From a request to a card for the plan and a data set for the worker, whatever the kind of file.

The files are read when a run is planned: to check them before anything runs, to count the examples, and to take the
hash of their values as the version of the data, so that edited data never meet old results. What was read is left in
the cache of prepared data sets, where workers find it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genbench import DatasetCard
from genbench.datasets import WRITE_ERRORS, prepared_path, write_arrays
from genbench.errors import DataError
from genbench_datasets.own_data.located import BadFile, LocatedError
from genbench_datasets.own_data.own_data import Array, OwnData
from genbench_datasets.own_data.progress import warn
from genbench_datasets.own_data.remembered import Memory
from genbench_datasets.own_data.request import Request

if TYPE_CHECKING:
    from genbench import Dataset


@dataclass(frozen=True)
class Reader:
    """One kind of file."""

    scheme: str
    """What the user types before the colon: "csv"."""
    module: str
    """The module with the function `dataset`, which workers call."""
    options: Mapping[str, str]
    """The options by name, with their defaults."""
    files: Callable[[Request], Sequence[Path]]
    """All files whose content matters."""
    read: Callable[[Request, Sequence[Path]], OwnData]
    """Their content; raises DataError, whose text names the file."""

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
        """The data set of a card's `argument`, for the case that it is no longer in the cache. Raises DataError
        where the files have changed since the card was made."""
        import torch

        from genbench import Dataset, Split

        version, _, asked = argument.partition(":")
        request = Request.parse(self.scheme, asked, self.options)
        data = self._read(request, self.files(request))
        if data.version() != version:
            raise DataError(
                f"{request.shown}: changed since the run was planned; the same command plans it anew"
            )
        spec = data.spec(request.name)
        train, valid, test = (
            Split(spec, **{part: torch.from_numpy(array) for part, array in arrays.items()})
            for _, arrays in data.splits()
        )
        return Dataset(spec, train, valid, test)

    def _read(self, request: Request, files: Sequence[Path]) -> OwnData:
        try:
            data = self.read(request, files)
            warn(data.warnings)
            return data
        except LocatedError:
            raise
        except DataError as error:
            raise DataError(f"{request.shown}: {error}") from None
        except OSError as error:
            raise BadFile(error.filename or request.place, f"cannot be read: {error.strerror}") from None
        except MemoryError as error:
            raise DataError(f"{request.shown}: does not fit into memory: {error}") from None

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
            alphabet=data.alphabet,
            step=data.step,
        )


def _keep_prepared(card: DatasetCard, data: OwnData) -> None:
    arrays: dict[str, Array] = {}
    for name, parts in data.splits():
        arrays |= {f"{name}.{part}": array for part, array in parts.items()}
    with contextlib.suppress(*WRITE_ERRORS):  # without it, workers read the files themselves
        write_arrays(arrays, prepared_path(card))
