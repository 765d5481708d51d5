"""LaTeX tables, read back by a LaTeX parser that is not ours."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylatexenc.latex2text import LatexNodes2Text
from pylatexenc.latexwalker import LatexEnvironmentNode, LatexMacroNode, LatexWalker

from genbench.cli.main import run_command_line
from genbench.plugin.registry import Registry
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import clean
from genbench_reports.overview.document import make_document
from genbench_reports.render.latex import document_latex, table_latex
from genbench_reports.render.latex_text import latex

Make = Callable[..., Result]
Store = Callable[..., Run]
HOSTILE = r"50% of \input{x} & $y_1^2$ #3 {a} ~b~ [c] <d> `e` 'f' \"g\" --h-- i,,j \\ \end{tabular}"
TO_TEXT = LatexNodes2Text(strict_latex_spaces=True, math_mode="text")


def parse(text: str) -> list[object]:
    """Raises where braces, environments or maths are not closed."""
    nodes, _, length = LatexWalker(text, tolerant_parsing=False).get_latex_nodes()
    assert length == len(text)
    return list(nodes)


def printed(text: str) -> str:
    """What the text comes out as; the parser does not know three of the commands, and has another sign for a fourth."""
    for command, sign in (("textless", "<"), ("textgreater", ">"), ("textbar", "|")):
        text = text.replace(f"\\{command}{{}}", sign)
    return TO_TEXT.latex_to_text(text).replace("ˆ", "^")


def commands(text: str) -> set[str]:
    return set(re.findall(r"\\([a-zA-Z]+|.)", text))


NAMES = (
    "textbackslash textasciitilde textasciicircum textless textgreater textbar textquotedbl textquotesingle"
    " textasciigrave textemdash textendash textquotedblleft textquotedblright textquoteleft textquoteright downarrow"
    " uparrow rightarrow leftarrow leq geq approx neq infty pm times cdot otimes dag ddag ldots mu sigma beta chi tau"
    " textsuperscript"
)
SAFE = {*"{}$&%#_", *NAMES.split()}


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet=st.sampled_from("ab -,\\{}$&%#_~^<>|\"'`[]±≤↓é中")) | st.text())
def test_no_text_is_a_command(text: str) -> None:
    written = latex(text)
    parse(written)
    assert commands(written) <= SAFE
    bare = re.sub(r"\\([a-zA-Z]+|.)", "", written)
    assert not set("&%#_~^") & set(bare)
    assert bare.count("$") % 2 == 0
    assert "--" not in written
    assert ",," not in written
    assert "\n" not in written


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet="ab1 -_%&#${}~^<>|éü,±≤≈↓↑×∞", max_size=20))
def test_it_prints_as_the_text(text: str) -> None:
    assert printed(latex(text)) == clean(text)


def test_what_no_font_has_is_named() -> None:
    assert latex("中 é") == "{[}U+4E2D{]} é"


def test_a_table_is_whole() -> None:
    columns = (Column("model", numeric=False), Column("Fréchet ↓"), Column("50% & more"))
    table = Table(
        columns,
        rows=((Cell(HOSTILE), Cell("≈ 1.0±0.1", best=True, notes=(1, 2)), Cell("—")),),
        calibration=((Cell("copier"), Cell("0.1"), Cell("2_3")),),
    )
    text = table_latex(table, "a & b", ["note_1"], ["first", "second"])
    (float_,) = [node for node in parse(text) if isinstance(node, LatexEnvironmentNode)]
    assert float_.environmentname == "table*"
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 1
    assert text.count(r"\midrule") == 2
    assert r"\begin{tabular}{lrr}" in text
    rows = re.findall(r"^(.*) \\\\$", text, flags=re.MULTILINE)
    assert len(rows) == 3
    for row in rows:
        assert len(re.findall(r"(?<!\\)&", row)) == 2
    assert r"\textbf{$\approx$ 1.0$\pm$0.1}\textsuperscript{1,2}" in rows[1]
    assert r"\textit{copier}" in rows[2]
    assert r"\caption{a \& b}" in text
    assert r"note\_1\par" in text


def test_a_table_without_rows_leaves_its_notes() -> None:
    assert table_latex(Table((), ()), "x") == ""
    assert table_latex(Table((), ()), "x", ["said"]) == "\\paragraph{x}\nsaid\\par\n"


def test_a_document_is_whole(result: Make, stored_run: Store, registry: Registry) -> None:
    results = [
        result(name, seed=seed, dataset=dataset, figures={ranks: value + seed / 10})
        for dataset, ranks in (
            ("tiny-image", "frechet_distance"),
            ("tiny-series", "frechet_distance"),
            ("tiny-tokens", "train_on_samples_bits_per_dim"),
        )
        for name, value in (("vae_1", 1.0), ("gan", 2.0), ("made", 3.0))
        for seed in range(3)
    ]
    results.append(result("dead", status="killed", reason=HOSTILE))
    run = stored_run(results)
    text = document_latex(make_document(run, registry))
    nodes = [node for node in parse(text) if isinstance(node, LatexEnvironmentNode | LatexMacroNode)]
    floats = [node for node in nodes if isinstance(node, LatexEnvironmentNode)]
    assert len(floats) >= 5
    assert {node.environmentname for node in floats} == {"table*"}
    assert text.count(r"\begin{") == text.count(r"\end{")
    assert r"vae\_1" in text
    assert "Statistics: would other data sets show an order" in text
    used = commands(re.sub(r"^%.*$", "", text, flags=re.MULTILINE))
    ours = "begin end caption centering resizebox ifdim width textwidth else fi toprule midrule bottomrule textbf"
    ours += " textit par smallskip parbox footnotesize paragraph"
    assert used <= SAFE | set(ours.split()) | {"\\"}


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
def test_pdflatex_takes_it(tmp_path: Path, result: Make, stored_run: Store, registry: Registry) -> None:
    """A document of hostile names, and every letter and sign that is written as it is."""
    results = [
        result(name, seed=seed, figures={"frechet_distance": value + seed / 10})
        for name, value in (("vae_1", 1.0), (HOSTILE, 2.0))
        for seed in range(3)
    ]
    results.append(result("dead", status="killed", reason=HOSTILE))
    letters = "\n\n".join(
        latex(chr(code)) for code in (*range(0x20, 0x7F), *range(0xA1, 0x250), *range(0x2010, 0x2270))
    )
    (tmp_path / "tables.tex").write_text(
        document_latex(make_document(stored_run(results), registry)), "utf-8"
    )
    assert "Missing character" not in printed_by_pdflatex(tmp_path, letters)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
def test_pdflatex_takes_the_report_of_a_real_run(tmp_path: Path) -> None:
    models = ("vae", "made", "gan", "held-out", "marginals", "gaussian-mixture", "copier")
    command = ["run", "--budget", "20steps", "--no-probe", "-d", "digits", "-d", "ring8", "-d", "elnino"]
    command += [part for model in models for part in ("-m", model)]
    assert run_command_line([*command, "--out", str(tmp_path / "run")]) == 0
    report = ["report", str(tmp_path / "run"), "--format", "latex", "-o", str(tmp_path / "tables.tex")]
    assert run_command_line(report) == 0
    log = printed_by_pdflatex(tmp_path)
    assert "Float too large" not in log  # its end would be missing


def printed_by_pdflatex(folder: Path, text: str = "") -> str:
    """The log of a paper with `tables.tex` and the text."""
    (folder / "paper.tex").write_text(
        "\\documentclass{article}\n\\usepackage[T1]{fontenc}\n\\usepackage{booktabs}\n\\usepackage{graphicx}\n"
        f"\\begin{{document}}\n\\input{{tables}}\n{text}\n\\end{{document}}\n",
        "utf-8",
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"],
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=120,
    )
    log = (folder / "paper.log").read_text("latin-1")
    assert done.returncode == 0, log[-2000:]
    assert (folder / "paper.pdf").stat().st_size > 10_000
    return log


def test_notes_that_do_not_fit_on_a_page_with_their_table_follow_it() -> None:
    table = Table((Column("model", numeric=False),), tuple((Cell(f"model-{n}"),) for n in range(20)))
    short = table_latex(table, "digits: a caption", ["one note"])
    assert short.index("one note") < short.index(r"\end{table*}")
    assert "Notes on" not in short
    notes = [f"note {number} {'with many words ' * 10}" for number in range(20)]
    text = table_latex(table, "digits: a caption", notes)
    end = text.index(r"\end{table*}")
    assert text.index(r"\paragraph{Notes on digits}") > end
    assert all(text.index(f"note {number} ") > end for number in range(20))
    parse(text)


@pytest.mark.parametrize("character", list("%_&$#{}~^\\"))
def test_each_special_character_is_escaped(character: str) -> None:
    assert printed(latex(f"a{character}b")) == f"a{character}b"
    assert latex(character) != character
