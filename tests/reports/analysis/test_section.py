"""The statistics of reports, and what is said where there are none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from genbench.api.cards import DatasetCard, MetricCard
from genbench.cli.main import run_command_line
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench_reports.analysis.part import StatisticsPart, format_p
from genbench_reports.analysis.section import statistics_parts
from genbench_reports.leaderboard.leaderboard import build_leaderboards

Make = Callable[..., Result]
Store = Callable[..., Run]
DATASETS = tuple(f"set{number}" for number in range(8))


@pytest.fixture
def parts(
    metric_cards: dict[str, MetricCard], dataset_cards: dict[str, DatasetCard]
) -> Callable[[list[Result]], dict[str, StatisticsPart]]:
    """By title. Data sets that no card announces are ranked by the first quality metric, the Fréchet distance."""

    def make(results: list[Result]) -> dict[str, StatisticsPart]:
        boards = build_leaderboards(results, metric_cards, dataset_cards)
        return {part.title: part for part in statistics_parts(boards)}

    return make


Parts = Callable[[list[Result]], dict[str, StatisticsPart]]


def draws(result: Make, datasets: tuple[str, ...], seeds: int, better: float = 0.0) -> list[Result]:
    """Four models; the first is better by `better`."""
    generator = np.random.default_rng(0)
    return [
        result(
            model,
            dataset=dataset,
            seed=seed,
            figures={"frechet_distance": float(10 + generator.normal() - (better if model == "good" else 0))},
        )
        for dataset in datasets
        for model in ("good", "b", "c", "d")
        for seed in range(seeds)
    ]


def said(part: StatisticsPart) -> str:
    return " ".join(part.notes)


def texts(part: StatisticsPart, column: str) -> dict[str, str]:
    titles = [found.title for found in part.table.columns]
    return {row[titles.index("model")].text: row[titles.index(column)].text for row in part.table.rows}


def test_one_seed_on_few_data_sets_has_nothing_to_say(result: Make, parts: Parts) -> None:
    assert parts(draws(result, DATASETS[:2], 1)) == {}
    assert parts(draws(result, DATASETS[:1], 2)) == {}


def test_three_seeds_have_intervals_and_say_what_cannot_be_shown(result: Make, parts: Parts) -> None:
    found = parts(draws(result, DATASETS[:1], 3))
    assert list(found) == ["set0 over seeds", "over data sets"]
    part = found["set0 over seeds"]
    assert "p, permutation" not in [column.title for column in part.table.columns]
    assert "With 3 seeds an exact paired permutation test has no p below 0.25" in said(part)
    assert "Holm's correction for 6 pairs" in said(part)
    assert "too short" in said(part)
    assert all(" to " in text for text in texts(part, "95% bootstrap").values())
    assert "takes 3" in said(found["over data sets"])


def test_ten_seeds_have_permutation_tests_too(result: Make, parts: Parts) -> None:
    part = parts(draws(result, DATASETS[:1], 10, better=4.0))["set0 over seeds"]
    first, *others = texts(part, "p, permutation").items()
    assert first == ("good", "—")
    assert {p for _, p in others} == {format_p(6 * 2 / 2**10)}
    assert all(p.startswith("<") for model, p in texts(part, "p, Welch").items() if model != "good")
    assert all(
        float(text) > 2 for model, text in texts(part, "difference from the best").items() if model != "good"
    )


def test_higher_is_better_keeps_its_sign(result: Make, parts: Parts) -> None:
    results = [
        result(model, dataset="set0", seed=seed, figures={"precision": value + seed / 100})
        for model, value in (("low", 0.3), ("high", 0.8))
        for seed in range(3)
    ]
    part = parts(results)["set0 over seeds"]
    assert list(texts(part, "precision ↑")) == ["high", "low"]
    assert texts(part, "difference from the best")["low"] == "-0.500"
    assert texts(part, "95% bootstrap")["high"] == "0.800 to 0.820"


def test_over_data_sets(result: Make, parts: Parts) -> None:
    found = parts(draws(result, DATASETS, 3, better=3.0))
    others = found["would other data sets show an order"]
    assert "Friedman's test of 4 models on 8 data sets" in said(others)
    assert "p = < 0.001" not in said(others)
    assert "the order of some models can be expected on other data sets too" in said(others)
    wins = found["how often each model is better"]
    assert texts(wins, "b")["good"] == "0.96†"
    assert wins.table.rows[0][2].best
    profile = found["performance profiles"]
    assert texts(profile, "best")["good"] == "1.00"
    assert texts(profile, "run on")["good"] == "8"


def test_one_seed_marks_nothing_as_shown_by_seeds(result: Make, parts: Parts) -> None:
    found = parts(draws(result, DATASETS, 1, better=30.0))
    assert "set0 over seeds" not in found
    assert "†" not in said(found["how often each model is better"])
    assert all(
        "†" not in cell.text for row in found["how often each model is better"].table.rows for cell in row
    )


def test_three_data_sets_say_that_none_can_be_shown(result: Make, parts: Parts) -> None:
    found = parts(draws(result, DATASETS[:3], 3, better=9.0))
    assert "With 3 data sets an exact paired permutation test" in said(
        found["how often each model is better"]
    )
    assert not any(cell.best for row in found["how often each model is better"].table.rows for cell in row)


def test_models_that_were_not_run_everywhere_are_named(result: Make, parts: Parts) -> None:
    results = draws(result, DATASETS[:3], 1)
    results.append(result("special", dataset="set0", figures={"frechet_distance": 1.0}))
    results.append(result("broken", dataset="set0", status="oom"))
    found = parts(results)
    assert "not compared: special, broken" in said(found["would other data sets show an order"])
    assert texts(found["performance profiles"], "best")["special"] == "0.33"
    assert texts(found["performance profiles"], "within ×10")["broken"] == "0.00"
    two = [each for each in results if each.job.model in ("good", "b", "special")]
    assert "takes 3 models" in said(parts(two)["would other data sets show an order"])


def test_settings_are_kept_apart(result: Make, parts: Parts) -> None:
    results = draws(result, DATASETS[:3], 1)
    results += [
        result(model, dataset=name, budget="1s", figures={"frechet_distance": 1.0 + index})
        for name in DATASETS[:3]
        for index, model in enumerate(("good", "b", "c"))
    ]
    titles = list(parts(results))
    assert "would other data sets show an order (budget 10s)" in titles
    assert "would other data sets show an order (budget 1s)" in titles


def test_the_commands_show_it(result: Make, stored_run: Store, capsys: pytest.CaptureFixture[str]) -> None:
    run = stored_run(draws(result, ("digits", "mnist5k", "elnino"), 3))
    assert run_command_line(["report", str(run.folder)]) == 0
    text = capsys.readouterr().out
    assert "## Statistics\n\n### digits over seeds" in text
    assert "### would other data sets show an order" in text
    assert text.index("## Statistics") < text.index("## How to read this")
    assert run_command_line(["show", str(run.folder), "--statistics"]) == 0
    assert "Friedman's test of 4 models on 3 data sets" in capsys.readouterr().out
    one = stored_run(draws(result, ("digits",), 1), "one")
    assert run_command_line(["report", str(one.folder)]) == 0
    assert "## Statistics" not in capsys.readouterr().out
    assert run_command_line(["show", str(one.folder), "--statistics"]) == 0
    assert "There are no statistics" in capsys.readouterr().out


@pytest.mark.parametrize(("p", "text"), [(0.0, "< 0.001"), (0.001, "0.001"), (0.0234, "0.023"), (0.999, "1")])
def test_p_is_written_with_two_digits(p: float, text: str) -> None:
    assert format_p(p) == text
