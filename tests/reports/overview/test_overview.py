"""The first screen as values: families, verdict, and the points of the picture, against figures worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest

from genbench.api import DatasetCard, MetricCard
from genbench.records.result import Cost, MetricValue, Result
from genbench_reports.leaderboard.leaderboard import build_leaderboards
from genbench_reports.overview.overview import Overview, make_overview
from genbench_reports.overview.setting_words import budget_words

Make = Callable[..., Result]
Figure = Callable[..., MetricValue]
Overviewed = Callable[[Sequence[Result]], Overview]
MIB = 2**20
DISTANCE = "frechet_distance"


@pytest.fixture
def overview_of(metric_cards: dict[str, MetricCard], dataset_cards: dict[str, DatasetCard]) -> Overviewed:
    def make(results: Sequence[Result]) -> Overview:
        made = build_leaderboards(results, metric_cards, dataset_cards)
        return make_overview([each.board for each in made.boards], made.summaries)

    return make


@pytest.fixture
def one(result: Make, figure: Figure) -> Make:
    """A job with a distance, and where they are given a likelihood and costs."""

    def make(
        model: str,
        family: str,
        dataset: str,
        distance: float,
        likelihood: float | None = None,
        **fields: object,
    ) -> Result:
        kind = fields.pop("kind", "exact")
        figures = {DISTANCE: figure(DISTANCE, distance, stderr=distance / 100)}
        if likelihood is not None:
            name = "bits_per_dim" if dataset.endswith("image") else "negative_log_likelihood"
            figures[name] = figure(name, likelihood, kind, stderr=0.03)
        return result(model, family=family, dataset=dataset, figures=figures, **fields)

    return make


@pytest.fixture
def calibration(one: Make) -> list[Result]:
    """The baselines of two data sets: the zero is 100 and 16 times as far from real data as held-out data are."""
    return [
        one(name, "baseline", dataset, distance, likelihood)
        for dataset, rows in {
            "tiny-image": {"held-out": (0.1, None), "marginals": (10.0, 3.0), "gaussian-mixture": (2.0, 2.0)},
            "tiny-series": {
                "held-out": (1.0, None),
                "marginals": (16.0, 40.0),
                "gaussian-mixture": (4.0, 30.0),
            },
        }.items()
        for name, (distance, likelihood) in rows.items()
    ]


def cost(seconds: float, rate: float, memory: int, **fields: float) -> Cost:
    return Cost(
        train_seconds=seconds,
        samples_per_second=rate,
        train_peak_rss_bytes=memory * MIB,
        sample_peak_rss_bytes=2 * memory * MIB,
        **fields,
    )


@pytest.fixture
def results(one: Make, calibration: list[Result]) -> list[Result]:
    return [
        *calibration,
        one("good", "vae", "tiny-image", 1.0, 2.0, kind="lower bound (IWAE-100)", cost=cost(4.0, 100.0, 30)),
        one("good", "vae", "tiny-series", 2.0, 28.0, cost=cost(9.0, 10_000.0, 20)),
        one("worse", "vae", "tiny-image", 5.0, 1.0, cost=cost(4.0, 100.0, 30)),
        one("worse", "vae", "tiny-series", 8.0, 20.0, cost=cost(4.0, 100.0, 30)),
        one("rival", "gan", "tiny-image", 3.0, cost=cost(1.0, 1e6, 10)),
        one("rival", "gan", "tiny-series", 3.0, cost=cost(1.0, 1e6, 10)),
        one("images", "hybrid", "tiny-image", 0.5, cost=cost(1.0, 1e6, 10)),
    ]


def test_a_family_is_its_best_model_with_what_it_cost(results: list[Result], overview_of: Overviewed) -> None:
    found = overview_of(results)
    vae, gan, hybrid = found.families
    assert [row.family for row in found.families] == ["vae", "gan", "hybrid"]
    assert (vae.model, vae.models, vae.covered, vae.boards) == ("good", 2, 2, 2)
    first, second = math.log(10) / math.log(100), math.log(8) / math.log(16)
    assert vae.score is not None
    assert vae.score.value == pytest.approx((first + second) / 2)
    assert vae.costs.train_seconds == pytest.approx(6.0)
    assert vae.costs.samples_per_second == pytest.approx(1000.0)
    assert (vae.costs.train_rss_bytes, vae.costs.sample_rss_bytes) == (30 * MIB, 60 * MIB)
    assert (vae.beaten, vae.beatable) == (2, 2)
    assert (gan.beaten, gan.beatable) == (1, 2)
    likelihood = vae.likelihood
    assert likelihood is not None
    gains = (3.0 - 2.0, (40.0 - 28.0) / (24 * math.log(2)))
    assert likelihood.value == pytest.approx(sum(gains) / 2)
    errors = (math.hypot(0.03, 0.03), math.hypot(0.03, 0.03) / (24 * math.log(2)))
    assert likelihood.stderr == pytest.approx(math.hypot(*errors) / 2)
    assert (likelihood.sign, likelihood.boards) == ("≥", 2)
    assert gan.likelihood is None
    assert found.verdict.startswith("Over 2 data sets that 3 models share, good (vae) comes nearest")
    assert not hybrid.is_compared
    assert hybrid.covered == 1


def test_the_column_of_yardsticks_is_named_after_those_that_were_run(
    results: list[Result], one: Make, overview_of: Overviewed
) -> None:
    assert titles(overview_of(results))[-1] == "beats mixture"
    # of two yardsticks of a board, both are to be beaten
    with_ar = overview_of([*results, one("ar", "baseline", "tiny-series", 2.5, 25.0)])
    assert titles(with_ar)[-1] == "beats yardsticks"
    assert any(
        note.startswith("Yardsticks: gaussian-mixture and ar. A model beats") for note in with_ar.notes
    )
    vae, gan, _ = with_ar.families
    assert (vae.beaten, gan.beaten, vae.beatable) == (2, 0, 2)
    without = [each for each in results if each.job.model != "gaussian-mixture"]
    only_ar = overview_of([*without, one("ar", "baseline", "tiny-series", 2.5, 25.0)])
    assert titles(only_ar)[-1] == "beats ar"
    assert only_ar.families[0].beatable == 1


def test_families_that_met_other_boards_stand_apart(results: list[Result], overview_of: Overviewed) -> None:
    found = overview_of(results)
    assert [row[0].text for row in found.table.rows] == ["vae", "gan"]
    assert [row[0].text for row in found.table.calibration] == ["hybrid ‡"]
    assert not any(cell.best for row in found.table.calibration for cell in row)
    (note,) = [note for note in found.notes if note.startswith("‡")]
    assert "hybrid" in note


def test_gpu_memory_is_shown_wherever_a_gpu_was_used_and_before_that_of_the_process(
    results: list[Result], one: Make, overview_of: Overviewed
) -> None:
    assert not [title for title in titles(overview_of(results)) if title.startswith("GPU")]
    on_gpu = cost(1.0, 1.0, 1, train_peak_cuda_bytes=7 * MIB, sample_peak_cuda_bytes=5 * MIB)
    found = overview_of([*results, one("flow", "flow", "tiny-image", 3.0, cost=on_gpu)])
    shown = titles(found)
    assert shown.index("GPU MiB train / sample ↓") + 1 == shown.index("memory MiB train / sample ↓")
    by_title = dict(zip(shown, found.table.columns, strict=True))
    weights = [by_title[f"{what} MiB train / sample ↓"].weight for what in ("GPU", "memory")]
    assert weights[0] > weights[1] == min(column.weight for column in found.table.columns)
    (flow,) = [row for row in found.table.calibration if row[0].text.startswith("flow")]
    assert flow[shown.index("GPU MiB train / sample ↓")].text == "7 / 5"


def titles(found: Overview) -> list[str]:
    return [column.title for column in found.table.columns]


def test_points_are_ordered_as_scores_are(results: list[Result], overview_of: Overviewed) -> None:
    found = overview_of(results)
    compared = [point for point in found.models if point.is_compared]
    assert [point.label for point in compared] == ["good", "rival", "worse"]
    distances = [point.quality.value for point in compared if point.quality is not None]
    assert distances == sorted(distances)
    assert all(distance > 0 for distance in distances)
    assert found.quality is not None
    assert found.quality.is_logarithmic
    assert [point.label for point in found.models if not point.is_compared] == ["images"]


def test_on_a_single_board_the_distance_is_the_ranking_value_over_that_of_real_data(
    results: list[Result], overview_of: Overviewed
) -> None:
    found = overview_of([each for each in results if each.job.dataset == "tiny-image"])
    by_label = {point.label: point.quality for point in found.models}
    for label, value in {"good": 1.0, "worse": 5.0, "rival": 3.0, "images": 0.5}.items():
        quality = by_label[label]
        assert quality is not None
        assert quality.value == pytest.approx(value / 0.1)
        assert quality.low is not None
        assert quality.high is not None
        assert quality.low < quality.value < quality.high
    vae = next(row for row in found.families if row.family == "vae")
    assert vae.likelihood is not None
    assert (vae.likelihood.sign, vae.likelihood.value) == ("≤", 2.0)
    assert "bits/dim ↓" in titles(found)


def test_without_scores_a_single_board_has_its_own_figure_as_quality(
    one: Make, overview_of: Overviewed
) -> None:
    found = overview_of([one("a", "gan", "tiny-image", 3.0), one("b", "vae", "tiny-image", 2.0)])
    assert found.quality is not None
    assert (found.quality.title, found.quality.is_distance) == ("Fréchet ↓", False)
    assert [(point.label, point.quality and point.quality.value) for point in found.models] == [
        ("b", 2.0),
        ("a", 3.0),
    ]
    assert found.verdict.startswith("On tiny-image, b (vae) is ranked first: Fréchet 2.000±0.020.")
    assert "no values of held-out and marginals" in found.verdict


def test_what_is_missing_is_said(
    one: Make, result: Make, calibration: list[Result], overview_of: Overviewed
) -> None:
    failed = [result(name, status="oom", reason="no memory") for name in ("a", "b")]
    single = one("a", "gan", "tiny-image", 3.0)
    cases: dict[str, tuple[list[Result], str]] = {
        "nothing": ([], "No verdict: no model has finished or failed"),
        "only baselines": (calibration, "Only baselines were run."),
        "only failures": (failed, "no model finished, because all 2 jobs of models failed"),
        "failures beside baselines": ([*failed, *calibration], "all 2 jobs of models failed"),
        "one model": ([*calibration, single], "no other model met it."),
        "one model without scores": ([single], "a (gan) is the only ranked model"),
        "several boards without scores": (
            [single, one("b", "vae", "tiny-image", 4.0), one("b", "vae", "tiny-series", 4.0)],
            "Ranked first: a (gan) on tiny-image, b (vae) on tiny-series. On 1 of 2 data sets the tests",
        ),
        "no board that can rank": (
            [single, *(one(name, "baseline", "tiny-image", 2.0) for name in ("held-out", "marginals"))],
            "the board cannot rank. No ranks: by Fréchet, real held-out data do not beat marginals",
        ),
    }
    for name, (given, said) in cases.items():
        assert said in overview_of(given).verdict, name
    assert "All models are of one family (gan), so families are not compared." in overview_of([single]).notes


def test_of_several_settings_the_largest_comparison_is_shown_and_the_others_are_named(
    results: list[Result], one: Make, overview_of: Overviewed
) -> None:
    longer = [one(name, "flow", "tiny-image", 0.2, budget="500steps") for name in ("a", "b")]
    found = overview_of([*longer, *results])
    assert found.verdict == overview_of(results).verdict
    assert found.setting == "10 s per training, cpu, 1 thread, 1 seed"
    assert "flow" not in [row.family for row in found.families]
    assert (
        "Not in this table: 1 other setting (500 steps per training, cpu, 1 thread, 1 seed)." in found.notes
    )


def test_a_leader_that_is_behind_the_zero_is_said_to_be(
    one: Make, calibration: list[Result], overview_of: Overviewed
) -> None:
    images = [each for each in calibration if each.job.dataset == "tiny-image"]
    behind, between = (
        overview_of([*images, one("a", "gan", "tiny-image", distance), one("b", "vae", "tiny-image", 90.0)])
        for distance in (20.0, 9.0)
    )
    assert "of 1, which is behind the zero; the tests tell it from all others." in behind.verdict
    assert "behind" not in between.verdict


def test_names_are_text(one: Make, calibration: list[Result], overview_of: Overviewed) -> None:
    names = ["x" * 64, "\u202egnp.exe", "<script>alert(1)</script>", "two\nlines"]
    found = overview_of(
        [*calibration, *(one(name, "gan", "tiny-image", 1.0 + place) for place, name in enumerate(names))]
        + [one(f"m{number:02}", f"family {number}", "tiny-image", 20.0 + number) for number in range(40)]
    )
    assert len(found.models) == 44
    assert len(found.families) == 41
    shown = [cell.text for row in found.table.rows for cell in row] + [found.verdict, *found.notes]
    assert all(text.isprintable() for text in shown)


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ("10cpu-s", "10 s of processor time"),
        ("2000steps", "2,000 steps"),
        ("30s,1e12flops", "30 s and 1T FLOPs"),
        ("soon", "soon"),
    ],
)
def test_budgets_are_words(budget: str, words: str) -> None:
    assert budget_words(budget) == words
