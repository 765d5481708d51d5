"""Models by what their cards say."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable

import pytest

from genbench.api.cards import DatasetCard, MetricCard, ModelCard
from genbench.cli.main import run_command_line
from genbench.errors import UnknownNameError
from genbench.plugin.discovery import load_registry
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench_reports.analysis.model_groups import (
    NOT_INSTALLED,
    NOT_STATED,
    GroupTable,
    group_fields,
    group_tables,
)
from genbench_reports.leaderboard.leaderboard import Leaderboards, build_leaderboards

Make = Callable[..., Result]
Store = Callable[..., Run]


def card(name: str, **fields: object) -> ModelCard:
    return ModelCard(
        **{
            "name": name,
            "family": "gan",
            "summary": "x",
            "factory": "x:y",
            "modalities": ("image",),
            **fields,
        }
    )


CARDS = {
    found.name: found
    for found in (
        card("one", year=2014, institution="A, B", country="Canada, United States", capabilities=("sample",)),
        card("two", year=2014, institution="B", country="Canada", capabilities=("sample", "decode")),
        card("three", year=2016, institution="C", country="Japan"),
        card("silent"),
    )
}
FIGURES = {
    "tiny-image": {"one": 1.0, "two": 3.0, "three": 2.0, "silent": 9.0, "stranger": 4.0},
    "tiny-series": {"one": 2.0, "three": 1.0},
}


def calibration(result: Make, *datasets: str) -> list[Result]:
    """Real data at 0.1 and marginals at 100: a score of 1/3 for each factor of ten."""
    return [
        result(name, family="baseline", dataset=dataset, figures={"frechet_distance": value})
        for dataset in datasets
        for name, value in (("held-out", 0.1), ("marginals", 100.0))
    ]


@pytest.fixture
def boards(
    result: Make, metric_cards: dict[str, MetricCard], dataset_cards: dict[str, DatasetCard]
) -> Leaderboards:
    results = [
        result(
            name,
            dataset=dataset,
            family="vae" if name == "stranger" else "gan",
            figures={"frechet_distance": value},
        )
        for dataset, values in FIGURES.items()
        for name, value in values.items()
    ]
    results.append(result("two", family="gan", dataset="tiny-series", status="oom", reason="too big"))
    results += calibration(result, *FIGURES)
    return build_leaderboards(results, metric_cards, dataset_cards)


def rows(group: GroupTable) -> dict[str, list[str]]:
    assert not group.table.calibration
    return {row[0].text: [cell.text for cell in row[1:]] for row in group.table.rows}


def by(boards: Leaderboards, field: str) -> dict[str, list[str]]:
    """Over both data sets, which `one`, `two` and `three` have met."""
    return rows(group_tables(boards, CARDS, field)[0])


def test_groups_are_in_the_order_of_their_best_models(boards: Leaderboards) -> None:
    found = by(boards, "year")
    # log10(100 / value) / 3, mean over both; on the series model two failed, which counts as 0
    one, three = (2 + math.log10(50)) / 6, (2 + math.log10(50)) / 6
    two = math.log10(100 / 3) / 6
    assert found["2014"] == ["2", f"{one:.3f}", "one", f"{(one + two) / 2:.3f}", "one, two"]
    assert found["2016"] == ["1", f"{three:.3f}", "three", f"{three:.3f}", "three"]
    assert list(found) == ["2014", "2016"]


def test_models_of_fewer_data_sets_are_grouped_over_those(boards: Leaderboards) -> None:
    found = {group.title: rows(group) for group in group_tables(boards, CARDS, "year")}
    assert list(found) == ["by year: all data sets"]
    summary = boards.summaries[0]
    assert [row.label for row in summary.rows] == ["one", "three", "two"]


def test_the_best_group_is_bold(boards: Leaderboards) -> None:
    (table,) = group_tables(boards, CARDS, "year")
    assert [row[2].best for row in table.table.rows] == [True, False]


def test_a_model_counts_for_each_of_its_origins(boards: Leaderboards) -> None:
    country, institution = group_tables(boards, CARDS, "origin")
    assert (country.title, institution.title) == (
        "by country: all data sets",
        "by institution: all data sets",
    )
    assert rows(country)["Canada"][-1] == "one, two"
    assert rows(country)["United States"][-1] == "one"
    assert rows(institution)["B"][-1] == "one, two"
    assert any("several countries" in note for note in country.notes)
    assert by(boards, "capabilities")["sample"][-1] == "one, three, two"


@pytest.fixture
def image(
    result: Make, metric_cards: dict[str, MetricCard], dataset_cards: dict[str, DatasetCard]
) -> Leaderboards:
    """One data set, with a model that no plugin announces, and one whose card says little."""
    results = [
        result(name, family="vae" if name == "stranger" else "gan", figures={"frechet_distance": value})
        for name, value in FIGURES["tiny-image"].items()
    ]
    results += calibration(result, "tiny-image")
    return build_leaderboards(results, metric_cards, dataset_cards)


def test_what_is_not_installed_is_said_and_keeps_its_family(image: Leaderboards) -> None:
    (year,) = group_tables(image, CARDS, "year")
    assert list(rows(year)) == ["2014", "2016", NOT_INSTALLED, NOT_STATED]
    assert any("announces stranger" in note for note in year.notes)
    (family,) = group_tables(image, CARDS, "family")
    assert rows(family)["vae"][-1] == "stranger"
    assert set(rows(family)) == {"gan", "vae"}
    assert not any("announces" in note for note in family.notes)


def test_every_field_of_cards_groups(boards: Leaderboards) -> None:
    for field in group_fields():
        for group in group_tables(boards, CARDS, field):
            assert group.table.rows
    with pytest.raises(UnknownNameError, match="family"):
        group_tables(boards, CARDS, "famly")


def test_data_sets_without_ranks_are_left_out(
    result: Make, metric_cards: dict[str, MetricCard], dataset_cards: dict[str, DatasetCard]
) -> None:
    results = [
        result("one", figures={"frechet_distance": 1.0}),
        result("two", dataset="tiny-series", status="timeout"),
        *calibration(result, "tiny-image"),
    ]
    (table,) = group_tables(build_leaderboards(results, metric_cards, dataset_cards), CARDS, "year")
    assert any("Without tiny-series" in note for note in table.notes)


def test_built_in_origins_read_well() -> None:
    """Institutions and countries are split at commas: none of the built-in names may have one inside."""
    cards = load_registry().models.values()
    parts = {part.strip() for found in cards for part in (found.institution or "").split(",")}
    assert "Berkeley" not in parts
    for found in cards:
        if found.family != "baseline":
            assert found.country, f"{found.name} says no country"


@pytest.mark.parametrize("format_", ["md", "csv", "latex"])
def test_the_command(
    format_: str, result: Make, stored_run: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stored_run(
        [
            result(name, family=family, dataset="digits", figures={"frechet_distance": value})
            for name, family, value in (("gan", "gan", 1.0), ("wgan-gp", "gan", 2.0), ("vae", "vae", 3.0))
        ]
        + calibration(result, "digits")
    )
    assert run_command_line(["report", str(run.folder), "--format", format_, "--group-by", "family"]) == 0
    output = capsys.readouterr().out
    assert "gan, wgan-gp" in output
    if format_ == "csv":
        first, second = csv.DictReader(io.StringIO(output))
        assert (first["group"], first["models"], second["group"]) == ("gan", "2", "vae")
    assert run_command_line(["show", str(run.folder), "--group-by", "origin"]) == 0
    assert "Netherlands" in capsys.readouterr().out


def test_without_scores_a_line_says_what_they_take(
    result: Make, stored_run: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stored_run([result("vae", dataset="digits", figures={"frechet_distance": 1.0})])
    assert run_command_line(["show", str(run.folder), "--group-by", "family"]) == 0
    assert "There are no scores to group by" in capsys.readouterr().out
    assert run_command_line(["report", str(run.folder), "--group-by", "family"]) == 0
    assert "There are no scores to group by" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "--format", "json", "--group-by", "year"], "works with --format md"),
        (["report", "--group-by", "yeer"], "year"),
        (["show", "--group-by", "year", "-m", "vae"], "show all models"),
    ],
)
def test_mistakes_are_explained(
    arguments: list[str], message: str, result: Make, stored_run: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stored_run([result("vae", dataset="digits", figures={"frechet_distance": 1.0})])
    assert run_command_line([arguments[0], str(run.folder), *arguments[1:]]) == 4
    assert message in capsys.readouterr().err
