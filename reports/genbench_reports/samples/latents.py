"""Latent traversals, interpolations and the entropy of each pixel, as a job stored them
(`genbench.samples.latent_traversals`). Nothing here is scored."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from genbench.api import DataSpec
from genbench.errors import DataError
from genbench.records.run_paths import run_folder_of
from genbench.samples.conditional_samples import LATENT_TRAVERSALS_FILE
from genbench.util.tensor_files import TensorFile, read_tensors_if_any
from genbench_reports.samples.image_grids import Tiles
from genbench_reports.samples.png import Picture

GRIDS = {
    "traversals": "each row moves one latent from −2 to 2 standard deviations",
    "interpolations": "each row leads from one held-out example to another",
}
_MAX_ENTROPIES = 8


def latent_pictures(folder: Path, spec: DataSpec, tiles: Tiles, max_tiles: int) -> dict[str, Picture]:
    """Pictures of about `max_tiles` tiles each, by what they show, in words; empty where the job kept nothing that
    can be read."""
    try:
        kept = read_tensors_if_any(folder / LATENT_TRAVERSALS_FILE, within=run_folder_of(folder))
    except DataError:
        return {}
    if kept is None:
        return {}
    found = {}
    for name, words in GRIDS.items():
        grid = kept.tensors.get(name)
        if grid is not None and grid.ndim == 2 + len(spec.event_shape) and grid.shape[2:] == spec.event_shape:
            rows = max(1, max_tiles // grid.shape[1])
            found[words] = tiles.draw(grid[:rows].flatten(0, 1), grid.shape[1])
    entropy = _entropy(kept, spec, min(_MAX_ENTROPIES, max_tiles // 2))
    if entropy is not None:
        sheet, words = entropy
        found[words] = tiles.draw(sheet, len(sheet) // 2)
    return found


def _entropy(kept: TensorFile, spec: DataSpec, max_tiles: int) -> tuple[Tensor, str] | None:
    """Examples, then as many images of their entropies on the scale of the data; for images with levels."""
    examples, entropy = kept.tensors.get("examples"), kept.tensors.get("entropy")
    if examples is None or entropy is None or spec.modality != "image" or spec.levels is None:
        return None
    if entropy.shape[1:] != spec.event_shape or examples.shape[1:] != spec.event_shape:
        return None
    count = min(max_tiles, len(entropy), len(examples))
    channels = spec.event_shape[0]
    # per channel, the entropy is between 0 and the logarithm of the number of levels
    highest = channels * math.log(spec.levels)
    share = entropy[:count].sum(1, keepdim=True).expand(-1, channels, -1, -1) / highest
    sheet = torch.cat([examples[:count].double(), share.double().clamp(0, 1) * (spec.levels - 1)])
    return sheet, f"entropy of each pixel given those before it, from 0 (black) to {highest:.3g} nats (white)"
