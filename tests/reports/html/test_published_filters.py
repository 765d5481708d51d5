"""The published site in a real browser: its filters by hardware and by protocol show the leaderboards that are asked
for, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from many_records import write_many_records
from opened_report import Opened
from playwright.sync_api import Locator

from genbench.cli.main import run_command_line

RUNS = (("One CPU", "2.0"), ("Other CPU", "2.0"), ("Other CPU", "1.1"))
"""Hardware and protocol of what is published, each on two data sets."""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    for place, (cpu, protocol) in enumerate(RUNS):
        run = folder / f"run-{place}"
        write_many_records(run, 24, datasets=2, seeds=2, cpu=cpu, protocol=protocol)
        assert run_command_line(["publish", str(run), "--to", str(folder / "site")]) == 0
    return folder / "site" / "index.html"


@pytest.fixture
def site(opened: Opened) -> Opened:
    opened.open()
    return opened


def boards(site: Opened, where: str = "") -> list[tuple[str | None, str | None]]:
    """Hardware and protocol of the leaderboards, in order."""
    found = site.page.locator(f"details.board{where}")
    return [
        (board.get_attribute("data-hardware"), board.get_attribute("data-protocol")) for board in found.all()
    ]


def links(site: Opened) -> Locator:
    """The links of the contents to leaderboards that a reader sees."""
    return site.page.locator(".contents li:not([hidden]) a[href^='#board-']")


def choose(site: Opened, name: str, value: str) -> None:
    site.page.locator(f"select[data-board={name}]").select_option(value)


def test_all_leaderboards_are_shown_at_first(site: Opened) -> None:
    assert sorted(set(boards(site))) == sorted(set(RUNS))
    assert len(boards(site)) == 2 * len(RUNS)
    assert boards(site, ":visible") == boards(site)
    assert links(site).count() == len(boards(site))
    assert site.page.locator("#filter-all").is_hidden()


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"hardware": "One CPU"}, {("One CPU", "2.0")}),
        ({"hardware": "Other CPU"}, {("Other CPU", "2.0"), ("Other CPU", "1.1")}),
        ({"protocol": "2.0"}, {("One CPU", "2.0"), ("Other CPU", "2.0")}),
        ({"protocol": "1.1"}, {("Other CPU", "1.1")}),
        ({"hardware": "Other CPU", "protocol": "2.0"}, {("Other CPU", "2.0")}),
        ({"hardware": "One CPU", "protocol": "1.1"}, set()),
    ],
)
def test_a_choice_shows_its_leaderboards_and_no_others(
    site: Opened, chosen: dict[str, str], expected: set[tuple[str, str]]
) -> None:
    for name, value in chosen.items():
        choose(site, name, value)
    shown = boards(site, ":visible")
    assert set(shown) == expected
    assert len(shown) == 2 * len(expected)  # both data sets
    assert links(site).count() == len(shown)


def test_one_button_takes_all_choices_back(site: Opened) -> None:
    choose(site, "hardware", "One CPU")
    choose(site, "protocol", "2.0")
    assert len(boards(site, ":visible")) == 2
    site.page.locator("#filter-all").click()
    assert boards(site, ":visible") == boards(site)
    assert site.page.locator("select[data-board=hardware]").input_value() == ""
    assert site.page.locator("#filter-all").is_hidden()


def test_a_choice_and_the_filter_by_name_hold_together(site: Opened) -> None:
    choose(site, "hardware", "One CPU")
    site.page.locator("#filter-text").fill("model-0004")
    rows = site.page.locator("details.board:visible tbody tr[data-model]:visible")
    names = set(rows.evaluate_all("rows => rows.map((row) => row.dataset.model)"))
    assert len(names) == 1
    assert names.pop().startswith("model-0004")
    assert set(boards(site, ":visible")) == {("One CPU", "2.0")}
