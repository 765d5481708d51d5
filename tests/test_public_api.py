"""docs/public-api.md lists what a stranger may import; models, data sets and reports of ours import nothing
else of genbench."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGE = "docs/public-api.md"
OURS = ("plugins/genbench_models", "datasets/genbench_datasets", "reports/genbench_reports")


@pytest.fixture
def public_modules(repository: Path) -> set[str]:
    """The modules in the first cells of the page's tables: "| `genbench.api` | ..."."""
    rows = re.findall(r"^\| (`genbench[^|]*)\|", (repository / PAGE).read_text(), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(genbench(?:\.\w+)*)`", row)}


def imports_of(tree: ast.AST) -> Iterator[tuple[str, str | None]]:
    """(module, name) of every import of genbench, wherever it stands; name is None for `import module`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.module, alias.name) for alias in node.names)


def test_the_page_lists_modules_that_say_what_they_export(public_modules: set[str]) -> None:
    assert {"genbench", "genbench.api", "genbench.datasets", "genbench.errors"} <= public_modules
    for name in public_modules:
        importlib.import_module(name)


@pytest.mark.parametrize("root", OURS)
def test_ours_import_only_public_names(root: str, repository: Path, public_modules: set[str]) -> None:
    files = sorted((repository / root).rglob("*.py"))
    assert len(files) > 20
    for file in files:
        for module, name in imports_of(ast.parse(file.read_text())):
            if module.partition(".")[0] != "genbench":
                continue
            where = f"{file.relative_to(repository)} imports {name or 'all'} of {module}"
            assert module in public_modules, f"{where}, which {PAGE} does not list"
            exported = getattr(importlib.import_module(module), "__all__", None)
            assert name is not None, where
            assert exported is None or name in exported, f"{where}, which does not export it"
