"""Where the modules of an installed package lie, found without importing any of them."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path

# Source, then compiled extensions, then byte code without source: the order of Python's own finder.
_SUFFIXES = (".py", *importlib.machinery.EXTENSION_SUFFIXES, ".pyc")


class PackageFiles:
    """Finds the files of a top-level package's modules, or of a top-level module that is a single file."""

    def __init__(self, name: str) -> None:
        self.name = name
        try:
            spec = importlib.util.find_spec(name)  # imports nothing, as the name has no dots
        except (ImportError, ValueError):
            spec = None
        self._origin = Path(spec.origin) if spec and spec.origin and spec.has_location else None
        self._folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]
        self._files: dict[str, Path | None] = {}

    def file(self, module: str) -> Path | None:
        """The file of a module of this package; None where there is none."""
        if module not in self._files:
            self._files[module] = self._find(module)
        return self._files[module]

    def _find(self, module: str) -> Path | None:
        top, *parts = module.split(".")
        if top != self.name:
            return None
        if not parts:
            return self._origin if self._origin and self._origin.is_file() else None
        for folder in self._folders:
            base = folder.joinpath(*parts)
            stems = [base / "__init__", base] if base.is_dir() else [base]
            paths = (stem.with_name(stem.name + suffix) for stem in stems for suffix in _SUFFIXES)
            path = next(filter(Path.is_file, paths), None)
            if path is not None:
                return path
        return None


def is_module_file(path: Path | None) -> bool:
    """Whether it is a plain module, which has no submodules."""
    return path is not None and not path.name.startswith("__init__.")
