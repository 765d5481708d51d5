"""Held-out images of which models were given a part, and how each model completed them; the images are the same for
all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from genbench.api import DataSpec
from genbench.errors import DataError
from genbench.records.run_folder import Run
from genbench.records.run_paths import run_folder_of
from genbench.samples.completions import Completions, from_tensor_file, masks_for
from genbench.samples.conditional_samples import COMPLETIONS_FILE
from genbench.samples.masks import MASK_NAMES, MaskName
from genbench.util.tensor_files import read_tensors_if_any
from genbench_reports.format.text import clean, shorten
from genbench_reports.samples.image_grids import Tiles
from genbench_reports.samples.png import Picture
from genbench_reports.samples.stored_samples import RowSamples

MASKS: dict[MaskName, str] = {
    "lower_half": "the lower half",
    "centre": "the centre",
    "random_half": "half of the pixels, at random",
    "super_resolution": "all but every second row and column",
}
_MIN_COLUMNS, _MAX_COLUMNS = 3, 8
_MAX_REASON_CHARACTERS = 160


@dataclass(frozen=True)
class Completed:
    """Completions by one model."""

    label: str
    """Label of its row."""
    family: str
    """Family of the model."""
    picture: Picture | None
    """The completed images; None where there are none."""
    reason: str
    """Why there are none."""


@dataclass(frozen=True)
class MaskView:
    """Completions of one kind of mask by all models."""

    missing: str
    """What models had to fill in, in words."""
    given: Picture
    """What they were given."""
    real: Picture
    """The images before anything was taken away."""
    rows: tuple[Completed, ...]
    """What each model made of them."""


def completion_views(
    run: Run, sources: Sequence[RowSamples], reference: Tensor, spec: DataSpec, tiles: Tiles, max_tiles: int
) -> tuple[MaskView, ...]:
    """A view for each mask that a model has completed.

    reference: (N, *event_shape), held-out examples. max_tiles: tiles per model over all masks, approximately.
    """
    if tiles.draw_given is None:
        return ()
    read = [(source, _read(run, source, spec)) for source in sources]
    found = [(source, completions) for source, completions in read if completions]
    totals = {len(each.x) for _, completions in found for each in completions.values() if each.x is not None}
    if not totals:
        return ()
    # jobs of one suite complete equal images; those of joined runs may have completed different numbers of them
    total = min(totals)
    count = min(_MAX_COLUMNS, total, max(_MIN_COLUMNS, max_tiles // len(MASK_NAMES)))
    masks = masks_for(spec, sources[0].job.dataset, total)
    views = []
    for name in MASK_NAMES:
        rows = []
        for source, completions in found:
            each = completions.get(name)
            if each is not None:
                picture = None if each.x is None else tiles.draw(each.x[:count], count)
                label, family = clean(source.row.label), source.row.family
                rows.append(
                    Completed(label, family, picture, shorten(each.reason or "", _MAX_REASON_CHARACTERS))
                )
        if any(row.picture for row in rows):
            truth = reference[:count]
            given = tiles.draw_given(truth, masks[name][:count], count)
            views.append(MaskView(MASKS[name], given, tiles.draw(truth, count), tuple(rows)))
    return tuple(views)


def _read(run: Run, source: RowSamples, spec: DataSpec) -> Completions | None:
    """None where the job kept no completions, or none that can be read."""
    try:
        path = run.parts_folder(source.job) / COMPLETIONS_FILE
        kept = read_tensors_if_any(path, within=run_folder_of(path))
    except DataError:
        return None
    if kept is None:
        return None
    found = from_tensor_file(kept, spec)
    shapes = {tuple(each.x.shape[1:]) for each in found.values() if each.x is not None}
    return found if shapes <= {spec.event_shape} else None
