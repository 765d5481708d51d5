"""Verdicts and spreads on the terminal."""

from __future__ import annotations

import math

from rich.console import Console
from rich.text import Text

from genbench_reports.format.numbers import format_value
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import clean
from genbench_reports.render.terminal_table import print_table
from genbench_reports.verdicts.difference import MAX_SEEDS
from genbench_reports.verdicts.noise import Noise
from genbench_reports.verdicts.verdict import BoardVerdict, Verdict

_STYLES = {"better": "bold green", "worse": "bold red", "mixed": "bold red", "undecided": "bold yellow"}


def print_verdict(verdict: Verdict, console: Console) -> None:
    """A row per data set, then what to bear in mind, then the verdict as the last line."""
    columns = (
        Column("data set", numeric=False, essential=True),
        Column("model", numeric=False, essential=True),
        Column("metric", numeric=False),
        Column("A"),
        Column("B"),
        Column("seeds"),
        Column("better by", essential=True),
        Column("p"),
        Column("verdict on B", numeric=False, essential=True),
        Column("seeds to decide", essential=True),
    )
    rows = tuple(
        (
            Cell(clean(board.dataset)),
            Cell(clean(board.b if board.a == board.b else f"{board.b} against {board.a}")),
            Cell(clean(board.metric)),
            Cell("" if board.a_mean is None else format_value(board.a_mean)),
            Cell("" if board.b_mean is None else format_value(board.b_mean)),
            Cell(f"{board.a_seeds}, {board.b_seeds}" + (" paired" if board.is_paired else "")),
            Cell(difference_text(board)),
            Cell("" if board.adjusted_p is None else _p_text(board.adjusted_p)),
            Cell(board.outcome),
            Cell(_seeds_text(board)),
        )
        for board in verdict.boards
    )
    print_table(Table(columns, rows), console)
    for board in verdict.boards:
        for note in board.notes:
            console.print(Text(f"{clean(board.b)} on {clean(board.dataset)}: {clean(note)}", style="dim"))
    console.print(
        Text(f"p-values are adjusted for {len(verdict.boards)} data sets; {verdict.reach}", style="dim")
    )
    console.print(Text(verdict_line(verdict), style=_STYLES.get(verdict.outcome, "bold")))


def verdict_line(verdict: Verdict) -> str:
    """The verdict in a sentence or two."""
    b, a = clean(verdict.b), clean(verdict.a)
    chance = "" if verdict.p is None else f" (p {_p_text(verdict.p)} over all)"
    match verdict.outcome:
        case "better" | "worse":
            return f"{b} is {verdict.outcome} than {a}{chance}"
        case "mixed":
            return f"mixed: {b} is better than {a} on one data set, and worse on another"
        case "equal":
            return f"equal: {b} and {a} agree to the last digit"
    return f"undecided{chance}: {_advice(verdict)}"


def _advice(verdict: Verdict) -> str:
    if verdict.p is None:
        return "no spread over seeds is known; run both with --seeds 3 or more, or give --noise FILE"
    if verdict.seeds_to_decide is None:
        return f"if the difference is as small as it looks, {MAX_SEEDS:,} seeds would not find it"
    return f"{verdict.seeds_to_decide:,} seeds on each side would decide, if the difference is as large as it looks"


def difference_text(board: BoardVerdict) -> str:
    """The difference with its error: per cent of the values, or in their unit. A minus sign: worse."""
    if board.difference is None:
        return ""
    if board.is_relative:
        size = f"{100 * math.expm1(board.difference):+.3g} %"
        error = "" if board.stderr is None else f" ± {100 * board.stderr:.2g}"
    else:
        size, error = f"{board.difference:+.3g}", "" if board.stderr is None else f" ± {board.stderr:.2g}"
    return size + error


def _seeds_text(board: BoardVerdict) -> str:
    if board.outcome != "undecided":
        return ""
    if board.seeds_to_decide is None:
        return "" if board.stderr is None else f"> {MAX_SEEDS:,}"
    return f"{board.seeds_to_decide:,}"


def _p_text(p: float) -> str:
    return "< 0.0001" if p < 1e-4 else f"{p:.2g}"


def print_noise(noise: Noise, console: Console) -> None:
    """A row per model and data set."""
    columns = (
        Column("data set", numeric=False, essential=True),
        Column("model", numeric=False, essential=True),
        Column("metric", numeric=False, essential=True),
        Column("seeds"),
        Column("spread", essential=True),
    )
    rows = tuple(
        (
            Cell(clean(row.dataset)),
            Cell(clean(row.model)),
            Cell(clean(row.metric)),
            Cell(str(row.seeds)),
            Cell(f"{100 * row.deviation:.2g} %" if row.is_relative else f"{row.deviation:.2g}"),
        )
        for row in noise.rows
    )
    print_table(Table(columns, rows), console)
    console.print(
        Text(
            "Spread: standard deviation of one seed. Two models of one seed each differ by 1.4 times that by"
            " chance alone, in two of three cases by less.",
            style="dim",
        )
    )
