"""What a data set's models made, beside what is real: pictures, numbers for charts, text and music.

Every source is drawn the same way at the scale of the held-out data, real data first. Samples are the first ones of
each model's lowest seed: nobody has chosen them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from genbench.api import DatasetCard, DataSpec
from genbench.records.run_folder import Run
from genbench_reports.format.text import clean
from genbench_reports.leaderboard.rows import Board
from genbench_reports.samples.classes import ClassView, class_view
from genbench_reports.samples.completions import MaskView, completion_views
from genbench_reports.samples.density import View, view_of
from genbench_reports.samples.image_grids import Tiles, tiles_of
from genbench_reports.samples.latents import latent_pictures
from genbench_reports.samples.neighbours import LOOKED_AT, SHOWN, Neighbours, TrainingSet
from genbench_reports.samples.piano_rolls import Piece, piece_of
from genbench_reports.samples.png import Picture
from genbench_reports.samples.series import series_numbers
from genbench_reports.samples.stored_samples import RealData, RowSamples, load_real, load_row
from genbench_reports.samples.texts import text_of

REAL = "held-out real data"
_TEXTS, _PIECES = 3, 3
_BESIDE, _FEWEST = 16, 6
"""So many tiles at least has a picture beside the samples, where there is room, and where there is hardly any."""


@dataclass(frozen=True)
class Panel:
    """One source: a model, or real data, whose family is "". caption: what to know about the picture. missing: why
    there is nothing to see. latents: pictures by what they are."""

    label: str
    family: str
    picture: Picture | None = None
    caption: str = ""
    texts: tuple[str, ...] = ()
    pieces: tuple[tuple[Picture, Piece], ...] = ()
    neighbours: Neighbours | None = None
    latents: dict[str, Picture] = field(default_factory=dict)
    missing: str | None = None

    @property
    def is_real(self) -> bool:
        return not self.family


@dataclass(frozen=True)
class Exhibit:
    """panels: real data first, then in the order of the leaderboard. caption: how to read them. chart: numbers for
    the chart that shows one source closely, or None. missing: why there are no real data, or no pictures at all.
    completions: for each mask, what models made of the same images. classes: samples of given classes."""

    panels: tuple[Panel, ...]
    caption: str = ""
    chart: dict[str, Any] | None = None
    missing: str | None = None
    completions: tuple[MaskView, ...] = ()
    classes: ClassView | None = None

    @property
    def has_neighbours(self) -> bool:
        return any(panel.neighbours for panel in self.panels)

    @property
    def has_latents(self) -> bool:
        return any(panel.latents for panel in self.panels)


def make_exhibit(run: Run, board: Board, room: float = 1.0) -> Exhibit:
    """Nothing that is missing or damaged stops the report. room: the share of the usual size that pictures beside the
    samples may have."""
    card, job = board.dataset, board.setting.job
    if card is None:
        return Exhibit(
            (), missing=f"no plugin announces {clean(job.dataset)} here, so samples cannot be read"
        )
    real = load_real(card, job)
    sources = [(row, load_row(run, row, card.spec)) for row in board.rows]
    loaded = [found for _, found in sources if isinstance(found, RowSamples)]
    if not loaded:
        why = {found for _, found in sources if isinstance(found, str)}
        return Exhibit((), missing="; ".join(sorted(why)[:3]) or "no job has finished")
    # without real data the first model's samples give the scale
    scale = real.reference if isinstance(real, RealData) else loaded[0].samples
    artist = _Artist(card, scale)
    beside = max(_FEWEST, round(room * max(_BESIDE, artist.tiles.count))) if artist.tiles else 0
    training = TrainingSet(real.dataset, real.reference) if isinstance(real, RealData) else None
    panels = []
    if isinstance(real, RealData):
        panels.append(artist.panel(REAL, "", real.reference))
    for row, found in sources:
        label = clean(row.label)
        if isinstance(found, str):
            panels.append(Panel(label, row.family, missing=found))
            continue
        neighbours, latents = None, {}
        if artist.tiles is not None:
            latents = latent_pictures(run.job_folder(found.job), card.spec, artist.tiles, beside)
            if training is not None and artist.has_neighbours:
                neighbours = training.neighbours(found.samples, artist.tiles, beside // 2)
        panels.append(artist.panel(label, row.family, found.samples, neighbours, latents))
    if not isinstance(real, RealData):
        missing = f"no real data beside the samples: {real}"
        return Exhibit(tuple(panels), artist.caption, artist.chart(), missing)
    completions: tuple[MaskView, ...] = ()
    classes = None
    if artist.tiles is not None:
        completions = completion_views(run, loaded, real.reference, card.spec, artist.tiles, beside)
        classes = class_view(run, loaded, real.dataset, artist.tiles, beside)
    return Exhibit(tuple(panels), artist.caption, artist.chart(), completions=completions, classes=classes)


class _Artist:
    """Draws every source of one data set the same way."""

    def __init__(self, card: DatasetCard, scale: Tensor) -> None:
        spec = card.spec
        self.spec = spec
        self.tiles: Tiles | None = tiles_of(spec, scale)
        is_plane = spec.modality == "points" and spec.levels is None
        self.view: View | None = view_of(scale) if is_plane else None
        self.alphabet = card.alphabet
        self.has_neighbours = spec.modality in ("image", "series", "pianoroll")
        self._numbers: list[dict[str, Any]] = []

    @property
    def caption(self) -> str:
        if self.view is not None:
            return (
                f"Where the points lie, {self.view.axes[0]} across and {self.view.axes[1]} upwards: stronger is more,"
                " on one scale for all. The frame is that of the held-out data."
            )
        if self.tiles is not None:
            channel = " Only the first channel." if _channels(self.spec) > 1 else ""
            return f"The first {self.tiles.kind}, on the scale of the held-out data.{channel}"
        if self.spec.modality == "tokens":
            return "The beginning of the first examples. ⏎ is a line end."
        return ""

    def panel(
        self,
        label: str,
        family: str,
        x: Tensor,
        neighbours: Neighbours | None = None,
        latents: dict[str, Picture] | None = None,
    ) -> Panel:
        picture, caption = None, ""
        texts: tuple[str, ...] = ()
        pieces: tuple[tuple[Picture, Piece], ...] = ()
        if self.view is not None:
            picture = self.view.picture(x)
            outside = self.view.outside(x)
            caption = f"{outside:.1%} outside the frame" if outside > 0 else ""
            self._numbers.append({"label": label, "family": family, "xy": self.view.coordinates(x)})
        elif self.spec.modality == "pianoroll" and self.tiles is not None:
            pieces = tuple((self.tiles.draw(roll[None], 1), piece_of(roll)) for roll in x[:_PIECES])
        elif self.tiles is not None:
            picture = self.tiles.draw(x[: self.tiles.count], self.tiles.columns)
        elif self.spec.modality == "tokens":
            texts = tuple(text_of(example, self.alphabet) for example in x[:_TEXTS])
        if self.spec.modality == "series":
            self._numbers.append({"label": label, "family": family, **series_numbers(x)})
        return Panel(label, family, picture, caption, texts, pieces, neighbours, latents or {})

    def chart(self) -> dict[str, Any] | None:
        if not self._numbers:
            return None
        if self.view is not None:
            limits = [self.view.low.tolist(), self.view.high.tolist()]
            return {"kind": "points", "limits": limits, "axes": self.view.axes, "sources": self._numbers}
        return {"kind": "series", "sources": self._numbers}


def _channels(spec: DataSpec) -> int:
    return spec.event_shape[1] if spec.modality == "series" else 1


NEIGHBOURS_CAPTION = (
    f"Of each model's first {LOOKED_AT} samples up to {SHOWN} nearest to the training set (above), nearest first, and"
    " the training examples they are nearest to (below), by Euclidean distance of the values. The ratio compares the"
    " median distance to that of held-out data: far below 1, a model gives back what it was trained on."
)
