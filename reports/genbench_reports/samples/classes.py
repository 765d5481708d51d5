"""Samples of given classes by each model, with a row per class, beside real data of these classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genbench.api import Dataset, working_dtype
from genbench.errors import DataError
from genbench.records.run_folder import Run
from genbench.records.run_paths import run_folder_of
from genbench.samples.class_samples import with_real_examples
from genbench.samples.conditional_samples import CLASS_SAMPLES_FILE
from genbench.util.tensor_files import TensorFile, read_tensors_if_any
from genbench_reports.format.text import clean, shorten
from genbench_reports.samples.image_grids import Tiles
from genbench_reports.samples.png import Picture
from genbench_reports.samples.stored_samples import RowSamples

_MIN_COLUMNS, _MAX_COLUMNS = 3, 8
_MAX_ROWS = 12
_MAX_REASON_CHARACTERS = 160


@dataclass(frozen=True)
class ModelClasses:
    """Samples of given classes by one model."""

    label: str
    """Label of its row."""
    family: str
    """Family of the model."""
    picture: Picture | None
    """The samples; None where there are none."""
    reason: str
    """Why there are none."""


@dataclass(frozen=True)
class ClassView:
    """Samples of given classes by all models, beside real data."""

    rows: int
    """How many classes are shown."""
    classes: int
    """How many classes there are."""
    real: Picture
    """Held-out real data."""
    models: tuple[ModelClasses, ...]
    """What each model drew."""


def class_view(
    run: Run, sources: Sequence[RowSamples], dataset: Dataset, tiles: Tiles, max_tiles: int
) -> ClassView | None:
    """None where no job drew samples of given classes. max_tiles: tiles per model, approximately."""
    spec = dataset.spec
    read = [(source, _read(run, source)) for source in sources]
    found = [(source, kept) for source, kept in read if kept is not None]
    if not found or spec.classes is None:
        return None
    rows = min(spec.classes, _MAX_ROWS, max(_MIN_COLUMNS, max_tiles // _MIN_COLUMNS))
    columns = min(_MAX_COLUMNS, max(_MIN_COLUMNS, max_tiles // rows))
    models = []
    for source, kept in found:
        drawn, picture = kept.tensors.get("samples"), None
        if drawn is not None and drawn.shape[:1] + drawn.shape[2:] == (spec.classes, *spec.event_shape):
            shown = drawn[:rows, :columns].to(working_dtype(spec))
            picture = tiles.draw(shown.flatten(0, 1), shown.shape[1])
        reason = shorten(kept.texts.get("reason", ""), _MAX_REASON_CHARACTERS)
        models.append(ModelClasses(clean(source.row.label), source.row.family, picture, reason))
    real = with_real_examples(None, None, dataset, sources[0].job).reference[:rows, :columns]
    if not real.shape[1] or not any(model.picture for model in models):
        return None
    return ClassView(rows, spec.classes, tiles.draw(real.flatten(0, 1), real.shape[1]), tuple(models))


def _read(run: Run, source: RowSamples) -> TensorFile | None:
    """None where the job kept no samples of classes, or none that can be read."""
    try:
        path = run.parts_folder(source.job) / CLASS_SAMPLES_FILE
        return read_tensors_if_any(path, within=run_folder_of(path))
    except DataError:
        return None
