"""The columns of a board's main table: their order, and what gives way to what."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from genbench.api import DatasetCard, MetricCard
from genbench.records.result import Cost, Result
from genbench_reports.leaderboard.leaderboard import Leaderboard, build_leaderboards

Make = Callable[..., Result]
COST = Cost(
    samples_per_second=1234.0,
    train_peak_rss_bytes=2**20,
    sample_peak_rss_bytes=3 * 2**20,
)


@pytest.fixture
def board(
    metric_cards: dict[str, MetricCard], dataset_cards: dict[str, DatasetCard]
) -> Callable[..., Leaderboard]:
    def make(*results: Result) -> Leaderboard:
        (only,) = build_leaderboards(results, metric_cards, dataset_cards).boards
        return only

    return make


def titles(shown: Leaderboard) -> list[str]:
    return [column.title for column in shown.main.columns]


@pytest.mark.parametrize(
    ("dataset", "metrics", "expected"),
    [
        (
            "tiny-image",
            ("recall", "frechet_distance", "bits_per_dim", "coverage", "precision", "copied_share"),
            ["Fréchet ↓", "bits/dim ↓", "precision ↑", "recall ↑", "copied ↓"],
        ),
        (
            "tiny-series",
            ("marginal_difference", "autocorrelation_difference", "frechet_distance", "coverage"),
            ["Fréchet ↓", "acf diff ↓", "coverage ↑"],
        ),
        (
            "tiny-points",
            (
                "sliced_wasserstein",
                "high_quality_share",
                "modes_covered",
                "coverage",
                "negative_log_likelihood",
            ),
            ["sliced W ↓", "NLL nats ↓", "high quality ↑", "modes ↑"],
        ),
        (
            "tiny-pianoroll",
            ("chord_recall", "interval_distance", "chord_precision", "train_on_samples_bits_per_dim"),
            ["TSTR bits/dim ↓", "chord precision ↑", "chord recall ↑"],
        ),
        (
            "tiny-tokens",
            (
                "train_on_samples_bits_per_dim",
                "ngram_recall",
                "ngram_precision",
                "longest_copy",
                "copied_share",
            ),
            ["TSTR bits/dim ↓", "4-gram precision ↑", "4-gram recall ↑", "longest copy ↓"],
        ),
        # the two units of one quantity do not stand beside each other
        (
            "tiny-tokens",
            ("train_on_samples_bits_per_dim", "train_on_samples_nll", "bits_per_dim", "copied_share"),
            ["TSTR bits/dim ↓", "bits/dim ↓", "copied ↓"],
        ),
    ],
)
def test_one_metric_of_each_kind_in_a_fixed_order(
    dataset: str,
    metrics: tuple[str, ...],
    expected: list[str],
    result: Make,
    board: Callable[..., Leaderboard],
) -> None:
    ranking = "train_on_samples_bits_per_dim" if "train_on_samples_bits_per_dim" in metrics else None
    figures = dict.fromkeys(metrics, 0.5)
    shown = board(result("a", dataset=dataset, figures=figures, cost=COST, ranking=ranking))
    assert titles(shown) == ["rank", "model", "family", *expected, "samples/s ↑", "memory ↓"]
    further = {column.name for column in shown.further.columns}
    named = {column.name for column in shown.main.columns}
    assert set(metrics) <= further | named
    assert not set(metrics) & further & named


def test_memory_is_the_larger_peak_and_that_of_the_gpu_comes_first(
    result: Make, board: Callable[..., Leaderboard]
) -> None:
    gpu = Cost(train_peak_cuda_bytes=7 * 2**20, sample_peak_cuda_bytes=5 * 2**20, train_peak_rss_bytes=2**20)
    shown = board(
        result("a", figures={"frechet_distance": 1.0}, cost=gpu),
        result("b", figures={"frechet_distance": 2.0}, cost=COST),
    )
    assert titles(shown)[-3:] == ["samples/s ↑", "GPU ↓", "memory ↓"]
    assert [cell.text for cell in shown.main.rows[0][-3:]] == ["—", "7 MiB", "1 MiB"]
    assert [cell.text for cell in shown.main.rows[1][-3:]] == ["1.23k", "—", "3 MiB"]
    costs = [column.title for column in shown.cost.columns]
    assert {"train RAM ↓", "sample RAM ↓", "train GPU ↓", "sample GPU ↓"} <= set(costs)
    assert not {"memory ↓", "GPU ↓"} & set(costs)


def test_footnotes_stand_under_their_own_table(
    result: Make, figure: Callable[..., object], board: Callable[..., Leaderboard]
) -> None:
    figures = {
        "frechet_distance": 1.0,
        "precision": figure("precision", 0.5, note="of few samples"),
        "kernel_distance": figure("kernel_distance", 0.5, note="of one block"),
    }
    others = {"frechet_distance": 2.0, "precision": 0.4, "kernel_distance": 0.4}
    shown = board(result("a", figures=figures), result("b", figures=others))
    assert (shown.footnotes, shown.further_footnotes) == (("of few samples",), ("of one block",))
    for table in (shown.main, shown.further):
        assert {note for row in table.rows for cell in row for note in cell.notes} == {1}
