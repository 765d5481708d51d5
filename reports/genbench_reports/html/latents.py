"""Latent traversals and interpolations, where a job kept them: `inside.safetensors` in its folder.

Its tensors `traversals` (rows, columns, *event_shape), one latent moved along each row, and `interpolations` (rows,
columns, *event_shape), from the encoding of one held-out example to another's. Jobs of models that do not encode and
decode keep none.
"""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from genbench.spec import DataSpec
from genbench_reports.html.pictures import Picture
from genbench_reports.html.tiles import Tiles

INSIDE_FILE = "inside.safetensors"
KINDS = {
    "traversals": "Traversals: along each row one latent moves from −2 to 2 standard deviations",
    "interpolations": "Interpolations: along each row, from one held-out example to another",
}


def latent_pictures(folder: Path, spec: DataSpec, tiles: Tiles) -> dict[str, Picture]:
    """By the words of `KINDS`; empty where the job kept nothing, or nothing of the data's shape."""
    found = {}
    for name, words in KINDS.items():
        grid = _read(folder / INSIDE_FILE, name)
        if grid is not None and grid.ndim == 2 + len(spec.event_shape) and grid.shape[2:] == spec.event_shape:
            found[words] = tiles.draw(grid.flatten(0, 1), grid.shape[1])
    return found


def _read(path: Path, name: str) -> Tensor | None:
    try:
        with safe_open(path, framework="pt") as file:
            tensor: Tensor | None = file.get_tensor(name) if name in file.keys() else None  # noqa: SIM118
    except (SafetensorError, OSError):
        return None
    return tensor
