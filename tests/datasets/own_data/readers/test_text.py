"""`text:PATH`: windows of characters, in order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from own_cards import card_of, dataset_of

from genbench.errors import DataError, UsageError

TEXT = "".join(np.random.default_rng(0).choice(list("abcé\n "), 1003))


def test_windows_are_in_order_and_can_be_read_back() -> None:
    Path("a.txt").write_text(TEXT, encoding="utf-8", newline="")
    card = card_of("text:a.txt?window=10")
    assert card.spec.modality == "tokens"
    assert card.spec.event_shape == (10,)
    assert card.spec.levels == 6
    assert card.sizes == (80, 10, 10)
    assert card.alphabet == tuple(sorted(set(TEXT)))
    dataset = dataset_of("text:a.txt?window=10")
    codes = torch.cat([dataset.train.x, dataset.valid.x, dataset.test.x]).flatten().tolist()
    alphabet = sorted(set(TEXT))
    assert "".join(alphabet[code] for code in codes) == TEXT[:1000]


def test_more_than_256_characters() -> None:
    text = "".join(chr(0x4E00 + i * 7 % 500) for i in range(6000)) + "\U0001f600"
    Path("a.txt").write_text(text, encoding="utf-8")
    card = card_of("text:a.txt")
    assert card.spec.levels == 501
    assert card.spec.event_shape == (256,)
    assert dataset_of("text:a.txt").train.x.dtype == torch.int32


def test_a_byte_order_mark_is_no_character() -> None:
    Path("a.txt").write_text("\ufeff" + "ab" * 100, encoding="utf-8")
    assert card_of("text:a.txt?window=10").spec.levels == 2


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (
            b"abc" * 100,
            "",
            r"text:a\.txt: 300 characters; 20 windows of 256 take 5,120, or a shorter .* window=15",
        ),
        (b"abc", "", r"text:a\.txt: 3 characters; 20 windows of 256 take 5,120$"),
        (b"", "", r"text:a\.txt: 0 characters; 20 windows"),
        (b"aaa" * 100, "?window=10", "one character, 'a', again and again"),
        (b"abc" * 100 + b"\xff" + b"abc", "?window=10", r"a\.txt: not UTF-8 at byte 300: 0xff"),
        ("abc\xe9".encode("latin-1") * 100, "?window=10", r"a\.txt: not UTF-8 at byte 3: 0xe9"),
    ],
)
def test_texts_that_cannot_be(content: bytes, options: str, message: str) -> None:
    Path("a.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        card_of(f"text:a.txt{options}")


@pytest.mark.parametrize("window", ["1", "0", "-3", "2.5", "ten"])
def test_windows_that_cannot_be(window: str) -> None:
    Path("a.txt").write_text(TEXT, encoding="utf-8")
    with pytest.raises(UsageError, match=f"window={window}: expected a whole number, 2 or more"):
        card_of(f"text:a.txt?window={window}")
