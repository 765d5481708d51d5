"""Values that are computed when they are first asked for: the first screen needs a few of the forty of a record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

Computed = TypeVar("Computed")


class LazyValues(Mapping[str, Computed], Generic[Computed]):
    """A mapping whose names are known and whose values are computed once each. Not for several threads at once."""

    def __init__(self, names: Iterable[str], compute: Callable[[str], Computed]) -> None:
        """compute: called with one of the names."""
        self._names = dict.fromkeys(names)
        self._compute = compute
        self._known: dict[str, Computed] = {}

    def __getitem__(self, name: str) -> Computed:
        if name not in self._known:
            if name not in self._names:
                raise KeyError(name)
            self._known[name] = self._compute(name)
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
