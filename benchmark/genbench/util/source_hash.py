"""A hash of the source code behind a factory, so that results of an edited model or data set are not mixed with old
ones.

The hash covers the module that "package.module:object" names and every module of the same top-level package that it
imports, directly or through others. They are found by reading the source: nothing is imported or executed, so it takes
milliseconds and works for modules that cannot be imported on this machine. Comments are hashed too.

It does not cover other distributions, whose versions are in the provenance; imports whose names are computed at run
time; and a package's `__init__` that is only passed through on the way to a module: it holds the cards of a whole
family of models, and a word changed on one card makes no new model. An `__init__` from which a name is imported is
covered.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

from genbench.util.package_files import PackageFiles, is_module_file


def source_hash(factory: str, *, within: str = "", without: Collection[str] = ()) -> str:
    """12 hexadecimal digits for a factory "package.module:object".

    within, without: see `source_files`.
    A module that cannot be found has a hash too. The worker then reports in the row of its model or data set that the
    module is missing.
    """
    digest = hashlib.sha256(factory.encode())
    found = source_files(factory.partition(":")[0], within=within, without=without)
    for name, path in sorted(found.items()):
        digest.update(f"\0{name}\0{_scan(path)[0]}".encode())
    return digest.hexdigest()[:12]


def source_files(module: str, *, within: str = "", without: Collection[str] = ()) -> dict[str, Path]:
    """The files of a module and of the modules of the same top-level package that it imports, by full module name.
    Empty where the module cannot be found.

    within: a package; modules outside it are left out. without: modules that are left out, with what only they import.
    """
    package = PackageFiles(module.partition(".")[0])
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        is_covered = name not in found and name not in without and _lies_within(name, within)
        path = package.file(name) if is_covered else None
        if path is not None:
            found[name] = path
            waiting.extend(_imported(name, path, package))
    return found


def _lies_within(module: str, package: str) -> bool:
    return not package or module == package or module.startswith(package + ".")


def _imported(module: str, path: Path, package: PackageFiles) -> Iterator[str]:
    """Full names of the modules of `package` that the file of `module` imports."""
    parent = module.rpartition(".")[0] if is_module_file(path) else module
    for level, base, name in _scan(path)[1]:
        if level:
            ancestors = parent.split(".")
            kept = ancestors[: len(ancestors) - level + 1]
            base = ".".join([*kept, base] if base else kept)
        if base.partition(".")[0] != package.name:
            continue
        if name is None:
            # `import a.b` binds a: whatever can be reached from it may be used
            parts = base.split(".")
            yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))
        else:
            submodule = f"{base}.{name}"
            yield submodule if not is_module_file(package.file(base)) and package.file(submodule) else base


_Import = tuple[int, str, str | None]


def _scan(path: Path) -> tuple[str, tuple[_Import, ...]]:
    """The digest of a file, and its imports."""
    state = path.stat()
    return _scan_version(path, state.st_mtime_ns, state.st_size)


@cache
def _scan_version(path: Path, _modified_ns: int, _size: int) -> tuple[str, tuple[_Import, ...]]:
    """One version of a file. Every job of a plan asks, so it is read once; an edited file is read again."""
    content = path.read_bytes()
    imports = tuple(_imports(content)) if path.suffix == ".py" else ()
    return hashlib.sha256(content).hexdigest(), imports


def _imports(content: bytes) -> Iterator[_Import]:
    """(level, module, name) of every import statement, wherever it stands: level as in `from ..module import
    name`; name is None for `import module`. None at all where the source cannot be parsed."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname and "." in alias.name:  # `import a.b as c` binds a.b alone
                    base, _, name = alias.name.rpartition(".")
                    yield 0, base, name
                else:
                    yield 0, alias.name, None
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.level, node.module or "", alias.name
