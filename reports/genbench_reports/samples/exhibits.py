"""Samples of all models of a leaderboard beside real data: pictures, numbers for charts, text and music.

Every source is drawn alike on the scale of the held-out data, real data first. Samples are the first ones of each
model's lowest seed, so that they are not selected by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from torch import Tensor

from genbench.api import DatasetCard
from genbench.datasets.pieces import Pieces, window_spec
from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run
from genbench_reports.format.numbers import format_value
from genbench_reports.format.text import clean
from genbench_reports.leaderboard.rows import Board
from genbench_reports.samples.classes import ClassView, class_view
from genbench_reports.samples.completions import MaskView, completion_views
from genbench_reports.samples.density import View, view_of
from genbench_reports.samples.image_grids import Tiles, tiles_of
from genbench_reports.samples.latents import latent_pictures
from genbench_reports.samples.neighbours import MAX_COMPARED, MAX_SHOWN, Neighbours, TrainingSet
from genbench_reports.samples.piano_rolls import Piece, piece_of
from genbench_reports.samples.png import Picture
from genbench_reports.samples.series import series_numbers, spread
from genbench_reports.samples.series_units import series_units
from genbench_reports.samples.stored_samples import RealData, RowSamples, load_real, load_row
from genbench_reports.samples.texts import text_of

REAL = "held-out real data"
_MAX_TEXTS, _MAX_PIECES = 3, 3
_MAX_STEPS = 512
"""How many steps of a whole piece are shown."""
_USUAL_TILES, _MIN_TILES = 16, 6
"""Smallest number of tiles of a secondary picture: usually, and in a report with many rows."""


@dataclass(frozen=True)
class Panel:
    """One source of samples: a model, or real data."""

    label: str
    """Label of the row, or `REAL`."""
    family: str
    """Family of the model; empty for real data."""
    picture: Picture | None = None
    """Its samples; None where they are not drawn as one picture."""
    caption: str = ""
    """What to know about the picture."""
    texts: tuple[str, ...] = ()
    """Its samples, where they are text."""
    pieces: tuple[tuple[Picture, Piece], ...] = ()
    """Its samples, where they are music: piano rolls, and how they sound."""
    neighbours: Neighbours | None = None
    """Samples beside the training examples nearest to them."""
    latents: dict[str, Picture] = field(default_factory=dict)
    """Pictures of what the model has learned, by what they show."""
    missing: str | None = None
    """Why there is nothing to see; None where there is something."""

    @property
    def is_real(self) -> bool:
        return not self.family


@dataclass(frozen=True)
class Exhibit:
    """The samples on one leaderboard."""

    panels: tuple[Panel, ...]
    """Real data first, then models in the order of the leaderboard."""
    caption: str = ""
    """How to read the panels."""
    chart: dict[str, Any] | None = None
    """Numbers for the chart that shows one source closely; None where there is no such chart."""
    missing: str | None = None
    """Why there are no real data, or no pictures at all."""
    completions: tuple[MaskView, ...] = ()
    """For each mask, what models made of the same images."""
    classes: ClassView | None = None
    """Samples of given classes."""

    @property
    def has_neighbours(self) -> bool:
        return any(panel.neighbours for panel in self.panels)

    @property
    def has_latents(self) -> bool:
        return any(panel.latents for panel in self.panels)


def make_exhibit(run: Run, board: Board, registry: Registry, room: float = 1.0) -> Exhibit:
    """Whatever is missing or damaged is left out, and the report says so. room: size of secondary pictures, as a share
    of their usual size."""
    card, job = board.dataset, board.setting.job
    if card is None:
        return Exhibit(
            (), missing=f"no installed plugin announces {clean(job.dataset)}, so samples cannot be read"
        )
    real = load_real(card, job, is_announced=card.name in registry.datasets)
    sources = [(row, load_row(run, row, card)) for row in board.rows]
    loaded = [found for _, found in sources if isinstance(found, RowSamples)]
    if not loaded:
        why = {found for _, found in sources if isinstance(found, str)}
        return Exhibit((), missing="; ".join(sorted(why)[:3]) or "no job has finished")
    # without real data the first model's samples give the scale
    scale = real.reference if isinstance(real, RealData) else loaded[0].samples
    artist = _Artist(card, scale)
    max_tiles = max(_MIN_TILES, round(room * max(_USUAL_TILES, artist.tiles.count))) if artist.tiles else 0
    training = TrainingSet(real.dataset, real.reference) if isinstance(real, RealData) else None
    panels = []
    if isinstance(real, RealData):
        panels.append(artist.panel(REAL, "", artist.in_order(real.reference), pieces=real.pieces))
    for row, found in sources:
        label = clean(row.label)
        if isinstance(found, str):
            panels.append(Panel(label, row.family, missing=found))
            continue
        neighbours, latents = None, {}
        if artist.tiles is not None:
            latents = latent_pictures(run.parts_folder(found.job), artist.spec, artist.tiles, max_tiles)
            if training is not None and artist.has_neighbours:
                neighbours = training.neighbours(found.samples, artist.tiles, max_tiles // 2)
        shown = found.samples if found.translations is None else found.translations
        panels.append(artist.panel(label, row.family, shown, neighbours, latents, pieces=found.pieces))
    if not isinstance(real, RealData):
        missing = f"no real data beside the samples: {real}"
        return Exhibit(tuple(panels), artist.caption, artist.chart(), missing)
    completions: tuple[MaskView, ...] = ()
    classes = None
    if artist.tiles is not None:
        completions = completion_views(run, loaded, real.reference, artist.spec, artist.tiles, max_tiles)
        classes = class_view(run, loaded, real.dataset, artist.tiles, max_tiles)
    return Exhibit(tuple(panels), artist.caption, artist.chart(), completions=completions, classes=classes)


class _Artist:
    """Draws every source of one data set alike."""

    def __init__(self, card: DatasetCard, scale: Tensor) -> None:
        spec = window_spec(card)
        self.spec = spec
        self.tiles: Tiles | None = tiles_of(spec, scale)
        is_plane = spec.modality == "points" and spec.levels is None
        self.view: View | None = view_of(scale) if is_plane else None
        self.alphabet = card.alphabet
        self.units = series_units(card) if spec.modality == "series" else None
        self.scale = (float(scale[..., 0].min()), float(scale[..., 0].max())) if self.units else (0.0, 0.0)
        self.has_neighbours = spec.modality in ("image", "series", "pianoroll")
        self._numbers: list[dict[str, Any]] = []

    @property
    def caption(self) -> str:
        if self.view is not None:
            return (
                f"Where the points lie, {self.view.axes[0]} across and {self.view.axes[1]} upwards: darker cells hold"
                " more points, on one scale for all. The limits are those of the held-out data."
            )
        if self.units is not None:
            channel = " Only the first channel is drawn." if self.spec.event_shape[1] > 1 else ""
            return (
                f"The first series of each model beside held-out windows drawn at random, {self.spec.event_shape[0]}"
                f" {self.units.steps} each, on one scale: from {format_value(self.scale[0])} to"
                f" {format_value(self.scale[1])} ({self.units.value}).{channel}"
            )
        if self.tiles is not None:
            return f"The first {self.tiles.kind}, on the scale of the held-out data."
        if self.spec.modality == "tokens":
            if self.spec.source_steps is not None:
                return (
                    "What each model answers to the first held-out sources. Models that do not translate are shown by"
                    " the first pairs that they draw."
                )
            return "The first examples. ⏎ marks a line end."
        return ""

    def in_order(self, real: Tensor) -> Tensor:
        """Held-out examples in the order in which they are shown."""
        return spread(real) if self.units is not None else real

    def panel(
        self,
        label: str,
        family: str,
        x: Tensor,
        neighbours: Neighbours | None = None,
        latents: dict[str, Picture] | None = None,
        pieces: Pieces | None = None,
    ) -> Panel:
        """pieces: the whole pieces of which x holds the windows; music and texts are shown whole, up to a limit."""
        picture, caption = None, ""
        texts: tuple[str, ...] = ()
        music: tuple[tuple[Picture, Piece], ...] = ()
        whole = x if pieces is None else [piece[:_MAX_STEPS] for piece in islice(pieces, _MAX_PIECES)]
        if self.view is not None:
            picture = self.view.picture(x)
            outside = self.view.outside(x)
            caption = f"{outside:.1%} outside the limits" if outside > 0 else ""
            self._numbers.append({"label": label, "family": family, "xy": self.view.coordinates(x)})
        elif self.spec.modality == "pianoroll" and self.tiles is not None:
            music = tuple((self.tiles.draw(roll[None], 1), piece_of(roll)) for roll in whole[:_MAX_PIECES])
        elif self.tiles is not None:
            picture = self.tiles.draw(x[: self.tiles.count], self.tiles.columns)
        elif self.spec.modality == "tokens":
            texts = tuple(
                text_of(example, self.alphabet, self.spec.source_steps) for example in whole[:_MAX_TEXTS]
            )
        if self.units is not None:
            self._numbers.append({"label": label, "family": family, **series_numbers(x)})
        return Panel(label, family, picture, caption, texts, music, neighbours, latents or {})

    def chart(self) -> dict[str, Any] | None:
        if not self._numbers:
            return None
        if self.view is not None:
            limits = [self.view.low.tolist(), self.view.high.tolist()]
            return {"kind": "points", "limits": limits, "axes": self.view.axes, "sources": self._numbers}
        assert self.units is not None
        axes = {
            "time": self.units.time,
            "value": self.units.value,
            "lag": self.units.lag,
            "frequency": self.units.frequency,
        }
        return {"kind": "series", "axes": axes, "sources": self._numbers}


NEIGHBOURS_CAPTION = (
    f"From each model's first {MAX_COMPARED} samples, up to {MAX_SHOWN} that are nearest to the training set (above),"
    " nearest first, and their nearest training examples (below), by the Euclidean distance of the values. The ratio"
    " compares the median distance to that of held-out data: far below 1, a model reproduces its training data."
)
