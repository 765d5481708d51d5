"""A hash of the source code behind a factory: an edited model or data set never meets its old results.

The module that "package.module:object" names, and every module of the same top-level package that it
imports, directly or through others, are found by reading the source. Nothing is executed, so it costs
milliseconds and works for modules that cannot be imported here. Comments count: simple, and honest.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from genbench.errors import PluginError


@cache
def source_hash(factory: str) -> str:
    """8 hexadecimal digits for a factory "package.module:object".

    Raises PluginError where its module cannot be found.
    """
    module = factory.partition(":")[0]
    digest = hashlib.sha256()
    for name, path in sorted(source_files(module).items()):
        digest.update(f"{name}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


def source_files(module: str) -> dict[str, Path]:
    """The files behind a module: itself, its packages' `__init__`, and what they import of the same package."""
    top, found = module.partition(".")[0], dict[str, Path]()
    root = _top_level_path(top)
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _path_of(name, top, root)
        if name in found or path is None:
            continue
        found[name] = path
        if "." in name:
            waiting.append(name.rpartition(".")[0])
        if path.suffix == ".py":
            waiting.extend(
                imported
                for imported in _imports(path, name)
                if imported == top or imported.startswith(f"{top}.")
            )
    if module not in found:
        raise PluginError(f"factory module {module!r} cannot be found")
    return found


def _top_level_path(top: str) -> Path:
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        raise PluginError(f"package {top!r} cannot be found")
    return Path(spec.origin)


def _path_of(name: str, top: str, root: Path) -> Path | None:
    """The file of a module of the package whose `__init__` (or single file) is `root`; None if it is none."""
    if name == top:
        return root
    if root.stem != "__init__":
        return None
    base = root.parent.joinpath(*name.split(".")[1:])
    candidates = [base.with_suffix(".py"), base / "__init__.py"]
    candidates += sorted(base.parent.glob(f"{base.name}.*.so")) if base.parent.is_dir() else []
    return next((path for path in candidates if path.is_file()), None)


def _imports(path: Path, module: str) -> Iterator[str]:
    """Absolute names that a file may import: modules, and names of modules that may be submodules."""
    package = module if path.stem == "__init__" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                parents = parents[: len(parents) - node.level + 1]
                base = ".".join([*parents, *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
