"""Tables as the page shows them, and the numbers on the axes of its first picture."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import synthetic_runs
from hypothesis import given
from hypothesis import strategies as st

from genbench.plugin.discovery import load_registry
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.html.overview_chart import overview_charts, spreadsheet_text, tick_values
from genbench_reports.html.table_views import board_table, families_table, models_table
from genbench_reports.overview.document import Document, make_document
from genbench_reports.samples.series_units import series_units

BASELINES = dict.fromkeys(("held-out", "marginals", "noise", "gaussian-mixture"), "baseline")
HOSTILE = '=cmd|"</script>"'
MODELS: Mapping[str, str] = {"vae": "vae", "flow": "flow", HOSTILE: "gan"}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Document:
    run = synthetic_runs.write_run(
        tmp_path_factory.mktemp("run") / "run",
        [synthetic_runs.card("plane"), synthetic_runs.card("series")],
        {**MODELS, **BASELINES},
        samples=False,
        kinds={"vae": "lower bound (ELBO)"},
    )
    return make_document(run, load_registry())


def test_a_board_is_one_table_with_every_metric_and_cost(document: Document) -> None:
    for leaderboard in document.leaderboards.boards:
        view = board_table(leaderboard)
        titles = [column.title for column in view.columns]
        assert len(set(titles)) == len(titles)
        for table in (leaderboard.main, leaderboard.cost, leaderboard.further):
            assert {column.title for column in table.columns} <= set(titles)
        shown = {column.metric for column in view.columns} - {None}
        assert shown == set(leaderboard.metrics)
        main = {column.title for column in leaderboard.main.columns}
        assert {column.title for column in view.columns if not column.is_optional} == main - {"score ↑"}
        rows = [*view.rows, *view.calibration]
        assert [row.label for row in rows] == [row.label for row in leaderboard.board.rows]
        assert all(len(row.cells) == len(view.columns) for row in rows)


def test_likelihoods_know_their_kinds(document: Document) -> None:
    view = board_table(document.leaderboards.boards[0])
    (column,) = [place for place, each in enumerate(view.columns) if each.metric == "negative_log_likelihood"]
    assert view.columns[column].kinds == ("exact", "lower bound (ELBO)")
    by_label = {row.label: row.cells[column].kind for row in view.rows}
    assert by_label == {"vae": "lower bound (ELBO)", "flow": "exact", HOSTILE: "exact"}
    families = families_table(document.overview)
    assert [each.kinds for each in families.columns if each.kinds] == [("exact", "lower bound (ELBO)")]
    assert {row.family for row in families.rows} == set(MODELS.values())


def test_columns_about_a_model_know_it() -> None:
    table = Table((Column("model"), Column("vae"), Column("mean")), ((Cell("gan"), Cell("1"), Cell("2")),))
    view = models_table(table, {"vae": "vae", "gan": "gan"})
    assert [(column.model, column.family) for column in view.columns] == [
        (None, ""),
        ("vae", "vae"),
        (None, ""),
    ]
    assert (view.rows[0].label, view.rows[0].family) == ("gan", "gan")


def test_the_picture_names_every_model_and_its_values_are_safe_in_a_spreadsheet(document: Document) -> None:
    charts = overview_charts(document.overview)
    assert {chart.title for chart in charts} == {
        "training time",
        "time per sample, in bulk",
        "peak memory of the process",
    }
    assert charts[0].title != "training time"  # all were trained for ten seconds
    for chart in charts:
        for picture in (chart.wide, chart.narrow):
            assert {mark.label for mark in picture.marks} == set(MODELS)
            assert not picture.unnamed
            for mark in picture.marks:
                assert picture.frame.left <= mark.x <= picture.frame.right
                assert picture.frame.low <= mark.y <= picture.frame.high
        assert "'=cmd" in chart.csv
    assert spreadsheet_text("vae") == "vae"


@given(st.floats(-6, 12), st.floats(0.01, 8), st.booleans())
def test_logarithmic_axes_have_a_few_round_numbers(low: float, decades: float, binary: bool) -> None:
    values = tick_values(low, low + decades, is_logarithmic=True, binary=binary)
    assert 2 <= len(values) <= 12
    assert values == sorted(values)
    # not beyond the axis, up to rounding
    assert all(low - 1e-9 <= math.log10(value) <= low + decades + 1e-9 for value in values)


@given(st.floats(-1e6, 1e6), st.floats(0.01, 1e6))
def test_even_axes_have_a_few_round_numbers(low: float, span: float) -> None:
    values = tick_values(low, low + span, is_logarithmic=False)
    assert 2 <= len(values) <= 12
    assert all(low - 1e-6 * span <= value <= low + span * (1 + 1e-6) for value in values)


def test_units_of_series_come_from_the_card() -> None:
    registry = load_registry()
    elnino = series_units(registry.dataset("elnino"))
    assert (elnino.time, elnino.value) == ("time, months", "degrees Celsius")
    assert elnino.frequency == "frequency, cycles per month"
    stocks = series_units(registry.dataset("timegan-stocks"))
    assert stocks.steps == "days"
    unknown = series_units(synthetic_runs.card("series"))
    assert (unknown.time, unknown.value) == ("time, steps", "value")
