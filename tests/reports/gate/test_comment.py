"""The comment of the gate, read as its readers see it: rendered to HTML, then what stands there and what would link."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from markdown_it import MarkdownIt

from genbench.api.cards import MetricCard
from genbench.records.result import Cost, MetricValue, Result
from genbench_reports.gate.baseline import baseline_of
from genbench_reports.gate.compare import compare_sides
from genbench_reports.gate.quiet import quiet
from genbench_reports.gate.render import verdict_markdown
from genbench_reports.gate.summary import MAX_LINES
from genbench_reports.gate.tables import make_verdict_document
from genbench_reports.gate.thresholds import Thresholds

Make = Callable[..., Result]
Compare = Callable[[Sequence[Result], Sequence[Result]], str]
NOISE = (0.0, 0.01, -0.01)
HOSTILE = (
    "@octocat",
    "@org/team",
    "octo/repo#5",
    "#5",
    "GH-5",
    "GHSA-7q3h-8j5w-2x4m",
    "octocat@0123456789abcdef",
    "0123456789abcdef0123456789abcdef01234567",
    "https://evil.example/x",
    "WWW.evil.example",
    "mail@evil.example",
    "&#64;octocat &num;5",
    "\\@octocat \\#5",
    "<b>@octocat</b> @<!-- -->octocat",
    "[x](https://evil.example) ![x](//evil.example/x.png)",
)
# What a forge looks for in the text of a rendered comment, outside links and code.
LINKED = {
    "mention": r"@[a-z0-9]",
    "issue": r"#\d|\bgh-\d",
    "advisory": r"\bghsa-\w",
    "commit": r"\b[0-9a-f]{7,40}\b",
    "address": r"(?:https?|ftp)://|\bwww\.",
}


class Page(HTMLParser):
    """The text of a page, and the tags in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def page_of(comment: str) -> Page:
    return Page(MarkdownIt("commonmark", {"html": True}).enable("table").render(comment))


def lines_of(comment: str, heading: str) -> list[str]:
    """The bullets below a heading in bold, as text."""
    lines = comment.split(f"**{heading}**\n\n")[1].split("\n\n")[0].splitlines()
    return [page_of(line).text.strip() for line in lines]


@pytest.fixture
def compare(metric_cards: dict[str, MetricCard]) -> Compare:
    """The comment about two lists of results."""

    def make(one: Sequence[Result], other: Sequence[Result]) -> str:
        sides = [baseline_of(side, metric_cards, suite="small") for side in (one, other)]
        verdict = compare_sides(sides[0], sides[1], Thresholds())
        return verdict_markdown(make_verdict_document(verdict, *sides))

    return make


@pytest.fixture
def rows(result: Make) -> Callable[..., list[Result]]:
    """Three seeds; levels by metric."""

    def make(
        levels: dict[str, float], provenance: dict[str, Any] | None = None, **fields: Any
    ) -> list[Result]:
        made = [
            result(
                seed=seed,
                budget="500steps",
                figures={name: level + abs(level or 1.0) * each for name, level in levels.items()},
                **fields,
            )
            for seed, each in enumerate(NOISE)
        ]
        return [
            msgspec.structs.replace(each, provenance={**each.provenance, **(provenance or {})})
            for each in made
        ]

    return make


Rows = Callable[..., list[Result]]
LIKELIHOODS = ("negative_log_likelihood", "bits_per_dim", "negative_elbo")


def test_it_begins_with_what_changed_and_a_line_per_group(rows: Rows, compare: Compare) -> None:
    before = rows(
        dict.fromkeys(LIKELIHOODS, 2.0) | {"frechet_distance": 20.0, "kernel_distance": 1.0},
        hyperparameters={"learning_rate": 0.004},
        ranking="frechet_distance",
    )
    after = rows(
        dict.fromkeys(LIKELIHOODS, 2.2) | {"frechet_distance": 30.0, "kernel_distance": 1.9},
        hyperparameters={"learning_rate": 0.0004},
        ranking="frechet_distance",
        version="0.1.0+bbbb",
        provenance={
            "packages": {"genbench": "0.1.0", "torch": "2.14.0"},
            "git": {"commit": "fedcba9876543210"},
        },
    )
    comment = compare(before, after)
    headings = re.findall(r"^(?:###|\*\*|<details>).*$", comment, flags=re.MULTILINE)
    assert headings[0].startswith("### ❌ genai-bench: 5 values got worse")
    assert headings[1:4] == [
        "**Changed since the baseline**",
        "**Worse**",
        "<details><summary>Worse (5)</summary>",
    ]
    assert [line.replace("\u200b", "") for line in lines_of(comment, "Changed since the baseline")] == [
        "settings: learning_rate of vae 0.004 → 0.0004 on tiny-image",
        "code: source of model vae; commit 0123456789 with uncommitted changes → fedcba9876",
        "versions: torch 2.13.0 → 2.14.0",
    ]
    # the metric that ranks stands for its group, though another is further past its threshold; bits for likelihoods
    assert sorted(lines_of(comment, "Worse")) == [
        "likelihood of vae on tiny-image: 3 values, bits/dim ↓ +0.200 (2.000±0.012 → 2.200±0.013)",
        "quality of vae on tiny-image: 2 values, Fréchet ↓ +10.00, 50 % worse (20.00±0.12 → 30.00±0.17)",
    ]
    table = comment.split("<details><summary>Worse (5)</summary>")[1]
    assert sum(line.startswith("| vae") for line in table.splitlines()) == 5


def test_changes_of_rows_that_got_worse_come_first(rows: Rows, compare: Compare) -> None:
    level, worse = {"frechet_distance": 1.0}, {"frechet_distance": 2.0}
    before = [*rows(level, model="gan", hyperparameters={"a": 1}), *rows(level, hyperparameters={"b": 1})]
    after = [*rows(level, model="gan", hyperparameters={"a": 2}), *rows(worse, hyperparameters={"b": 2})]
    (line,) = lines_of(compare(before, after), "Changed since the baseline")
    assert line == "settings: b of vae 1 → 2 on tiny-image; a of gan 1 → 2 on tiny-image"


def test_a_run_on_another_machine_says_so(rows: Rows, compare: Compare) -> None:
    before, after = (
        rows({"frechet_distance": 1.0}),
        rows({"frechet_distance": 1.0}, {"cpu": "Other CPU", "cores": 8}),
    )
    assert "machine: CPU Some CPU → Other CPU; cores 2 → 8" in lines_of(
        compare(before, after), "Changed since the baseline"
    )


@pytest.mark.parametrize(
    ("name", "before", "now", "shown"),
    [
        ("frechet_distance", 1.0, 1.5, "+0.500, 50 % worse"),
        ("kernel_distance", -0.002, 0.0083, "+0.0103"),  # across zero
        ("kernel_distance", 0.002, 0.0123, "+0.0103"),  # five times the baseline
        ("kernel_distance", 0.0, 0.1, "+0.100"),
        ("recall", 0.6, 0.4, "−0.200"),  # a share of a share means little
    ],
)
def test_percentages_only_where_they_mean_something(
    name: str, before: float, now: float, shown: str, rows: Rows, compare: Compare
) -> None:
    comment = compare(rows({name: before}), rows({name: now}))
    (line,) = lines_of(comment, "Worse")
    assert f" {shown} (" in line
    if "%" not in shown:
        assert "% worse" not in comment


def test_near_zero_by_its_error_no_percentage_is_shown(rows: Rows, result: Make, compare: Compare) -> None:
    """0.01, three standard errors from 0."""
    before = [
        result(seed=seed, budget="500steps", figures={"kernel_distance": value})
        for seed, value in enumerate((0.0042, 0.01, 0.0158))
    ]
    comment = compare(before, rows({"kernel_distance": 0.0195}))
    (row,) = [line for line in comment.splitlines() if line.startswith("|") and "kernel dist" in line]
    assert "0.0095 worse" in row
    assert "% worse" not in comment


def test_improvements_and_lost_values_have_lines_too(rows: Rows, compare: Compare) -> None:
    before = rows({"frechet_distance": 1.0, "recall": 0.5, "bits_per_dim": 2.0})
    comment = compare(before, rows({"frechet_distance": 0.5, "recall": 0.5}))
    assert lines_of(comment, "Better") == [
        "quality of vae on tiny-image: 1 value, Fréchet ↓ −0.500, 50 % better (1.000±0.006 → 0.500±0.003)"
    ]
    assert lines_of(comment, "Worse") == [
        "likelihood of vae on tiny-image: bits/dim ↓ gone (the current run does not have it)"
    ]


def test_a_change_of_every_row_stays_short(rows: Rows, compare: Compare) -> None:
    models = [f"m{index}" for index in range(30)]
    sides = [
        [each for model in models for each in rows({"frechet_distance": level, "recall": 0.5}, model=model)]
        for level in (1.0, 2.0)
    ]
    lines = lines_of(compare(*sides), "Worse")
    assert len(lines) == MAX_LINES
    assert lines[-1].startswith("and 21 values more: m")


@pytest.mark.parametrize("name", HOSTILE)
def test_nobody_is_notified_and_nothing_is_linked(name: str, result: Make, compare: Compare) -> None:
    """The name stands wherever a run or a plugin can put text, alone and after other text."""
    sides = []
    for level, status in ((1.0, "ok"), (2.0, "killed")):
        metric = MetricValue(
            name=name, value=level, stderr=0.01, unit=name, better="lower", n=100, extractor=name
        )
        made = [
            result(
                name,
                variant=name,
                dataset=name,
                seed=seed,
                budget="500steps",
                figures={"frechet_distance": level * (1 + each), name: metric},
                cost=Cost(parameters=round(1000 * level)),
                version=f"{name}{level}",
                hyperparameters={name: f"{name}{level}", "b": f"x {name} {level}"},
            )
            for seed, each in enumerate(NOISE)
        ]
        made.append(result("dead", status=status, reason=f"of {name}\n{name}", budget="500steps"))
        provenance = {
            "packages": {name: f"{level}"},
            "cpu": f"{name} {level}",
            "git": {"commit": f"{level:.0f}123456789abcdef", "dirty": True},
            "time": name,
            "python": name,
        }
        sides.append(
            [msgspec.structs.replace(each, provenance={**each.provenance, **provenance}) for each in made]
        )
    page = page_of(compare(*sides))
    assert {
        what: found
        for what, pattern in LINKED.items()
        if (found := re.findall(pattern, page.text, re.IGNORECASE))
    } == {}
    assert page.tags <= {
        *("h3", "p", "strong", "ul", "li", "details", "summary", "table", "thead", "tbody", "tr", "th", "td"),
        *("sub", "br"),
    }
    # it is still read as it is
    visible = page.text.replace("\u200b", "")
    assert " ".join(name.split()) in visible


def test_markup_of_our_own_is_left_alone() -> None:
    text = "### 1.25±0.01, 12 %, 1,234,567 &amp; &lt;b&gt; deadline, 84.1k; `x` @ 5 # 5"
    assert quiet(text) == text
