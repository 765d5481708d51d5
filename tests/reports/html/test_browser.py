"""The HTML report in a real browser: opened from disk, sorted, filtered, on a phone, in the dark, and of full size."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import synthetic_runs
from opened_report import Opened
from playwright.sync_api import Browser, BrowserContext

from genbench.plugin.discovery import load_registry
from genbench_reports.html.page import render_html

HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)">{{ 7*7 }}'
MODELS = {"vae": "vae", "dcgan": "gan", HOSTILE: "flow", "held-out": "baseline", "dead": "energy"}
MEGABYTE = 10**6


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    cards = [
        synthetic_runs.card("grey", f"images {HOSTILE}"),
        *(synthetic_runs.card(kind) for kind in ("plane", "series", "letters", "music")),
    ]
    run = synthetic_runs.write_run(folder / "run", cards, MODELS, failures={"dead": f"SIGSEGV {HOSTILE}"})
    path = folder / "report.html"
    path.write_text(render_html(run, load_registry()), encoding="utf-8")
    return path


def test_every_chart_is_drawn_without_complaint(opened: Opened) -> None:
    opened.draw()
    page = opened.page
    assert page.locator("figure.chart").count() == page.locator("figure.chart[data-drawn]").count() == 12
    assert page.locator("figure.chart .plot > p").count() == 0


def test_names_stay_text(opened: Opened) -> None:
    opened.draw("#board-1 [data-chart=trade]")
    page = opened.page
    assert page.title().startswith("genai-bench")
    assert page.locator('img[src="x"]').count() == 0
    assert page.locator("#board-1 h2").text_content() == f"images {HOSTILE}"
    assert HOSTILE in opened.contenders()
    # in a chart, where plotly would read markup
    drawn = page.locator("#board-1 [data-chart=trade] .plot").evaluate("plot => plot.textContent")
    assert "".join(HOSTILE.split()) in "".join(drawn.split())  # in several lines


def test_sorting_by_click(opened: Opened) -> None:
    page = opened.page
    opened.open("#board-1")
    heading = page.locator("#board-1 table >> nth=0 >> thead th", has_text="model")
    order = opened.contenders()
    assert order == ["vae", "dcgan", HOSTILE]
    by_name = [HOSTILE, "dcgan", "vae"]
    for direction, expected in (
        ("ascending", by_name),
        ("descending", by_name[::-1]),
        (None, order),
    ):
        heading.locator("button").click()
        assert heading.get_attribute("aria-sort") == direction
        assert opened.contenders() == expected
    # calibration stays below, apart
    assert page.locator("#board-1 table >> nth=0 >> tbody.calibration >> text=held-out").count() >= 1


def test_sorting_by_keyboard_puts_numbers_in_order_and_what_is_missing_last(opened: Opened) -> None:
    page = opened.page
    opened.open("#board-1")
    headings = page.locator("#board-1 table >> nth=0 >> thead th")
    place = next(at for at, text in enumerate(headings.all_inner_texts()) if "Fréchet" in text)
    name = headings.nth(headings.all_inner_texts().index("model"))
    name.locator("button").focus()
    page.keyboard.press("Space")
    headings.nth(place).locator("button").focus()
    page.keyboard.press("Enter")
    assert headings.nth(place).get_attribute("aria-sort") == "ascending"
    assert name.get_attribute("aria-sort") is None
    assert opened.contenders() == ["vae", "dcgan", HOSTILE]
    page.keyboard.press("Enter")
    assert headings.nth(place).get_attribute("aria-sort") == "descending"
    assert opened.contenders() == [HOSTILE, "dcgan", "vae"]
    # as a figure that could not be had
    page.locator("#board-1 table >> nth=0 >> tr[data-model=dcgan] >> > *").nth(place).evaluate(
        "cell => { cell.dataset.sort = '' }"
    )
    for expected in (["vae", "dcgan", HOSTILE], ["vae", HOSTILE, "dcgan"], [HOSTILE, "vae", "dcgan"]):
        page.keyboard.press("Enter")
        assert opened.contenders() == expected


def test_filtering_by_name_and_family(opened: Opened) -> None:
    page = opened.page
    opened.draw("#board-1 [data-chart=trade]")
    status = page.locator("#filter-status")
    assert status.inner_text() == "5 of 5 models shown"
    page.fill("#filter-text", "  DcG ")
    assert opened.contenders() == ["dcgan"]
    assert status.inner_text() == "1 of 5 models shown"
    assert page.locator("#board-1 .gallery >> nth=0 >> li:visible").count() == 2  # and real data
    page.fill("#filter-text", "")
    # none pressed: all; pressed: only these
    page.locator(".filter input[value=vae]").press("Space")
    page.locator(".filter input[value=flow]").press("Space")
    assert opened.contenders() == ["vae", HOSTILE]
    assert status.inner_text() == "2 of 5 models shown: flow, vae"
    pressed = page.locator(".filter .chip[data-family=vae]")
    assert pressed.evaluate("chip => getComputedStyle(chip).backgroundColor") != page.locator(
        ".filter .chip[data-family=gan]"
    ).evaluate("chip => getComputedStyle(chip).backgroundColor")
    page.wait_for_function(
        "!document.querySelector('#board-1 [data-chart=trade] .plot').textContent.includes('dcgan')"
    )
    # the first screen too
    assert page.locator("#families-table tbody tr:not([hidden])").count() == 2
    page.locator("#filter-all").click()
    assert status.inner_text() == "5 of 5 models shown"
    assert page.locator(".filter input:checked").count() == 0


def test_pressing_a_picture_shows_that_model_closely(opened: Opened) -> None:
    opened.open()
    section = opened.page.locator("details.board", has=opened.page.locator("[data-chart=points]"))
    section.locator("[data-chart=points]").scroll_into_view_if_needed()
    section.locator("[data-chart=points] .main-svg").first.wait_for()
    picture = section.locator("button.pick[aria-label='Look closely at dcgan']")
    picture.focus()
    opened.page.keyboard.press("Enter")
    section.locator("button.pick[aria-pressed=true][aria-label='Look closely at dcgan']").wait_for()
    select = section.locator("[data-chart=points] select").first
    assert select.evaluate("select => select.selectedOptions[0].text") == "dcgan"


def test_music_plays_and_stops(opened: Opened) -> None:
    opened.open()
    button = opened.page.locator("button.play").first
    # at once, since a piece ends by itself after seconds
    words = button.evaluate("b => [0, 1].map(() => { b.click(); return b.textContent; })")
    assert words == ["Stop", "Play"]


def test_a_phone_scrolls_downwards_only(browser: Browser, report: Path) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    opened = Opened(context, report)
    opened.draw()
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 390
    assert not opened.requests
    context.close()


def test_the_dark_is_dark_and_readable(browser: Browser, report: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    opened = Opened(context, report)
    luminances = opened.page.evaluate(
        """() => [getComputedStyle(document.documentElement).backgroundColor, getComputedStyle(document.body).color]
            .map((colour) => colour.match(/[0-9]+/g).slice(0, 3).map(Number)
                .map((part) => part / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
            .map(([red, green, blue]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue)"""
    )
    ground, text = luminances
    assert ground < 0.05
    # WCAG 2.1, 1.4.6: the contrast of text that anybody can read
    assert (text + 0.05) / (ground + 0.05) > 7
    assert not opened.complaints
    context.close()


@pytest.mark.slow
def test_thirty_models_on_twelve_data_sets(desk: BrowserContext, tmp_path: Path) -> None:
    families = synthetic_runs.FAMILIES
    models = {f"model-{number:02}": families[number % len(families)] for number in range(30)}
    cards = [synthetic_runs.card(kind) for kind in synthetic_runs.KINDS]
    assert len(cards) == 12
    run = synthetic_runs.write_run(tmp_path / "run", cards, models)
    path = tmp_path / "report.html"
    path.write_text(render_html(run, load_registry()), encoding="utf-8")
    assert path.stat().st_size < 10 * MEGABYTE
    # the best of three: other processes can only slow a page down
    measured = [_measure(desk, path) for _ in range(3)]
    ready_seconds, answered_seconds = min(measured, key=sum)
    print(
        f"{path.stat().st_size:,} bytes, ready in {ready_seconds:.2f} s, filtered in {answered_seconds:.2f} s"
    )
    assert ready_seconds + answered_seconds < 2


def _measure(desk: BrowserContext, path: Path) -> tuple[float, float]:
    """Seconds until the page can be used, and until it has answered to the filter."""
    opened = Opened(desk, path)
    began = time.perf_counter()
    opened.page.fill("#filter-text", "model-07")
    opened.page.wait_for_function("document.getElementById('filter-status').textContent.startsWith('1 of')")
    answered_seconds = time.perf_counter() - began
    assert not opened.complaints
    opened.page.close()
    return opened.ready_seconds, answered_seconds
