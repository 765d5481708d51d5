"""Tables on screens of all widths: what gives way first, and that nothing goes in silence."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from genbench.util.stand_ins import never_fail
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.render import terminal_table
from genbench_reports.render.terminal_table import print_table

TABLE = Table(
    (
        Column("model", numeric=False, essential=True),
        Column("family", numeric=False, weight=5),
        Column("score ↑", weight=0, keeps_error=True),
        Column("Fréchet ↓", essential=True, keeps_error=True),
        Column("near copies ↓", weight=1),
        Column("memory MiB train / sample ↓", weight=6),
    ),
    (
        tuple(map(Cell, ("made", "autoregressive", "0.278±0.042", "8.2±1.0", "0.010±0.003~", "198 / 210"))),
        tuple(map(Cell, ("spline-flow", "flow", "0.176±0.030", "13.3±1.2", "0.020±0.004", "88 / 45"))),
    ),
    (tuple(map(Cell, ("held-out", "baseline", "1.00±0.15", "0.31±0.15", "0.009±0.008~", "5 / 5"))),),
)


def drawn(width: int, *, wide: bool = False) -> list[str]:
    file = io.StringIO()
    print_table(TABLE, Console(file=file, width=width), wide=wide)
    return [line.rstrip() for line in file.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("width", "shown", "gone"),
    [
        (120, ["memory MiB train / sample ↓", "0.010±0.003~"], []),
        (80, ["train /", "0.010±0.003~", "0.278±0.042"], ["memory MiB train"]),  # headings break
        (72, ["0.010", "0.278±0.042", "8.2±1.0"], ["0.010±"]),  # then errors go, but for those that are kept
        (60, ["0.010", "8.2±1.0", "198 / 210"], ["0.278"]),  # then columns, the score first
        (30, ["made", "8.2±1.0"], ["198 / 210", "autoregressive", "0.010"]),
    ],
)
def test_what_gives_way_where_there_is_no_room(width: int, shown: list[str], gone: list[str]) -> None:
    text = "\n".join(drawn(width))
    table = text.split("No room for")[0]
    assert [part for part in shown if part not in table] == []
    assert [part for part in gone if part in table] == []
    assert ("No room for" in text) == (width < 80)


def test_what_is_left_out_is_named() -> None:
    said = " ".join(drawn(60)).split("No room for", 1)[1]
    assert said == " score, the ± of near copies: --wide shows everything."


def test_wide_shows_every_column_in_parts_that_fit() -> None:
    lines = drawn(40, wide=True)
    assert max(map(len, lines)) <= 40
    text = "\n".join(lines)
    assert "No room" not in text
    for cell in (cell.text for row in (*TABLE.rows, *TABLE.calibration) for cell in row):
        assert cell in text
    assert text.count("spline-flow") == text.count("model") > 1


def test_columns_align() -> None:
    lines = drawn(120)
    ends = {
        line.index(value) + len(value)
        for line, value in zip(lines[2:4], ("8.2±1.0", "13.3±1.2"), strict=True)
    }
    assert len(ends) == 1


def test_columns_align_where_stand_ins_are_longer_than_what_they_stand_for() -> None:
    buffer = io.BytesIO()
    file = io.TextIOWrapper(buffer, encoding="ascii", write_through=True)
    never_fail(file)
    print_table(TABLE, Console(file=file, width=130))
    lines = buffer.getvalue().decode("ascii").splitlines()
    rulings = {
        tuple(place for place, sign in enumerate(line) if sign == "|") for line in lines if "|" in line
    }
    assert len(lines) == 6
    assert len(rulings) == 1


def test_names_that_are_cut_keep_their_ends_and_with_them_their_differences() -> None:
    names = [f"{'a-long-name-of-a-model-' * 3}{number}" for number in range(3)]
    table = Table(
        (Column("best model", numeric=False, essential=True), Column("Fréchet ↓", essential=True)),
        tuple((Cell(name), Cell("8.2±1.0")) for name in names),
    )
    file = io.StringIO()
    print_table(table, Console(file=file, width=50), fold=False)
    shown = [line.split() for line in file.getvalue().splitlines() if "±" in line]
    assert len({name for name, _ in shown}) == 3
    for name, (cut, value) in zip(names, shown, strict=True):
        start, end = cut.split("…")
        assert name.startswith(start)
        assert name.endswith(end)
        assert len(f"{cut}  {value}") <= 50
        assert value == "8.2±1.0"


def test_errors_in_sentences_stay() -> None:
    columns = (Column("metric", numeric=False, essential=True), Column("note", numeric=False, essential=True))
    table = Table(columns, ((Cell("bits/dim"), Cell("gap 0.55±0.29 nats " * 4)),))
    file = io.StringIO()
    print_table(table, Console(file=file, width=40))
    assert " ".join(file.getvalue().split()).count("0.55±0.29") == 4


def test_room_that_is_left_goes_to_reasons() -> None:
    reason = "drew 100 of 1000 samples in 31 s (0.31 s per sample), the sampling budget is 20 s"
    columns = (
        Column("failed", numeric=False, essential=True),
        Column("reason", numeric=False, essential=True),
        Column("job", numeric=False),
    )
    table = Table(columns, ((Cell("gan"), Cell(reason), Cell("240a0885366322d8")),))
    file = io.StringIO()
    print_table(table, Console(file=file, width=80))
    lines = file.getvalue().splitlines()
    assert len(lines) == 4  # two for the reason, which were four where it was folded to the width of a name
    assert max(map(len, lines)) <= 80
    assert "drew 100 of 1000 samples in 31 s (0.31 s per" in lines[2]


WORDS = st.sampled_from(["name", "a b c ", "long-word ", "é", "日本 "])
CELLS = st.tuples(st.lists(WORDS, max_size=8).map("".join), st.sampled_from([(), (1,), (1, 12)]))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_tables_are_drawn_as_rich_draws_them(data: st.DataObject) -> None:
    """Drawing a line at once is a tenth of the time."""
    titles = st.sampled_from(["a", "bits/dim ↓", "a long heading", "x /y"])
    count = data.draw(st.integers(1, 5))
    heads = data.draw(st.lists(st.tuples(titles, st.booleans()), min_size=count, max_size=count))
    rows = st.lists(st.tuples(*[CELLS] * count), max_size=3)
    # made here, because the type checker of the test session draws random numbers
    shown, apart = (
        tuple(tuple(Cell(text, notes=notes) for text, notes in row) for row in data.draw(rows))
        for _ in range(2)
    )
    columns = tuple(Column(title, numeric=numeric, essential=True) for title, numeric in heads)
    table, fold = Table(columns, shown, apart), data.draw(st.booleans())
    width = data.draw(st.sampled_from([20, 50, 120]))

    def as_text() -> str:
        file = io.StringIO()
        print_table(table, Console(file=file, width=width), fold=fold)
        return file.getvalue()

    def by_rich(
        table: Table,
        console: Console,
        style: str,
        headings: list[list[str]],
        widths: list[int],
        *,
        fold: bool,
    ) -> None:
        broken = terminal_table._width(table, console, titles_broken=False) > console.width
        widths = terminal_table._drawn_widths(table, console, titles_broken=broken)
        terminal_table._draw_squeezed(table, console, style, headings, widths, broken=broken, fold=fold)

    with pytest.MonkeyPatch.context() as patch:
        ours = as_text()
        patch.setattr(terminal_table, "_draw_lines", by_rich)
        assert as_text() == ours
