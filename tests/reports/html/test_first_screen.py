"""What a reader sees and does first, in a real browser: the answer without scrolling, sections that open, columns that
are chosen, likelihoods that sort within their kind, charts whose names can be read and which can be saved."""

from __future__ import annotations

import csv
import io
from itertools import combinations
from pathlib import Path

import pytest
import synthetic_runs
from opened_report import Opened
from playwright.sync_api import Browser, Locator

from genbench.plugin.discovery import load_registry
from genbench_reports.html.page import render_html

BASELINES = dict.fromkeys(("held-out", "marginals", "noise", "gaussian-mixture"), "baseline")
MODELS = {f"{family}-{number}": family for number in range(2) for family in synthetic_runs.FAMILIES[:-1]}
KINDS = {
    model: "lower bound (IWAE-100)" if family == "vae" else "AIS estimate (gap 0.50 nats)"
    for model, family in MODELS.items()
    if family in ("vae", "gan")
}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    cards = [synthetic_runs.card("plane"), synthetic_runs.card("series")]
    run = synthetic_runs.write_run(folder / "run", cards, {**MODELS, **BASELINES}, kinds=KINDS)
    path = folder / "report.html"
    path.write_text(render_html(run, load_registry()), encoding="utf-8")
    return path


def test_the_answer_is_on_the_first_screen_and_the_page_is_short(opened: Opened) -> None:
    page = opened.page
    for shown in ("h1", "#families-table", ".against[data-cost='0'] .wide svg"):
        box = page.locator(shown).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 900, shown
    assert "of 1;" in page.locator("h1").inner_text()
    assert page.locator("#families-table tbody tr").count() == 7
    assert page.evaluate("document.documentElement.scrollHeight") <= 5 * 900


def test_the_answer_is_on_a_phones_first_screen(browser: Browser, report: Path) -> None:
    context = browser.new_context(viewport=PHONE, is_mobile=True, has_touch=True)
    opened = Opened(context, report)
    for shown in ("h1", "#families-table"):
        box = opened.page.locator(shown).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= PHONE["height"], shown
    # with seven families the picture begins on the first screen
    box = opened.page.locator(".against[data-cost='0'] .narrow svg").bounding_box()
    assert box is not None
    assert box["y"] < PHONE["height"] - 200
    assert opened.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert opened.page.evaluate("document.documentElement.scrollHeight") <= 5 * PHONE["height"]
    context.close()


def test_without_scripts_sections_open_tables_are_whole_and_the_picture_is_there(
    browser: Browser, report: Path
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator(".against[data-cost='0'] .wide svg").is_visible()
    assert page.locator(".filter").is_hidden()
    assert page.locator("#board-1 table").is_hidden()
    page.locator("#board-1 > summary").press("Enter")
    headings = page.locator("#board-1-table thead th")
    assert headings.count() == headings.locator("visible=true").count() > 20
    page.locator("input[name=overview-cost] >> nth=1").press("Space")
    assert page.locator(".against[data-cost='1'] .wide svg").is_visible()
    assert page.locator(".against[data-cost='0']").is_hidden()
    context.close()


def test_a_link_opens_the_section_that_it_leads_to(opened: Opened) -> None:
    page = opened.page
    section = page.locator("#statistics")
    assert section.get_attribute("open") is None
    page.locator(".contents a[href='#statistics']").click()
    assert section.get_attribute("open") == ""
    opened.open("#board-1")
    page.locator("#board-1-table a.what").first.click()
    assert page.locator("#metrics").get_attribute("open") == ""


def test_columns_can_be_chosen(opened: Opened) -> None:
    page = opened.page
    opened.open("#board-1")
    summary = page.locator("#board-1 .chooser > summary")
    headings = page.locator("#board-1-table thead th")
    shown = headings.locator("visible=true")
    before = shown.count()
    assert summary.inner_text() == f"Columns: {before} of {headings.count()}"
    summary.click()
    page.get_by_label("parameters", exact=True).check()
    page.get_by_label("family", exact=True).uncheck()
    texts = shown.all_inner_texts()
    assert any("parameters" in text for text in texts)
    assert not any("family" in text for text in texts)
    cells = page.locator("#board-1-table tbody tr >> nth=0 >> :scope > *").locator("visible=true")
    assert cells.count() == before == shown.count()


def test_likelihoods_sort_within_their_kind(opened: Opened) -> None:
    page = opened.page
    opened.open("#board-1")
    column = page.locator("#board-1-table thead th[data-kinds]").first
    order = ["exact"] * 10 + ["lower bound (IWAE-100)"] * 2 + ["AIS estimate (gap 0.50 nats)"] * 2
    place = column.evaluate("heading => heading.cellIndex")
    for direction in (1, -1):
        column.locator("button").click()
        cells = page.locator(f"#board-1-table tbody >> nth=0 >> tr[data-model] > :nth-child({place + 1})")
        found = cells.evaluate_all("cells => cells.map((cell) => [cell.dataset.kind, +cell.dataset.sort])")
        assert [kind for kind, _ in found] == [kind.partition(" (gap")[0] for kind in order]
        for kind in dict.fromkeys(kind for kind, _ in found):
            values = [value for each, value in found if each == kind]
            assert values == sorted(values, reverse=direction < 0)
    dividers = page.locator("#board-1-table tbody >> nth=0 >> tr.kind:visible")
    assert dividers.count() == 3
    page.locator(".filter input[value=vae]").press("Space")
    assert dividers.all_inner_texts() == ["lower bound (IWAE-100)"]
    page.locator("#filter-all").click()
    column.locator("button").click()
    assert dividers.count() == 0


def test_the_filter_reaches_the_picture_and_the_statistics(opened: Opened) -> None:
    page = opened.page
    opened.open("#statistics")
    rows = page.locator("#statistics tbody tr:visible")
    marks = page.locator(".against[data-cost='0'] .wide .mark:visible")
    before = rows.count()
    assert marks.count() == len(MODELS)
    page.fill("#filter-text", "flow-")
    assert marks.count() == 2
    assert 0 < rows.count() < before
    page.fill("#filter-text", "")


def _overlaps(names: Locator) -> list[tuple[str, str]]:
    boxes = names.evaluate_all(
        "names => names.map((name) => { const b = name.getBoundingClientRect();"
        " return [name.textContent, b.left, b.right, b.top, b.bottom]; })"
    )
    return [
        (one[0], other[0])
        for one, other in combinations(boxes, 2)
        if min(one[2], other[2]) - max(one[1], other[1]) > 1
        and min(one[4], other[4]) - max(one[3], other[3]) > 3
    ]


def test_every_model_is_named_in_its_charts_and_no_name_lies_on_another(opened: Opened) -> None:
    page = opened.page
    names = page.locator(".against[data-cost='0'] .wide .name")
    assert sorted(names.all_text_contents()) == sorted(MODELS)
    assert _overlaps(names) == []
    opened.draw("#board-1 [data-chart=trade], #board-1 [data-chart=curve]")
    for chart in ("trade", "curve"):
        names = page.locator(f"#board-1 [data-chart={chart}] .annotation-text")
        names.first.wait_for()
        shown = [
            text for text in names.evaluate_all("all => all.map((each) => each.textContent)") if text.strip()
        ]
        assert set(MODELS) <= set(shown)
        assert _overlaps(names.filter(has_text="-")) == []


def test_a_chart_opens_on_a_cost_that_varies(opened: Opened) -> None:
    """All models were trained for ten seconds."""
    page = opened.page
    assert page.locator("input[name=overview-cost] >> nth=0").evaluate(
        "box => box.parentElement.textContent"
    ) in (
        "time per sample",
        "memory",
    )
    opened.draw("#board-1 [data-chart=trade]")
    axis = page.locator("#board-1 [data-chart=trade] select >> nth=1")
    assert "training time" not in axis.evaluate("select => select.selectedOptions[0].text")


def test_charts_can_be_saved(opened: Opened, tmp_path: Path) -> None:
    page = opened.page
    opened.draw("#board-1 [data-chart=trade], #board-2 [data-chart=series]")
    for chart, expected in (
        ("#board-1 [data-chart=trade]", "vae-0"),
        ("#board-2 [data-chart=series]", "held-out"),
    ):
        for kind in ("SVG", "CSV"):
            with page.expect_download() as download:
                page.locator(f"{chart} .downloads button", has_text=kind).click()
            path = tmp_path / download.value.suggested_filename
            download.value.save_as(path)
            text = path.read_text(encoding="utf-8")
            assert expected in text
            assert text.startswith("<svg") == (kind == "SVG")
            if kind == "CSV":
                lines = list(csv.reader(io.StringIO(text)))
                assert len({len(line) for line in lines}) == 1
    with page.expect_download() as download:
        page.locator(".against[data-cost='0'] .downloads a", has_text="CSV").click()
    lines = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))
    assert {line["model"] for line in lines} == set(MODELS)


@pytest.mark.slow
def test_axe_finds_nothing(browser: Browser, report: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for viewport, scheme in (({"width": 1440, "height": 900}, "light"), (PHONE, "dark")):
        context = browser.new_context(viewport=viewport, color_scheme=scheme)  # type: ignore[arg-type]
        opened = Opened(context, report)
        for _ in ("folded", "open"):
            found = Axe().run(opened.page)
            assert found.violations_count == 0, found.generate_report()
            opened.open("details")
            opened.draw("#board-2 figure.chart")
        context.close()
