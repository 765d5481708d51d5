"""What models made of given classes, a class a row, beside real data of the same classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genbench.api import Dataset, working_dtype
from genbench.errors import DataError
from genbench.records.run_folder import Run
from genbench.samples.class_samples import with_real_examples
from genbench.samples.conditional_samples import CLASS_SAMPLES_FILE
from genbench.util.tensor_files import TensorFile, read_tensors_if_any
from genbench_reports.format.text import clean, shorten
from genbench_reports.samples.image_grids import Tiles
from genbench_reports.samples.png import Picture
from genbench_reports.samples.stored_samples import RowSamples

_FEWEST, _MOST = 3, 8  # columns; the least of rows too
_ROWS = 12
_REASON = 160


@dataclass(frozen=True)
class OfClasses:
    """One model's: a picture, or why there is none."""

    label: str
    family: str
    picture: Picture | None
    reason: str


@dataclass(frozen=True)
class ClassView:
    """rows: how many classes are shown. classes: how many there are."""

    rows: int
    classes: int
    real: Picture
    models: tuple[OfClasses, ...]


def class_view(
    run: Run, sources: Sequence[RowSamples], dataset: Dataset, tiles: Tiles, most: int
) -> ClassView | None:
    """None where no job drew samples of given classes. most: tiles of a model, about."""
    spec = dataset.spec
    read = [(source, _read(run, source)) for source in sources]
    found = [(source, kept) for source, kept in read if kept is not None]
    if not found or spec.classes is None:
        return None
    rows = min(spec.classes, _ROWS, max(_FEWEST, most // _FEWEST))
    columns = min(_MOST, max(_FEWEST, most // rows))
    models = []
    for source, kept in found:
        drawn, picture = kept.tensors.get("samples"), None
        if drawn is not None and drawn.shape[:1] + drawn.shape[2:] == (spec.classes, *spec.event_shape):
            shown = drawn[:rows, :columns].to(working_dtype(spec))
            picture = tiles.draw(shown.flatten(0, 1), shown.shape[1])
        reason = shorten(kept.texts.get("reason", ""), _REASON)
        models.append(OfClasses(clean(source.row.label), source.row.family, picture, reason))
    real = with_real_examples(None, None, dataset, sources[0].job).reference[:rows, :columns]
    if not real.shape[1] or not any(model.picture for model in models):
        return None
    return ClassView(rows, spec.classes, tiles.draw(real.flatten(0, 1), real.shape[1]), tuple(models))


def _read(run: Run, source: RowSamples) -> TensorFile | None:
    """None where the job kept none, or nothing that can be read."""
    try:
        return read_tensors_if_any(run.job_folder(source.job) / CLASS_SAMPLES_FILE)
    except DataError:
        return None
