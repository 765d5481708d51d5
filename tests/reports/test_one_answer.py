"""One run has one answer: every output gives the same order and the same sentence."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable

import pytest
from rich.console import Console

from genbench.api import DatasetCard, MetricCard
from genbench.plugin.registry import Registry
from genbench.records.result import MetricValue, Result
from genbench.records.run_folder import Run
from genbench_reports.analysis.model_groups import group_tables
from genbench_reports.analysis.section import statistics_parts
from genbench_reports.commands.finish_run import finish_run
from genbench_reports.html.page import render_html
from genbench_reports.leaderboard.leaderboard import build_leaderboards
from genbench_reports.overview.document import make_document
from genbench_reports.render.latex import render_latex
from genbench_reports.render.markdown import render_markdown
from genbench_reports.render.summary_json import render_summary
from genbench_reports.render.terminal import print_document, print_groups, print_statistics

Make = Callable[..., Result]
Figure = Callable[..., MetricValue]
DISTANCE = "frechet_distance"
FAMILIES = {"alpha": "gan", "beta": "vae", "gamma": "autoregressive", "delta": "gan", "images-only": "hybrid"}
VALUES = {
    # alpha has the better mean rank (1, 1, 3), beta the better score
    "tiny-image": {"alpha": 1.0, "beta": 1.1, "gamma": 3.0, "delta": 4.0, "images-only": 0.5},
    "tiny-series": {"alpha": 1.0, "beta": 1.1, "gamma": 3.0, "delta": 4.0},
    "other-image": {"alpha": 5.0, "beta": 0.4, "gamma": 3.0, "delta": 4.0, "images-only": 0.5},
}


@pytest.fixture
def results(result: Make, figure: Figure) -> list[Result]:
    def one(name: str, dataset: str, value: float, seed: int) -> Result:
        value *= 1 + seed / 100
        figures = {DISTANCE: figure(DISTANCE, value, stderr=value / 50, test_stderr=value / 100)}
        return result(
            name, family=FAMILIES.get(name, "baseline"), dataset=dataset, seed=seed, figures=figures
        )

    baselines = {"held-out": 0.1, "marginals": 10.0, "gaussian-mixture": 2.0}
    return [
        one(name, dataset, value, seed)
        for dataset, values in VALUES.items()
        for name, value in {**values, **baselines}.items()
        for seed in range(3)
    ]


@pytest.fixture
def run(results: list[Result], stored_run: Callable[..., Run]) -> Run:
    return stored_run(results)


def plain(text: str) -> str:
    """Without escapes, markup and line breaks."""
    text = re.sub(r"<[^>]*>", " ", text).replace("&#39;", "'").replace("$\\pm$", "±").replace("\\", "")
    return " ".join(text.split())


def order_in(text: str, names: list[str]) -> list[str]:
    return sorted(names, key=lambda name: text.index(name))


def test_every_output_has_the_same_order_and_the_same_sentence(run: Run, registry: Registry) -> None:
    document = make_document(run, registry)
    summary = document.leaderboards.summaries[0]
    names = [row.label for row in summary.rows]
    assert names == ["beta", "alpha", "gamma", "delta"]
    assert summary.boards == ("tiny-image", "tiny-series", "other-image")

    def screen(draw: Callable[[Console], None]) -> str:
        file = io.StringIO()
        draw(Console(file=file, width=10_000))
        return file.getvalue()

    groups = group_tables(document.leaderboards, registry.models, "family")
    outputs = {
        "terminal": screen(lambda console: print_document(document, console)),
        "the end of a run": screen(lambda console: finish_run(run, registry, console)),
        "markdown": render_markdown(run, registry),
        "LaTeX": render_latex(run, registry),
        "HTML": render_html(run, registry),
        "JSON": render_summary(run, registry),
        "--group-by": screen(lambda console: print_groups(groups, console)),
        "--statistics": screen(
            lambda console: print_statistics(statistics_parts(document.leaderboards), console)
        ),
    }
    for name, text in outputs.items():
        found = plain(text)
        assert plain(summary.verdict) in found, name
    decoded = json.loads(outputs["JSON"])["summaries"][0]
    assert [row["model"] for row in decoded["rows"]] == names
    assert decoded["verdict"] == summary.verdict
    assert json.loads(outputs["JSON"])["overview"]["verdict"] == summary.verdict
    by_family = [row[0].text for row in groups[0].table.rows]
    assert [row.family for row in document.overview.families if row.is_compared] == by_family
    assert [row.model for row in document.overview.families if row.is_compared] == [
        row.label for row in summary.families
    ]
    compared = [point.label for point in document.overview.models if point.is_compared]
    assert compared == names
    assert by_family == ["vae", "gan", "autoregressive"]
    assert [row.family for row in summary.families] == by_family
    for part in statistics_parts(document.leaderboards):
        if part.title.startswith(("scores", "how often")):
            shown = [row[1 if part.title.startswith("scores") else 0].text for row in part.table.rows]
            assert [name for name in shown if name in names] == names, part.title
    for heading, text in (("## all data sets", outputs["markdown"]), ("all data sets", outputs["terminal"])):
        after = plain(text.split(heading, 1)[1]).split(plain(summary.verdict), 1)[1]
        assert order_in(after, names) == names


def test_rows_that_met_other_boards_are_compared_where_they_met(run: Run, registry: Registry) -> None:
    summaries = make_document(run, registry).leaderboards.summaries
    assert [summary.title for summary in summaries] == ["all data sets", "tiny-image and other-image"]
    assert "images-only" not in [row.label for row in summaries[0].rows]
    assert summaries[1].rows[0].label == "images-only"


def test_a_board_that_cannot_rank_is_left_out_of_every_summary(
    results: list[Result],
    result: Make,
    figure: Figure,
    metric_cards: dict[str, MetricCard],
    dataset_cards: dict[str, DatasetCard],
) -> None:
    noise = [
        result(
            name,
            family=family,
            dataset="noisy",
            figures={DISTANCE: figure(DISTANCE, value, stderr=1.0)},
        )
        for name, family, value in (
            ("alpha", "gan", 1.0),
            ("beta", "vae", 9.0),
            ("held-out", "baseline", 2.0),
            ("marginals", "baseline", 2.1),
        )
    ]
    made = build_leaderboards([*results, *noise], metric_cards, dataset_cards)
    before = build_leaderboards(results, metric_cards, dataset_cards)
    assert "noisy" in made.summaries[0].left_out
    assert [row.score for row in made.summaries[0].rows] == [row.score for row in before.summaries[0].rows]


def test_a_failed_job_counts_as_zero(
    results: list[Result],
    result: Make,
    metric_cards: dict[str, MetricCard],
    dataset_cards: dict[str, DatasetCard],
) -> None:
    changed = [
        result(
            "alpha",
            family="gan",
            dataset=each.job.dataset,
            seed=each.job.seed,
            status="timeout",
            reason="late",
        )
        if (each.job.model, each.job.dataset) == ("alpha", "tiny-image")
        else each
        for each in results
    ]
    summary = build_leaderboards(changed, metric_cards, dataset_cards).summaries[0]
    before = build_leaderboards(results, metric_cards, dataset_cards).summaries[0]
    alpha, whole = (next(row for row in each.rows if row.label == "alpha") for each in (summary, before))
    assert (alpha.failed, whole.failed) == (1, 0)
    assert alpha.score.value < whole.score.value
    assert "counts as a score of 0" in " ".join(summary.notes)


def test_without_calibration_rows_a_line_says_what_is_missing(
    results: list[Result], metric_cards: dict[str, MetricCard], dataset_cards: dict[str, DatasetCard]
) -> None:
    contenders = [each for each in results if each.job.family != "baseline"]
    made = build_leaderboards(contenders, metric_cards, dataset_cards)
    assert made.summaries == ()
    assert any("no row held-out" in note for note in made.boards[0].notes)
    assert any("no row marginals" in note for note in made.boards[0].notes)
