"""The markdown leaderboard, read back by a markdown parser that is not ours."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from genbench.plugin.registry import Registry
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import clean
from genbench_reports.overview.document import make_document
from genbench_reports.render.markdown import code, document_markdown, escape, escape_line, table_markdown

Make = Callable[..., Result]
Store = Callable[..., Run]
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = "<script>alert(1)</script> | **bold** [link](http://x.example) `code` ~~gone~~ $x$ # 1. _it_ &amp;"


def shown_text(markdown: str) -> str:
    """What a reader sees, where it is one paragraph; fails where there is any markup in it."""
    rendered = MARKDOWN.render(markdown).strip()
    inner = re.fullmatch(r"(?:<p>(.*)</p>)?", rendered, flags=re.DOTALL)
    assert inner is not None, rendered
    assert "<" not in (inner[1] or ""), rendered
    return html.unescape(inner[1] or "")


@given(st.text(alphabet=st.sampled_from("ab 1.)#+-=*_`~[]()<>!|&;:/\\$\nwamp"), max_size=40) | st.text())
def test_escaped_text_is_shown_as_it_is(text: str) -> None:
    assert shown_text(escape_line(text)) == clean(text)


def test_hostile_text_stays_text() -> None:
    assert shown_text(escape(HOSTILE)) == HOSTILE


def test_addresses_do_not_become_links() -> None:
    """A forge links bare addresses; ours are broken up by character references."""
    assert "://" not in escape("see https://x.example")
    assert "www." not in escape("see www.x.example")


@given(st.text(alphabet="ab` ", min_size=1))
def test_code_spans_hold_any_backticks(text: str) -> None:
    if clean(text):
        rendered = MARKDOWN.render(code(text)).strip()
        assert html.unescape(rendered) == f"<p><code>{clean(text)}</code></p>"


def table_of(markdown: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", MARKDOWN.render(markdown), flags=re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, flags=re.DOTALL) for row in rows]


def test_a_table_is_one_with_calibration_set_apart() -> None:
    table = Table(
        columns=(Column("model", numeric=False), Column("Fréchet ↓")),
        rows=(
            (Cell("a|b"), Cell("0.5", best=True, notes=(1, 2))),
            (Cell("c"), Cell("0.5~", best=True, notes=(3,))),  # rough, and yet the best
            (Cell("d"), Cell("—")),
        ),
        calibration=((Cell("noise"), Cell("9")),),
    )
    assert table_of(table_markdown(table)) == [
        ["model", "Fréchet ↓"],
        ["a|b", "<strong>0.5¹ ²</strong>"],
        ["c", "<strong>0.5~³</strong>"],
        ["d", "—"],
        ["<em>calibration</em>", ""],
        ["noise", "9"],
    ]
    assert table_markdown(Table(table.columns, ())) == ""


def test_the_document_says_what_was_run_and_what_failed(
    result: Make, stored_run: Store, registry: Registry
) -> None:
    run = stored_run(
        [
            result("vae", figures={"frechet_distance": 1.0, "bits_per_dim": 2.0}, kind="lower bound (ELBO)"),
            result("gan", family="gan", figures={"frechet_distance": 0.5}),
            result("dead", status="oom", reason="812 MiB in train, past the limit of 500 MiB"),
            result("pixelcnn", status="unsupported", reason="no"),
            result(HOSTILE, figures={"frechet_distance": 2.0}),
        ]
    )
    text = document_markdown(make_document(run, registry), registry.metrics)
    rendered = MARKDOWN.render(text)
    assert text == document_markdown(make_document(run, registry), registry.metrics)
    for expected in (
        "<h1>genai-bench leaderboard: quick</h1>",
        "<code>genai-bench run --all</code>",
        "Machine: Some CPU, 2 cores, 8 GiB, no GPU",
        "commit 0123456789 with uncommitted changes",
        "Jobs: 3 of 4 jobs ok, 1 oom; 1 pair of model and data set unsupported.",
        "<h2>tiny-image</h2>",
        "812 MiB in train, past the limit of 500 MiB",
        "Unsupported, so not run: pixelcnn.",
        "≤ 2.000",
        "How to read this",
        "<strong>Fréchet ↓</strong> (<code>frechet_distance</code>, squared feature units):",
        html.escape(HOSTILE),
    ):
        assert expected in rendered, expected
    assert "<script>" not in rendered
    # every row of every table has the cells that its head has: no text has broken a table
    for table in rendered.split("<table>")[1:]:
        counts = {len(re.findall(r"<t[hd]", row)) for row in table.split("</table>")[0].split("<tr>")[1:]}
        assert len(counts) == 1


def test_a_run_without_results_says_so(stored_run: Store, registry: Registry) -> None:
    assert "There are no results." in document_markdown(make_document(stored_run([]), registry), {})
