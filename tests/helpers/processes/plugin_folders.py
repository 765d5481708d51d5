"""Plugins that a process finds because their folder is on PYTHONPATH: a module, and what an installer would write."""

from __future__ import annotations

import os
from pathlib import Path


def write_plugin(folder: Path, name: str, source: str, *, module: str = "", distribution: str = "") -> None:
    """Write the module `name` with an entry point of that name. module: another module, or an object in one, that the
    entry point names instead. distribution: another name of the distribution."""
    folder.mkdir(parents=True, exist_ok=True)
    if source:
        (folder / f"{name}.py").write_text(source)
    distribution = distribution or name
    info = folder / f"{distribution}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[genbench]\n{name} = {module or name}\n")


def environment_with(folder: Path, **variables: str) -> dict[str, str]:
    """The environment of a process that finds the plugins of the folder."""
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path, "COLUMNS": "200", **variables}
