"""`csv:PATH`: tables as they should be, and what is said of those that are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from own_cards import card_of, dataset_of

from genbench.errors import DataError, UnknownNameError, UsageError

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(50, 3)).round(4)


def write(text: str | bytes, name: str = "a.csv") -> None:
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())


def table(rows: list[str] | None = None, header: str = "x,y,z") -> str:
    rows = [",".join(map(str, row)) for row in VALUES] if rows is None else rows
    return "\n".join([header, *rows]) + "\n"


def all_rows(name: str) -> np.ndarray:
    """The rows of all splits together, in the order of their values."""
    dataset = dataset_of(name)
    x = torch.cat([split.x for split in (dataset.train, dataset.valid, dataset.test)]).numpy()
    return x[np.lexsort(x.T)]


def ordered(x: np.ndarray) -> np.ndarray:
    x = x.astype(np.float32)
    return x[np.lexsort(x.T)]


def test_a_table_is_points() -> None:
    write(table())
    card = card_of("csv:a.csv")
    assert card.spec.modality == "points"
    assert card.spec.event_shape == (3,)
    assert card.spec.levels is None
    assert card.spec.classes is None
    assert card.sizes == (30, 10, 10)
    assert "60/20/20" in card.splits
    assert np.array_equal(all_rows("csv:a.csv"), ordered(VALUES))


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (table().replace("\n", "\r\n"), ""),
        (table().replace("\n", "\r"), ""),
        ("\ufeff" + table(), ""),
        ("\n\n" + table().replace("\n", "\n\n"), ""),
        (table().rstrip("\n"), ""),
        (table().replace(",", " , "), ""),
        (table().replace(",", ";"), "?separator=semicolon"),
        (table().replace(",", "\t"), "?separator=tab"),
        (table().split("\n", 1)[1], "?header=no"),
        (table(header='"x, of course","a ""quoted""\nname",z'), ""),
    ],
    ids=["crlf", "cr", "bom", "blank lines", "no end", "spaces", "semicolon", "tab", "no header", "quotes"],
)
def test_the_many_ways_to_write_one_table(text: str, options: str) -> None:
    write(text)
    assert np.array_equal(all_rows(f"csv:a.csv{options}"), ordered(VALUES))


def test_tsv_files_have_tabs() -> None:
    write(table().replace(",", "\t"), "a.tsv")
    assert np.array_equal(all_rows("csv:a.tsv"), ordered(VALUES))


def test_columns_are_chosen_and_labels_named() -> None:
    kinds = [("cat", "dog, or so", "10")[i % 3] for i in range(50)]
    frame = pd.DataFrame(VALUES, columns=["x", "y", "z"]).assign(kind=kinds)
    frame.to_csv("a.csv", index=False)
    card = card_of("csv:a.csv?columns=z,x&label=kind")
    assert card.spec.event_shape == (2,)
    assert card.spec.classes == 3
    assert np.array_equal(all_rows("csv:a.csv?columns=z,x&label=kind"), ordered(VALUES[:, [2, 0]]))
    assert np.array_equal(all_rows("csv:a.csv?drop=kind,y"), ordered(VALUES[:, [0, 2]]))
    dataset = dataset_of("csv:a.csv?label=kind")
    numbers = {"10": 0, "cat": 1, "dog, or so": 2}
    of_row = {tuple(row): numbers[kind] for row, kind in zip(VALUES.astype(np.float32), kinds, strict=True)}
    for split in (dataset.train, dataset.valid, dataset.test):
        assert split.y is not None
        assert [of_row[tuple(row)] for row in split.x.numpy()] == split.y.tolist()
        assert set(split.y.tolist()) == {0, 1, 2}


def test_labels_that_are_numbers_are_in_their_order() -> None:
    rows = [f"{x},{y},{i % 11}" for i, (x, y, _) in enumerate(VALUES)]
    write(table(rows, "x,y,digit"))
    dataset = dataset_of("csv:a.csv?label=digit")
    digits = {tuple(np.float32(row[:2])): i % 11 for i, row in enumerate(VALUES)}
    assert dataset.train.y is not None
    assert [digits[tuple(row)] for row in dataset.train.x.numpy()] == dataset.train.y.tolist()


def test_integers_of_some_levels() -> None:
    values = RNG.integers(0, 3, (40, 2))
    write(table([f"{a},{b}.0" for a, b in values], "a,b"))
    card = card_of("csv:a.csv?levels=3")
    assert card.spec.levels == 3
    assert dataset_of("csv:a.csv?levels=3").train.x.dtype == torch.uint8
    assert card_of("csv:a.csv?levels=1000").spec.levels == 1000
    assert dataset_of("csv:a.csv?levels=1000").train.x.dtype == torch.int32


def test_a_name_with_a_comma_is_typed_with_its_code() -> None:
    write(table(header='"a,b",c,d&e'))
    assert np.array_equal(all_rows("csv:a.csv?columns=a%2Cb,d%26e"), ordered(VALUES[:, [0, 2]]))


GOOD = ["1.5,2,3", "4,5,6.25"] + [f"{i},{i * i},{i % 7}" for i in range(20)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([*GOOD, "1,,3"], r"a\.csv: line 24, column 'y': the cell is empty"),
        ([*GOOD, "1, ,3"], r"a\.csv: line 24, column 'y': the cell is empty"),
        (["1,two,3", *GOOD], r"line 2, column 'y': 'two' is no number; drop=y leaves .* label=y takes it"),
        ([*GOOD, "", "1,2,3 m"], r"line 25, column 'z': '3 m' is no number"),
        ([*GOOD, "1_000,2,3"], r"line 24, column 'x': '1_000' is no number"),
        ([*GOOD, "True,2,3"], r"line 24, column 'x': 'True' is no number"),
        ([*GOOD, "1,nan,3"], r"line 24, column 'y': 'nan' is no finite number"),
        ([*GOOD, "1,2,inf", "1,-inf,2"], r"line 24, column 'z': 'inf' is no finite number \(and 1 more\)"),
        ([*GOOD, "1,2,1e39"], r"line 24, column 'z': '1e39' is beyond what 32 bits hold"),
        ([*GOOD, "1,2"], r"a\.csv: line 24 has 2 cells, the first line 3"),
        (["1,2", *GOOD], r"a\.csv: line 2 has 2 cells, the first line 3"),
        ([*GOOD, "1,2,3,4"], r"a\.csv: line 24 has 4 cells, the first line 3"),
        ([f"{row},1" for row in GOOD], r"a\.csv: line 2 has 4 cells, the first line 3"),
        (["1"], r"line 2 has 1 cell, the first line 3"),
        ([*GOOD, '1,2,"3'], r"a\.csv: line 24: unexpected end of data"),
        (["1,7,3.5"] + [f"{i},7,{i}" for i in range(20)], r"a\.csv: constant column 'y': .* drop=A,B leaves"),
        ([f"3,7,{i}" for i in range(20)], r"constant columns 'x', 'y': there is no density"),
        (["1,2,3"], r"csv:a\.csv: 1 example; 10 are needed"),
        (GOOD[:9], r"csv:a\.csv: 9 examples; 10 are needed"),
        ([], r"csv:a\.csv: 0 examples; 10 are needed"),
    ],
)
def test_what_is_wrong_is_named_with_line_and_column(rows: list[str], message: str) -> None:
    write(table(rows))
    with pytest.raises(DataError, match=message) as caught:
        card_of("csv:a.csv")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"a\.csv: is empty"),
        ("\n\n", r"a\.csv: is empty"),
        (table(header="x,y,x"), r"a\.csv: two columns are called 'x': the 1\. and the 3\."),
        (table(header="x,,z"), r"a\.csv: column 2 of 3 has no name"),
        (table(header="1.5,2,3"), r"the first line holds numbers, .* header=no"),
        (table().replace(",", ";"), r"one column, called 'x;y;z'; perhaps separator=semicolon\?"),
        (table(header="x,y,\xe9").encode("latin-1"), r"a\.csv: line 1: not UTF-8 \(byte 4\)"),
        (table([*GOOD, "1,2,\xe9"]).encode("latin-1"), r"a\.csv: line 24: not UTF-8"),
        (table().encode("utf-16"), r"a\.csv: line 1: not UTF-8 \(byte 0\)"),
        (b"x,y\n" + b"1,2\n" * 9 + b"1,\0\n", r"a\.csv: line 11"),
        (b"PK\x03\x04" + bytes(range(256)), r"a\.csv: line 2: not UTF-8"),
    ],
)
def test_files_that_are_no_such_table(content: str | bytes, message: str) -> None:
    write(content)
    with pytest.raises(DataError, match=message):
        card_of("csv:a.csv")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("columns=xx", r"unknown column of a\.csv 'xx'; did you mean 'x'\?"),
        ("drop=w", r"unknown column of a\.csv 'w'"),
        ("label=kind", r"unknown column of a\.csv 'kind'; known: x, y, z"),
        ("colums=x", r"unknown option of csv 'colums'; did you mean 'columns'\?"),
        ("separator=colon", r"unknown separator of csv 'colon'; did you mean"),
        ("levels=1", "levels=1: expected a whole number, 2 or more"),
        ("levels=", r"levels needs a value"),
        ("levels", r"levels needs a value"),
        ("levels=2&levels=3", "levels is set twice"),
    ],
)
def test_options_that_cannot_be(options: str, message: str) -> None:
    write(table())
    with pytest.raises((UsageError, UnknownNameError), match=message):
        card_of(f"csv:a.csv?{options}")


def test_values_outside_their_levels_are_named() -> None:
    write(table([*(f"{i % 3},1" for i in range(20)), "3,1"], "a,b"))
    with pytest.raises(DataError, match=r"a\.csv: line 22, column 'a': '3' is outside 0\.\.2"):
        card_of("csv:a.csv?levels=3")
    write(table([*(f"{i % 3},1" for i in range(20)), "1,0.5"], "a,b"))
    with pytest.raises(DataError, match=r"line 22, column 'b': '0\.5' is no whole number 0\.\.2"):
        card_of("csv:a.csv?levels=3")


def test_labels_that_cannot_be() -> None:
    rows = [f"{i},{'ab'[i % 2]}" for i in range(20)]
    write(table([*rows, "20,"], "x,kind"))
    with pytest.raises(DataError, match=r"a\.csv: line 22, column 'kind': the label is missing"):
        card_of("csv:a.csv?label=kind")
    write(table([*rows, "20,c", "21,c", "22,d"], "x,kind"))
    expected = r"class 'c' has 2 examples \(and 1 more such\); a class needs 3"
    with pytest.raises(DataError, match=expected):
        card_of("csv:a.csv?label=kind")
    with pytest.raises(DataError, match="no columns are left"):
        card_of("csv:a.csv?label=kind&drop=x")


def test_paths_that_are_not_there() -> None:
    write(table())
    with pytest.raises(DataError, match=r"^b\.csv: no such file or folder; did you mean 'a\.csv'\?"):
        card_of("csv:b.csv")
    with pytest.raises(DataError, match=r"no-such/a\.csv: no such file or folder$"):
        card_of("csv:no-such/a.csv")
    Path("folder").mkdir()
    with pytest.raises(DataError, match="folder: is a folder; csv takes a file"):
        card_of("csv:folder")
    with pytest.raises(UsageError, match="of which file or folder"):
        card_of("csv:")


def test_a_path_may_hold_a_question_mark() -> None:
    write(table(), "who?.csv")
    assert card_of("csv:who?.csv").sizes == (30, 10, 10)
    assert card_of("csv:who?.csv?columns=x").spec.event_shape == (1,)


def test_a_card_is_a_line_whatever_the_columns_are_called() -> None:
    header = ",".join(["\x01", '"a\nb"', *(f"c{number}" for number in range(28))])
    write(table([",".join(map(str, row)) for row in RNG.normal(size=(20, 30))], header))
    summary = card_of("csv:a.csv").summary
    assert summary.startswith(r"own data: 20 rows of \x01, a\nb, c0, c1,")
    assert summary.endswith("c9, ... (30 in all)")
    assert len(summary.splitlines()) == 1
