"""The tuned track: which rows are marked, and the best validation value by the number of trials, in every format."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from genbench.api import DatasetCard, MetricCard
from genbench.plugin.registry import Registry
from genbench.records.result import CurvePoint, MetricValue, Result, Tuned, TuningCost
from genbench.records.run_folder import Plan, Run
from genbench_reports.charts.render_charts import render_png
from genbench_reports.leaderboard.leaderboard import Leaderboard, build_leaderboards
from genbench_reports.overview.document import make_document
from genbench_reports.render.markdown import document_markdown

Make = Callable[..., Result]
LABEL = "vae:latent_dim=8"
TUNED = Tuned(
    model="vae", variant=LABEL, dataset="tiny-image", trials=4, studies=1, sampler="tpe", budget="10s",
    rungs=(1 / 9, 1 / 3, 1.0), metric="frechet_distance", better="lower", value=3.0,
    values=[[7.0, None, 3.0, 5.0]],
    cost=TuningCost(trainings=7, cpu_seconds=84.25, seconds=90.0, steps=100, flops=1e9),
)  # fmt: skip


def on_validation(result: Result, value: float) -> Result:
    """The result with a curve whose chosen checkpoint has the value."""
    metric = MetricValue(name="frechet_distance", value=value, unit="", better="lower")

    def point(fraction: float, metrics: list[MetricValue]) -> CurvePoint:
        return CurvePoint(fraction=fraction, seconds=1, steps=1, examples=1, flops=1, metrics=metrics)

    worse = msgspec.structs.replace(metric, value=value + 50)
    return msgspec.structs.replace(
        result, curve=[point(0.5, [metric]), point(1.0, [worse])], selected_fraction=0.5
    )


@pytest.fixture
def results(result: Make) -> list[Result]:
    rows = [
        result("held-out", family="baseline", figures={"frechet_distance": 1.0}),
        result("gan", family="gan", figures={"frechet_distance": 5.0}),
    ]
    for seed in range(2):
        default = result("vae", seed=seed, figures={"frechet_distance": 9.0})
        tuned = result("vae", seed=seed, variant=LABEL, figures={"frechet_distance": 4.0})
        rows += [on_validation(default, 8.0 + seed), msgspec.structs.replace(tuned, tuned=TUNED)]
    return rows


@pytest.fixture
def board(
    results: list[Result], metric_cards: dict[str, MetricCard], dataset_cards: dict[str, DatasetCard]
) -> Leaderboard:
    (only,) = build_leaderboards(results, metric_cards, dataset_cards).boards
    return only


def test_tuned_rows_say_what_their_search_was(board: Leaderboard) -> None:
    titles = [column.title for column in board.main.columns]
    assert titles[:4] == ["rank", "model", "family", "Fréchet ↓"]
    assert titles[-1] == "search"
    column, name = titles.index("search"), titles.index("model")
    cells = {row[name].text: row[column].text for row in (*board.main.rows, *board.main.calibration)}
    assert cells == {"vae": "—", "gan": "—", "held-out": "—", LABEL: "4 trials, 84.2 s"}
    tracks = [note for note in board.notes if note.startswith(("Defaults, ", "Tuned, "))]
    assert tracks == [
        "Defaults, in the order of the table: gan, vae.",
        f"Tuned, in the order of the table: {LABEL}.",
    ]


def test_boards_without_a_search_have_no_column_for_one(
    result: Make, metric_cards: dict[str, MetricCard], dataset_cards: dict[str, DatasetCard]
) -> None:
    plain = [result("vae", figures={"frechet_distance": 9.0})]
    (only,) = build_leaderboards(plain, metric_cards, dataset_cards).boards
    assert "search" not in [column.title for column in only.main.columns]
    assert only.searches.rows == ()
    assert not any("track" in note for note in only.notes)


def test_the_table_has_the_best_value_by_trials_beside_the_defaults(board: Leaderboard) -> None:
    (row,) = board.searches.rows
    cells = {column.title: cell for column, cell in zip(board.searches.columns, row, strict=True)}
    assert [cells[f"best of {n}"].value for n in (1, 2, 3, 4)] == [7.0, 7.0, 3.0, 3.0]
    assert cells["defaults, validation"].value == 8.5
    assert cells["trainings"].value == 7
    assert cells["search, s"].text == "84.2"


def test_documents_and_pictures_have_the_search(
    results: list[Result], tmp_path: Path, registry: Registry, dataset_cards: dict[str, DatasetCard]
) -> None:
    plan = Plan(suite="winners", jobs=[each.job for each in results], datasets=dataset_cards)
    run = Run.create(tmp_path / "run", plan)
    for each in results:
        run.store(each)
    document = make_document(run, registry)
    text = document_markdown(document, registry.metrics)
    assert "84.2 s" in text
    assert "best of 4" in text
    assert any("tuned by a search" in note for note in document.overview.notes)
    picture = render_png(run, registry)["tiny-image-search.png"]
    with Image.open(io.BytesIO(picture)) as opened:
        assert len(opened.convert("L").getcolors() or ()) > 2
