"""The chart of searches in a real browser: curves and the lines of the defaults are named, filtered and saved."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import msgspec
import pytest
import synthetic_runs
from opened_report import Opened

from genbench.plugin.discovery import load_registry
from genbench.records.result import Result, Tuned, TuningCost
from genbench.records.run_folder import Plan, Run
from genbench_reports.html.page import render_html

CARD = synthetic_runs.card("plane")
METRIC = "sliced_wasserstein"
VALUES = {"vae": [7.0, None, 3.0, 5.0], "gan": [9.0, 8.0, 8.5, 6.0]}
CHART = "#board-1 [data-chart=search]"


def tuned(result: Result) -> Result:
    """The winner of a search, beside the defaults of the same model."""
    model = result.job.model
    variant = f"{model}:width=64"
    search = Tuned(
        model=model, variant=variant, dataset=CARD.name, trials=4, studies=1, sampler="tpe", budget="10s",
        rungs=(1.0,), metric=METRIC, better="lower", value=min(filter(None, VALUES[model])), values=[VALUES[model]],
        cost=TuningCost(trainings=4, cpu_seconds=40.0, seconds=41.0, steps=100, flops=1e9),
    )  # fmt: skip
    job = msgspec.structs.replace(result.job, variant=variant, hyperparameters={"width": 64})
    return msgspec.structs.replace(result, id=job.id, job=job, tuned=search)


def with_a_value_on_validation(result: Result) -> Result:
    value = next(each for each in result.metrics if each.name == METRIC)
    point = msgspec.structs.replace(result.curve[-1], metrics=[value])
    return msgspec.structs.replace(result, curve=[*result.curve[:-1], point], selected_fraction=1.0)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    families = {"vae": "vae", "gan": "gan", "held-out": "baseline", "flow": "flow"}
    results = [
        with_a_value_on_validation(synthetic_runs.make_result(model, family, CARD, 0, 1.0 + place))
        for place, (model, family) in enumerate(families.items())
    ]
    results += [tuned(result) for result in results[:2]]
    plan = Plan(suite="winners", jobs=[each.job for each in results], datasets={CARD.name: CARD})
    run = Run.create(folder / "run", plan)
    for each in results:
        run.store(each)
    path = folder / "report.html"
    path.write_text(render_html(run, load_registry()), encoding="utf-8")
    return path


def test_a_search_is_drawn_with_its_names_and_defaults(opened: Opened) -> None:
    page = opened.page
    assert page.locator("figure.chart[data-chart=search]").count() == 1
    opened.draw(CHART)
    names = page.locator(f"{CHART} .annotation-text")
    names.first.wait_for()
    shown = {text for text in names.all_text_contents() if text.strip()}
    assert shown == {"vae", "gan", "vae, defaults", "gan, defaults"}
    drawn = page.locator(f"{CHART} .plot").evaluate(
        "plot => plot.data.map((trace) => [trace.x.length, [...trace.y]])"
    )
    # the trial that failed leaves the best so far as it was
    assert sorted(y for count, y in drawn if count == 4) == [[7.0, 7.0, 3.0, 3.0], [9.0, 8.0, 8.0, 6.0]]
    assert [y for count, y in drawn if count == 2] == [[1.0, 1.0], [2.0, 2.0]]

    with page.expect_download() as download:
        page.locator(f"{CHART} .downloads button", has_text="CSV").click()
    saved = Path(download.value.path()).read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(saved)))
    assert [(row["trials"], row["defaults (validation)"]) for row in rows if row["family"] == "vae"] == [
        (str(trials), "1") for trials in (1, 2, 3, 4)
    ]

    page.locator(".filter input[value=gan]").press("Space")
    page.wait_for_function(
        f"!document.querySelector('{CHART} .plot').textContent.includes('vae')", timeout=5000
    )


def test_the_values_stand_in_a_table_without_scripts(report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    assert "Searches for hyperparameters on some-plane" in text
    assert "best of 4" in text
