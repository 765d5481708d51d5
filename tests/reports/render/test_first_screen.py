"""The first screen of a run on the terminal, in Markdown and as JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from genbench.plugin.registry import Registry
from genbench.records.result import Cost, MetricValue, Result
from genbench.records.run_folder import Plan, Run
from genbench_reports.html.page import render_html
from genbench_reports.overview.document import make_document
from genbench_reports.render.markdown import render_markdown
from genbench_reports.render.summary_json import render_summary
from genbench_reports.render.terminal import print_document, print_overview

Make = Callable[..., Result]
Figure = Callable[..., MetricValue]
FAMILIES = ("gan", "vae", "autoregressive", "energy", "flow", "diffusion", "hybrid")
HOSTILE = ("x" * 64, "<script>alert(1)</script>", "\u202egnp.exe", "[red]two\nlines[/red]")
DATASETS = ("tiny-image", "tiny-series", *(f"board-{number}" for number in range(6)))


@pytest.fixture(scope="module")
def run(result: Make, figure: Figure, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Eleven models on eight data sets, some with names that are hard to print, 29 more on two of them, and two
    failures."""

    def one(name: str, family: str, dataset: str, distance: float, likelihood: float | None) -> Result:
        figures = {"frechet_distance": figure("frechet_distance", distance, stderr=distance / 50)}
        if likelihood is not None:
            figures["bits_per_dim"] = figure("bits_per_dim", likelihood, stderr=0.01)
        cost = Cost(
            train_seconds=10.0,
            samples_per_second=1234.5,
            train_peak_rss_bytes=2**28,
            sample_peak_rss_bytes=2**27,
        )
        return result(name, family=family, dataset=dataset, figures=figures, cost=cost)

    names = [*HOSTILE, *(f"model-{number}" for number in range(36))]
    baselines = {"held-out": (0.1, None), "marginals": (10.0, 3.0), "gaussian-mixture": (2.0, 2.5)}
    results = [
        *(one(name, "baseline", data, *values) for data in DATASETS for name, values in baselines.items()),
        *(
            one(name, FAMILIES[place % 7], data, 0.5 + place / 10, 1.0 + place / 20)
            for data in DATASETS
            for place, name in enumerate(names if data.startswith("tiny") else names[:11])
        ),
        *(result(name, family="gan", status="oom", reason="no memory") for name in ("late", "later")),
    ]
    plan = Plan(
        suite="quick", jobs=[each.job for each in results], refused=[], command=["genai-bench"], provenance={}
    )
    created = Run.create(tmp_path_factory.mktemp("runs") / "run", plan)
    for each in results:
        created.store(each)
    return created


def screen(run: Run, registry: Registry, width: int) -> list[str]:
    file = io.StringIO()
    print_overview(make_document(run, registry), Console(file=file, width=width), run.folder)
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_end_of_a_run_is_one_screen(run: Run, registry: Registry, width: int) -> None:
    lines = screen(run, registry, width)
    commands = [line for line in lines if str(run.folder) in line]
    assert all(cell_len(line) <= width for line in lines if line not in commands)
    assert len(lines) <= (48 if width == 80 else 40)
    text = "\n".join(lines)
    assert all(family in text for family in FAMILIES)
    assert f"genai-bench show {run.folder}" in text
    assert f"genai-bench report {run.folder} --format html" in text
    assert "Failed: late on tiny-image (oom) and later on tiny-image (oom)." in " ".join(text.split())
    assert "256 / 128" in text
    if width >= 100:
        assert "8 of 8" in text
        assert "beats" in text


def test_show_begins_with_the_first_screen_and_names_what_it_leaves_out(run: Run, registry: Registry) -> None:
    document = make_document(run, registry)
    shown = {}
    for wide in (False, True):
        file = io.StringIO()
        print_document(document, Console(file=file, width=100), wide=wide)
        shown[wide] = file.getvalue()
        assert shown[wide].splitlines()[0].startswith("genai-bench leaderboard: quick · 10 s per training")
    assert shown[False].count("Not shown: costs in detail") == len(DATASETS)
    assert "Not shown" not in shown[True]
    assert shown[True].count("Costs, mean over seeds") == len(DATASETS)


def test_markdown_begins_with_the_first_screen(run: Run, registry: Registry) -> None:
    text = render_markdown(run, registry)
    first = text.split("\n## ", 1)[0]
    document = make_document(run, registry)
    assert first.index("comes nearest to real data") < first.index("| family") < first.index("- Command:")
    assert all(f"| {family} " in first for family in FAMILIES)
    assert "<script>" not in text
    assert first.count("| Fréchet") == len(document.overview.leaders) == len(DATASETS)


def test_json_has_the_families_and_the_points(run: Run, registry: Registry) -> None:
    decoded = json.loads(render_summary(run, registry))["overview"]
    assert sorted(row["family"] for row in decoded["families"]) == sorted(FAMILIES)
    first = decoded["families"][0]
    assert first["boards"] == {"covered": 8, "of": 8}
    assert first["costs"]["train_rss_bytes"] == 2**28
    assert first["likelihood"]["kind"] == "exact"
    assert len(decoded["models"]) == 42
    assert {row["label"] for row in decoded["failures"]} == {"late", "later"}


def test_notes_of_columns_that_there_is_no_room_for_go_with_them(
    result: Make, figure: Figure, stored_run: Callable[..., Run], registry: Registry
) -> None:
    figures = {
        "frechet_distance": figure("frechet_distance", 1.0, stderr=0.1),
        "precision": figure("precision", 0.5, stderr=0.1, is_rough=True, note="of few samples"),
        "recall": figure("recall", 0.5, stderr=0.1),
    }
    others = {"frechet_distance": 2.0, "precision": 0.4, "recall": 0.4}
    run = stored_run([result("a", figures=figures), result("b", figures=others)])
    shown = {}
    for width in (30, 120):
        file = io.StringIO()
        print_document(make_document(run, registry), Console(file=file, width=width))
        shown[width] = " ".join(file.getvalue().split())
    for said in ("~: the error is rough", "¹ of few samples"):
        assert said in shown[120]
        assert said not in shown[30]
    assert "No room for" in shown[30]


def test_a_run_without_values_explains_no_values(result: Make, tmp_path: Path, registry: Registry) -> None:
    failed = [result(name, family="gan", status="oom", reason="no memory") for name in ("late", "later")]
    jobs = [each.job for each in failed]
    only_failures = Run.create(tmp_path / "failed", Plan(suite="quick", jobs=jobs, command=["genai-bench"]))
    for each in failed:
        only_failures.store(each)
    nothing = Run.create(tmp_path / "nothing", Plan(suite="quick", jobs=jobs, command=["genai-bench"]))
    for run, verdict in (
        (only_failures, "No verdict: no model finished"),
        (nothing, "No verdict: no model has"),
    ):
        document = make_document(run, registry)
        file = io.StringIO()
        print_document(document, Console(file=file, width=100))
        for text in (file.getvalue(), render_markdown(run, registry)):
            assert verdict in text
            assert "Bold marks" not in text
            assert "unknown" not in text
    page = render_html(only_failures, registry)
    assert "There is no picture of quality against cost: no model finished." in page
    assert "Ranks of each model" not in page


def test_a_floor_whose_error_is_unknown_has_none(
    result: Make, figure: Figure, stored_run: Callable[..., Run], registry: Registry
) -> None:
    values = {"vae": 2.0, "held-out": 0.5, "marginals": 9.0}
    results = [
        result(
            name,
            family="vae" if name == "vae" else "baseline",
            figures={"frechet_distance": figure("frechet_distance", value)},
        )
        for name, value in values.items()
    ]
    text = render_markdown(stored_run(results), registry)
    assert "Real held-out data: Fréchet 0.500." in text
    assert "Fréchet 9.000. Score 1 is real held-out data." in text
