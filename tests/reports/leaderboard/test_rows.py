"""The typed rows of a leaderboard: what they hold, and that every renderer reads them."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from genbench.api.cards import DatasetCard, MetricCard
from genbench.records.result import Cost, CurvePoint, MetricValue, Result
from genbench_reports.analysis.score_matrix import score_matrices
from genbench_reports.charts.chart_data import COST_AXES, chart_numbers
from genbench_reports.format.columns import COST_COLUMNS
from genbench_reports.html.ranks import ranks_across
from genbench_reports.leaderboard.build_boards import build_boards
from genbench_reports.leaderboard.leaderboard import make_leaderboard
from genbench_reports.leaderboard.rows import Board, Rank, Row, Standing
from genbench_reports.leaderboard.summary import make_summaries
from genbench_reports.overview.leaders import leaders
from genbench_reports.render.terminal import print_leaderboard
from genbench_reports.statistics.uncertain_means import UncertainMean

Make = Callable[..., Result]
Figure = Callable[..., MetricValue]
Metrics = dict[str, MetricCard]
Datasets = dict[str, DatasetCard]


def only(results: list[Result], metrics: Metrics, datasets: Datasets) -> Board:
    (board,) = build_boards(results, metrics, datasets)
    return board


def row(board: Board, label: str) -> Row:
    return next(each for each in board.entrants if each.label == label)


def test_a_value_brings_the_seeds_together(
    result: Make, figure: Figure, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    results = [
        result(
            "gan",
            seed=seed,
            figures={
                "frechet_distance": 1.0 + seed,
                "bits_per_dim": figure("bits_per_dim", 3.0, kind=f"AIS estimate (gap 0.{seed} nats)"),
                "recall": figure("recall", None if seed else 0.5, note=f"{seed} neighbours"),
            },
            cost=Cost(train_seconds=10.0 * (seed + 1), samples_per_second=[2.0, 4.0, None][seed]),
        )
        for seed in range(3)
    ]
    gan = row(only(results, metric_cards, dataset_cards), "gan")
    distance, likelihood, recall = (
        gan.values[name] for name in ("frechet_distance", "bits_per_dim", "recall")
    )
    assert distance.by_seed == {0: 1.0, 1: 2.0, 2: 3.0}
    assert (distance.mean, distance.kind, distance.is_complete) == (2.0, None, True)
    assert distance.stderr == pytest.approx(1 / math.sqrt(3))
    assert likelihood.kind == "AIS estimate"
    assert (recall.mean, recall.stderr, recall.is_complete) == (0.5, None, False)
    assert recall.notes == (
        "1 to 2 neighbours",
    )  # that of seed 0 is on every value, so it belongs to the column
    assert gan.costs["train_seconds"].mean == 20.0
    assert gan.costs["seconds_per_sample"].by_seed == {0: 0.5, 1: 0.25}
    assert "steps" not in gan.costs


def test_rows_are_in_order_and_nobody_is_lost(
    result: Make, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    results = [
        result("broken", status="oom"),
        result("copier", family="baseline", figures={"frechet_distance": 0.1}),
        result("half", seed=0, figures={"frechet_distance": 0.2}),
        result("half", seed=1, status="killed"),
        result("second", figures={"frechet_distance": 2.0}),
        result("first", figures={"frechet_distance": 1.0}),
    ]
    board = only(results, metric_cards, dataset_cards)
    assert [each.label for each in board.rows] == ["first", "second", "half", "copier"]
    assert [each.label for each in board.entrants] == ["broken", "copier", "half", "second", "first"]
    assert [each.rank for each in board.rows] == [Rank(1, None), Rank(2, None), None, None]
    assert [each.label for each in board.rows if each.values["frechet_distance"].is_best] == ["first"]
    assert len(row(board, "half").failures) == 1


def test_every_renderer_shows_the_value_of_the_row(
    result: Make, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    """A value that no record has is put into the board: what computed it anew from the records would not show it."""
    results = [
        result(model, seed=seed, figures={"frechet_distance": value + 0.1 * seed})
        for model, value in (("good", 1.0), ("bad", 2.0))
        for seed in range(3)
    ]
    point = CurvePoint(fraction=1.0, seconds=1.0, steps=1, examples=1, flops=1.0, metrics=results[0].metrics)
    results[0].curve.append(point)
    board = only(results, metric_cards, dataset_cards)
    other = 0.777
    rows = tuple(
        replace(
            each,
            rank=Rank(1 + place, "z", (1, 2)),
            standing=Standing(UncertainMean(0.5 - place / 4, known_stderr=0.1), False, ()),
            values={
                name: replace(value, mean=other + place, by_seed=dict.fromkeys(range(3), other + place))
                for name, value in each.values.items()
            },
        )
        for place, each in enumerate(board.rows)
    )
    changed = replace(board, rows=rows, entrants=rows)
    screen = io.StringIO()
    print_leaderboard(make_leaderboard(changed), Console(file=screen, width=200))
    assert "1-2z" in screen.getvalue()
    assert "0.777" in screen.getvalue()
    (leader,) = leaders([changed])
    assert leader.value.startswith("0.777")
    assert leader.certainty == "Not told apart from bad."
    assert ranks_across([changed]).rows[0][2].text == "1-2z"
    numbers = chart_numbers(changed)
    assert [entry["y"][0][0] for entry in numbers["trade"]["entries"]] == [0.777, 1.777]
    (matrix,) = score_matrices([changed])
    assert matrix.mean(changed.title, "good") == pytest.approx(other)
    (summary,) = make_summaries([changed, replace(changed, title="again")])
    assert [each.score.value for each in summary.rows] == [0.5, 0.25]


def test_metrics_without_values_say_why(
    result: Make, figure: Figure, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    none = figure("recall", None, note="too few samples")
    board = only(
        [result("a", figures={"frechet_distance": 1.0, "recall": none})], metric_cards, dataset_cards
    )
    assert not board.has_values("recall")
    assert board.metrics["recall"].reasons == ("too few samples",)
    assert not board.has_values("no such metric")
    assert [metric.name for metric in board.main_metrics] == ["frechet_distance"]


def test_columns_and_axes_name_costs_that_rows_have(
    result: Make, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    measured = {name: 2 for name in Cost.__struct_fields__ if "note" not in name and "source" not in name}
    cost = Cost(**{**measured, "bound_by": "steps", "throughput": [], "wall_seconds_by_phase": {}})
    board = only([result("a", figures={"frechet_distance": 1.0}, cost=cost)], metric_cards, dataset_cards)
    (a,) = board.rows
    assert {column.name for column in COST_COLUMNS} <= a.costs.keys()
    assert {axis.name for axis in COST_AXES} <= a.costs.keys()
    assert a.bound_by == ("steps",)
