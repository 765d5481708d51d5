"""What the gate writes: text, markdown, GitHub's commands, JUnit; with names that try to be more than text."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import junitparser
import pytest

from genbench.api.cards import MetricCard
from genbench.cli.main import run_command_line
from genbench.records.result import Result
from genbench_reports.gate.baseline import Baseline, baseline_of
from genbench_reports.gate.compare import compare_sides
from genbench_reports.gate.render import MARKER, verdict_markdown, verdict_text
from genbench_reports.gate.render_github import workflow_commands
from genbench_reports.gate.render_junit import verdict_junit
from genbench_reports.gate.tables import MAX_ROWS, VerdictDocument, make_verdict_document
from genbench_reports.gate.thresholds import Thresholds
from genbench_reports.gate.verdict import Verdict

MAX_COMMENT_CHARACTERS = 60_000
"""GitHub refuses comments of 65,536 characters or more."""

Make = Callable[..., Result]
NOISE = (0.0, 0.01, -0.01)
HOSTILE = (
    "::error::x\n::set-output name=a::b\r\n| <img src=x onerror=alert(1)> **bold** [link](http://x.y) `code` "
    "@someone #1 ]]> &amp; \x00\x0b\x1b[31m\u202e\ufffe %0A,:"
)


@pytest.fixture
def sides(result: Make, metric_cards: dict[str, MetricCard]) -> Callable[..., tuple[Baseline, Baseline]]:
    def make(name: str = "vae", dataset: str = "tiny-image", rows: int = 1) -> tuple[Baseline, Baseline]:
        found = []
        for level in (1.0, 2.0):
            results = [
                result(
                    f"{name}{row or ''}",
                    dataset=dataset,
                    seed=seed,
                    budget="500steps",
                    figures=dict.fromkeys(("frechet_distance", "kernel_distance"), level * (1 + each)),
                )
                for row in range(rows)
                for seed, each in enumerate(NOISE)
            ]
            broken = result("dead", status="ok" if level == 1 else "killed", reason=name, budget="500steps")
            found.append(baseline_of([*results, broken], metric_cards, suite=name, command=[name]))
        return found[0], found[1]

    return make


def compared(sides: tuple[Baseline, Baseline]) -> tuple[Verdict, VerdictDocument]:
    comparison = compare_sides(*sides, Thresholds())
    return comparison, make_verdict_document(comparison, *sides)


def test_markdown_begins_with_what_to_decide_on(sides: Callable[..., tuple[Baseline, Baseline]]) -> None:
    _, document = compared(sides())
    lines = verdict_markdown(document).splitlines()
    assert lines[0] == MARKER
    assert (
        lines[2]
        == "### ❌ genai-bench: 2 values got worse: vae on tiny-image (2); fails now: dead on tiny-image"
    )
    assert lines[4] == "**Changed since the baseline**"
    assert lines[6].startswith("- Nothing that both sides recorded")
    assert lines[8:13] == [
        "**Worse**",
        "",
        "- dead on tiny-image: seed 0 fails now: killed: vae",
        "- quality of vae on tiny-image: 2 values, Fréchet ↓ +1.000, 100 % worse (1.000±0.006 → 2.000±0.012)",
        "",
    ]
    assert "<details><summary>Worse (2)</summary>" in lines
    row = next(line for line in lines if line.startswith("|") and "Fréchet" in line)
    assert [cell.strip() for cell in row.strip("|").split("|")][:6] == [
        "vae",
        "tiny-image",
        "Fréchet ↓",
        "1.000±0.006",
        "2.000±0.012",
        "100 % worse",
    ]


def test_text_ends_with_the_verdict(sides: Callable[..., tuple[Baseline, Baseline]]) -> None:
    _, document = compared(sides())
    assert verdict_text(document).splitlines()[-1].startswith("✗ 2 values got worse")


def test_hostile_names_stay_text_in_markdown(sides: Callable[..., tuple[Baseline, Baseline]]) -> None:
    _, document = compared(sides(HOSTILE, HOSTILE))
    text = verdict_markdown(document)
    assert "<img" not in text
    assert "http://" not in text
    assert not re.search(r"(?<!\\)\[link", text)
    assert not re.search(r"(?<!\\)\*\*bold", text)
    assert not set("\x00\x0b\x1b\u202e") & set(text)
    rows = [line for line in text.splitlines() if line.startswith("|") and "Fréchet" in line]
    assert len(rows) == 1
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 10


def test_hostile_names_make_no_commands(sides: Callable[..., tuple[Baseline, Baseline]]) -> None:
    comparison, document = compared(sides(HOSTILE, HOSTILE))
    lines = workflow_commands(comparison, document.verdict).splitlines()
    pattern = re.compile(r"^::(error|warning|notice) title=[^,:\r\n]*::[^\r\n]*$")
    assert lines
    assert [line for line in lines if not pattern.match(line)] == []
    assert any("%250A" in line for line in lines)


def test_annotations_end_where_github_stops_showing_them(
    sides: Callable[..., tuple[Baseline, Baseline]],
) -> None:
    comparison, document = compared(sides(rows=15))
    lines = workflow_commands(comparison, document.verdict).splitlines()
    errors = [line for line in lines if line.startswith("::error")]
    assert len(errors) == 10
    assert errors[-1].endswith(f"and {len(comparison.regressions) + 1 - 9} more; see the job's summary")


def test_junit_is_what_others_read(sides: Callable[..., tuple[Baseline, Baseline]], tmp_path: Path) -> None:
    comparison, _ = compared(sides(HOSTILE))
    path = tmp_path / "junit.xml"
    path.write_text(verdict_junit(comparison), encoding="utf-8")
    suites = junitparser.JUnitXml.fromfile(str(path))
    assert (suites.tests, suites.failures, suites.errors, suites.skipped) == (3, 2, 1, 0)
    cases = [case for suite in suites for case in suite]
    assert [type(each).__name__ for case in cases for each in case.result] == ["Error", "Failure", "Failure"]
    assert "1.000 → 2.000: 100 % worse" in cases[1].result[0].message
    names = {case.name for case in cases}
    assert names == {"frechet_distance", "kernel_distance", "seed 0 fails now"}


def test_junit_keeps_to_the_schema(sides: Callable[..., tuple[Baseline, Baseline]]) -> None:
    """The attributes and the nesting that the schema of Jenkins's xUnit plugin allows."""
    comparison, _ = compared(sides())
    allowed = {
        "testsuites": ({"name", "tests", "failures", "errors", "skipped"}, {"testsuite"}),
        "testsuite": ({"name", "tests", "failures", "errors", "skipped"}, {"testcase"}),
        "testcase": ({"classname", "name", "time"}, {"failure", "error", "skipped", "system-out"}),
        "failure": ({"message", "type"}, set()),
        "error": ({"message", "type"}, set()),
        "skipped": ({"message"}, set()),
        "system-out": (set(), set()),
    }
    root = ElementTree.fromstring(verdict_junit(comparison))
    for element in root.iter():
        attributes, children = allowed[element.tag]
        assert set(element.attrib) <= attributes
        assert {child.tag for child in element} <= children


def test_a_comment_is_never_too_long_for_github(sides: Callable[..., tuple[Baseline, Baseline]]) -> None:
    comparison, document = compared(sides("m" * 200, "d" * 200, rows=60))
    text = verdict_markdown(document)
    assert len(comparison.regressions) == 120
    assert len(text) < MAX_COMMENT_CHARACTERS
    assert f"Worse (120, the {MAX_ROWS} largest)" in text


def test_the_summary_is_added_to_and_the_comment_written(
    sides: Callable[..., tuple[Baseline, Baseline]],
    result: Make,
    stored_run: Callable[..., object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stored_run([result(figures={"frechet_distance": 1.0}, budget="500steps")], "one")
    folder, summary, comment = str(tmp_path / "one"), tmp_path / "summary.md", tmp_path / "comment.md"
    summary.write_text("of another step\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert run_command_line(["compare", folder, folder, "--format", "github", "-o", str(comment)]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "::notice title=genai-bench::no regression"
    assert summary.read_text() == "of another step\n" + comment.read_text()
    assert comment.read_text().startswith(MARKER)
