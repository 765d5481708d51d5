"""`pairs:FILE.tsv`."""

from __future__ import annotations

from pathlib import Path

import pytest

from genbench.errors import DataError
from genbench_datasets.own_data.readers.pairs import card, dataset

GOOD = "".join(f"{number} apples\t{number} pommes\n" for number in range(100, 140))


def written(folder: Path, text: str | bytes) -> str:
    path = folder / "pairs.tsv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_pairs_are_padded_to_the_longest(tmp_path: Path) -> None:
    argument = written(tmp_path, GOOD + "7 apples and 1 pear\t7 pommes et 1 poire\r\n")
    found = card(argument)
    assert (found.spec.source_steps, found.spec.event_shape) == (19, (38,))
    assert sum(found.sizes) == 41
    assert found.alphabet is not None
    assert found.argument is not None
    x = dataset(found.argument).train.tensor()[0]
    texts = ["".join(found.alphabet[code] for code in part if code) for part in (x[:19], x[19:])]
    assert texts[0].replace("apples", "pommes") == texts[1]
    assert dataset(found.argument).spec == found.spec


def test_words_are_symbols_if_asked_for(tmp_path: Path) -> None:
    found = card(written(tmp_path, GOOD) + "?symbols=words")
    assert (found.spec.source_steps, found.spec.event_shape) == (2, (4,))
    assert found.alphabet is not None
    assert {"∎ ", "apples ", "pommes "} <= set(found.alphabet)
    assert found.step_name == "word"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no pairs"),
        ("\n \n", "no pairs"),
        (GOOD + "no tab here\n", "line 41 has 1 field, expected 2"),
        (GOOD + "a\tb\tc\n", "line 41 has 3 fields, expected 2"),
        (GOOD + "alone\t \n", "line 41: the translation is empty"),
        (GOOD + "\talone\n", "line 41: the source is empty"),
        (GOOD + "a ∎\tb\n", "stands for the end"),
        (GOOD + "a" * 513 + "\tb\n", "pair 41 has 513 symbols"),
        (b"\xff\tb\n", "not UTF-8 at byte 0"),
        ("a\tb\n", "1 example"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        card(written(tmp_path, text))
    assert "\n" not in str(caught.value)
