"""`series:PATH`: windows of eras that take turns, and what is wrong with a table that is no series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from own_cards import card_of, dataset_of

from genbench.errors import DataError

VALUES = np.random.default_rng(0).normal(size=(200, 2)).round(3)


def write(rows: list[str], header: str = "day,a,b") -> None:
    Path("s.csv").write_text("\n".join([header, *rows]) + "\n")


def rows(values: np.ndarray = VALUES) -> list[str]:
    return [f"2024-{1 + day // 28:02d}-{1 + day % 28:02d},{a},{b}" for day, (a, b) in enumerate(values)]


def test_windows_are_those_of_the_series_and_no_two_splits_share_a_step() -> None:
    write(rows())
    card, dataset = card_of("series:s.csv?drop=day&window=6"), dataset_of("series:s.csv?drop=day&window=6")
    assert (card.spec.modality, card.spec.event_shape) == ("series", (6, 2))
    splits = (dataset.train, dataset.valid, dataset.test)
    assert card.sizes == tuple(len(split) for split in splits)
    steps = []
    for split in splits:
        assert split.starts is not None
        for window, start in zip(split.x, split.starts.tolist(), strict=True):
            assert torch.equal(window, torch.tensor(VALUES[start : start + 6], dtype=torch.float32))
        steps.append({start + i for start in split.starts.tolist() for i in range(6)})
    for one, other in ((0, 1), (0, 2), (1, 2)):  # a window's length lies between
        assert min(abs(a - b) for a in steps[one] for b in steps[other]) > 6
    assert len(dataset.train.starts.diff().unique()) > 1  # type: ignore[union-attr]  # several eras


def test_a_short_series_has_one_era_for_each_split_to_its_end() -> None:
    write([f"{index},{index % 5},{index * index % 7}" for index in range(42)])
    dataset = dataset_of("series:s.csv?columns=a&window=6")
    assert dataset.test.starts is not None
    assert int(dataset.test.starts[-1]) == 42 - 6
    assert min(len(dataset.train), len(dataset.valid), len(dataset.test)) >= 2


def test_times_may_be_numbers_or_dates_and_months_differ_in_length() -> None:
    months = [f"{2000 + month // 12}-{1 + month % 12:02d},{month % 7},{month % 5}" for month in range(60)]
    write(months)
    assert card_of("series:s.csv?time=day&window=6").spec.event_shape == (6, 2)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ("9,,1", "drop=day", r"s\.csv: line 11, column 'a': the cell is empty"),
        ("9,nan,1", "drop=day", r"line 11, column 'a': 'nan' \(step 9, counted from 0\) is no finite number"),
        (
            "12,1,1",
            "time=day",
            r"line 11, column 'day': step 9 \(counted from 0\), '12', .* a gap of 3; fill it",
        ),
        ("8,1,1", "time=day", r"step 9 \(counted from 0\), '8', is not later than '8'"),
        ("noon,1,1", "time=day", r"column 'day': 'noon' is neither a number nor a date"),
    ],
)
def test_gaps_are_named(change: str, options: str, message: str) -> None:
    lines = [f"{index},{index % 5},{index % 7}" for index in range(60)]
    lines[9] = change
    write(lines)
    with pytest.raises(DataError, match=message):
        card_of(f"series:s.csv?{options}&window=6")


@pytest.mark.parametrize(
    ("count", "window", "message"),
    [
        (5, 6, r"series:s\.csv\?.*: 5 steps, a series shorter than its window: windows of 6 take \d+$"),
        (30, 6, r"30 steps, too few to split: windows of 6 take 38, or a shorter window, window=4"),
    ],
)
def test_a_series_that_is_too_short(count: int, window: int, message: str) -> None:
    write([f"{index},{index % 5},{index % 7}" for index in range(count)])
    with pytest.raises(DataError, match=message):
        card_of(f"series:s.csv?drop=day&window={window}")


def test_constant_channels_are_refused() -> None:
    write([f"{index},{index % 5},3" for index in range(60)])
    with pytest.raises(DataError, match="constant column 'b'"):
        card_of("series:s.csv?drop=day&window=6")
    write([f"{index},{index % 5},{int(index > 50)}" for index in range(60)])
    with pytest.raises(DataError, match="constant in all steps to train on: b"):
        card_of("series:s.csv?drop=day&window=6")
