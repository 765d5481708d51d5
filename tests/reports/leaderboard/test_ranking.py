"""Floors, zeros, yardsticks and rank intervals on leaderboards."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
import pytest

from genbench.api import DatasetCard, MetricCard, RankingRule
from genbench.records.result import Cost, LikeliestCheckpoint, MetricValue, Result
from genbench_reports.leaderboard.build_boards import build_boards
from genbench_reports.leaderboard.notes import notes
from genbench_reports.leaderboard.rows import Board, Row

Make = Callable[..., Result]
Figure = Callable[..., MetricValue]
Metrics = dict[str, MetricCard]
Datasets = dict[str, DatasetCard]
Boards = Callable[..., Board]
DISTANCE = "frechet_distance"
CALIBRATION = {"held-out": (0.1, 0.01), "marginals": (10.0, 0.1), "gaussian-mixture": (2.0, 0.05)}


@pytest.fixture
def made(result: Make, figure: Figure, metric_cards: Metrics, dataset_cards: Datasets) -> Boards:
    """A board of contenders and calibration rows, from (value, standard error) by name."""

    def make(
        contenders: Mapping[str, tuple[float, float | None]],
        calibration: Mapping[str, tuple[float, float | None]] = CALIBRATION,
        rule: RankingRule | None = None,
        **more: Mapping[str, float],
    ) -> Board:
        def one(name: str, family: str, value: float, stderr: float | None) -> Result:
            figures = {DISTANCE: figure(DISTANCE, value, stderr=stderr)}
            figures |= {
                metric: figure(metric, values[name]) for metric, values in more.items() if name in values
            }
            return result(name, family=family, figures=figures)

        results = [one(name, "vae", *pair) for name, pair in contenders.items()]
        results += [one(name, "baseline", *pair) for name, pair in calibration.items()]
        cards = dict(dataset_cards)
        if rule is not None:
            cards["tiny-image"] = msgspec.structs.replace(cards["tiny-image"], ranking=rule)
        (board,) = build_boards(results, metric_cards, cards)
        return board

    return make


def row(board: Board, label: str) -> Row:
    return next(each for each in board.rows if each.label == label)


def test_with_one_seed_a_rank_is_the_interval_that_the_errors_allow(made: Boards) -> None:
    board = made({"best": (0.5, 0.01), "near": (1.0, 0.2), "alike": (1.1, 0.2), "last": (5.0, 0.1)})
    assert [str(each.rank) for each in board.ranked] == ["1", "2-3", "2-3", "4"]
    assert "no claim is made about other seeds" in board.claim


def test_without_errors_there_is_no_interval(made: Boards) -> None:
    board = made({"a": (0.5, None), "b": (1.0, None)})
    assert [(each.rank.number, each.rank.interval) for each in board.ranked if each.rank] == [
        (1, None),
        (2, None),
    ]


def test_rows_that_cannot_be_told_from_real_data_share_rank_one(made: Boards) -> None:
    board = made({"a": (0.105, 0.01), "b": (0.095, 0.01), "c": (0.5, 0.01)})
    assert [(each.label, each.rank.number) for each in board.ranked if each.rank] == [
        ("b", 1),
        ("a", 1),
        ("c", 3),
    ]
    assert "2 rows cannot be told from real held-out data" in board.claim
    standing = row(board, "b").standing
    assert standing is not None
    assert standing.score is not None
    assert (standing.is_at_floor, standing.score.value) == (True, 1.0)


def test_a_large_error_alone_does_not_reach_the_floor(made: Boards) -> None:
    board = made({"sure": (0.5, 0.01), "unsure": (3.0, 2.0)})
    assert [each.rank.number for each in board.ranked if each.rank] == [1, 2]
    assert not any(each.standing and each.standing.is_at_floor for each in board.ranked)


@pytest.mark.parametrize(
    ("contenders", "calibration", "reason"),
    [
        (
            {"a": (0.5, 0.1), "b": (0.6, 0.1)},
            {"held-out": (0.9, 0.1), "marginals": (1.0, 0.1)},
            "real held-out data do not beat marginals by more than 2 standard errors",
        ),
        (
            {"a": (0.05, 0.001), "b": (0.6, 0.1)},
            CALIBRATION,
            "a is better than real held-out data by more than 2 standard errors",
        ),
    ],
)
def test_a_board_that_cannot_rank_says_so(
    contenders: dict[str, tuple[float, float]],
    calibration: dict[str, tuple[float, float]],
    reason: str,
    made: Boards,
) -> None:
    board = made(contenders, calibration)
    assert not board.can_rank
    assert not board.ranked
    assert reason in board.claim


def test_a_card_may_say_that_its_data_cannot_rank(made: Boards) -> None:
    rule = RankingRule(metric=DISTANCE, reason="x", cannot_rank="there are nineteen independent windows")
    board = made({"a": (0.5, 0.1)}, rule=rule)
    assert board.claim == "No ranks: there are nineteen independent windows."


def test_a_row_that_beats_no_yardstick_is_marked(made: Boards) -> None:
    board = made({"good": (0.5, 0.01), "between": (2.2, 0.2), "bad": (9.9, 0.1)})
    standings = {each.label: each.standing for each in board.rows}
    assert {label: standing and standing.not_beaten for label, standing in standings.items()} == {
        "good": (),
        "between": ("gaussian-mixture",),
        "bad": ("marginals", "gaussian-mixture"),
        **dict.fromkeys(CALIBRATION, ()),
    }
    said = list(notes(board))
    assert "▽ bad does not beat marginals and gaussian-mixture by Fréchet beyond its error." in said
    assert "▽ between does not beat gaussian-mixture by Fréchet beyond its error." in said


def test_nobody_is_asked_to_beat_the_family_of_the_truth(made: Boards) -> None:
    rule = RankingRule(metric=DISTANCE, reason="x", true_families=("gaussian-mixture",))
    board = made({"between": (2.2, 0.2)}, rule=rule)
    standing = row(board, "between").standing
    assert standing is not None
    assert standing.not_beaten == ()


def test_a_collapsed_row_is_never_the_best_in_precision(made: Boards) -> None:
    board = made(
        {"collapsed": (5.0, 0.1), "sound": (0.5, 0.1), "poor": (6.0, 0.1)},
        precision={"collapsed": 1.0, "sound": 0.7, "poor": 0.2},
        recall={"collapsed": 0.001, "sound": 0.6, "poor": 0.5, "held-out": 0.7},
    )
    assert row(board, "collapsed").is_collapsed
    assert any("mode collapse" in note for note in row(board, "collapsed").notes)
    assert [
        each.label for each in board.rows if "precision" in each.values and each.values["precision"].is_best
    ] == ["sound"]


def test_the_job_names_what_ranks(
    result: Make, figure: Figure, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    results = [
        result(name, ranking="recall", figures={DISTANCE: distance, "recall": recall})
        for name, distance, recall in (("far", 9.0, 0.9), ("near", 1.0, 0.1))
    ]
    (board,) = build_boards(results, metric_cards, dataset_cards)
    assert board.headline == "recall"
    assert [each.label for each in board.ranked] == ["far", "near"]
    assert board.columns[0] == "recall"


def test_a_row_says_where_other_weights_would_be_better(
    result: Make, figure: Figure, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    base = result("a", figures={DISTANCE: figure(DISTANCE, 11.6, stderr=0.1)})
    likelihood = figure("negative_log_likelihood", 75.0, stderr=0.5)
    other = msgspec.structs.replace(
        base,
        selected_fraction=0.4,
        last_metrics=[figure(DISTANCE, 0.9, stderr=0.1)],
        likeliest=LikeliestCheckpoint(fraction=0.2, metrics=[likelihood]),
    )
    near = msgspec.structs.replace(other, last_metrics=[figure(DISTANCE, 11.7, stderr=0.1)], likeliest=None)
    (board,) = build_boards([other], metric_cards, dataset_cards)
    notes = board.rows[0].notes
    assert any("Fréchet 0.90±0.10 at the end of training, 11.60±0.10 at 40% of it" in note for note in notes)
    assert any("by likelihood, the weights at 20% of training would be best" in note for note in notes)
    (board,) = build_boards([near], metric_cards, dataset_cards)
    assert board.rows[0].notes == ()


def test_a_row_over_its_budget_has_no_rank(
    result: Make, figure: Figure, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    results = [
        result(name, figures={DISTANCE: figure(DISTANCE, value)}, cost=Cost(budget_overrun=overrun))
        for name, value, overrun in (("greedy", 0.1, 0.35), ("fair", 1.0, None), ("slow", 2.0, 0.0))
    ]
    (board,) = build_boards(results, metric_cards, dataset_cards)
    assert [each.label for each in board.ranked] == ["fair", "slow"]
    assert "greedy: over budget by 35%, so not ranked" in row(board, "greedy").notes
