"""Windows of different splits share no time step, and none is left out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench import DatasetCard, DataSpec
from genbench.datasets.prepared import load_dataset
from genbench_datasets.embedded.cards import SERIES
from genbench_datasets.embedded.series import eras_dataset, windows_dataset


@given(st.integers(60, 300), st.integers(1, 12))
def test_windows_of_different_splits_share_no_time_step(length: int, steps: int) -> None:
    spec = DataSpec(name="clock", modality="series", event_shape=(steps, 1))
    dataset = windows_dataset(spec, np.arange(length, dtype=float))
    seen: list[set[float]] = []
    for split in (dataset.train, dataset.valid, dataset.test):
        windows = split.x.squeeze(-1)
        assert (windows.diff(dim=1) == 1).all()
        assert (windows[:, 0].diff() == 1).all()
        assert split.windows is not None
        assert split.windows.starts.tolist() == windows[:, 0].tolist()
        seen.append(set(windows.flatten().tolist()))
    assert sorted(step for part in seen for step in part) == list(range(length))
    assert max(seen[0]) < min(seen[1])
    assert max(seen[1]) < min(seen[2])
    assert len(seen[0]) == length * 3 // 5


@given(st.integers(60, 300), st.integers(2, 12), st.integers(12, 30), st.integers(12, 20))
def test_eras_are_a_window_apart_and_windows_say_where_they_begin(
    length: int, steps: int, train: int, held_out: int
) -> None:
    spec = DataSpec(name="clock", modality="series", event_shape=(steps, 1))
    dataset = eras_dataset(spec, np.arange(length, dtype=float), train=train, held_out=held_out)
    seen: list[set[float]] = []
    for split in (dataset.train, dataset.valid, dataset.test):
        windows = split.x.squeeze(-1)
        assert (windows.diff(dim=1) == 1).all()
        assert split.starts is not None
        assert split.starts.tolist() == windows[:, 0].tolist()
        seen.append(set(windows.flatten().tolist()))
    for first, second in ((0, 1), (0, 2), (1, 2)):
        apart = [abs(one - other) for one in seen[first] for other in seen[second]]
        assert min(apart, default=steps + 1) > steps


def _source(name: str) -> dict[str, float]:
    """By date, as the package has them, read another way than the product does."""
    from statsmodels.datasets import co2, elnino, sunspots

    if name == "sunspots":
        return {str(int(year)): value for year, value in sunspots.load_pandas().data.itertuples(index=False)}
    if name == "co2-growth":
        weeks = co2.load_pandas().data["co2"].dropna()
        means = weeks.groupby([weeks.index.year, weeks.index.month]).mean()
        months = [(f"{year}-{month:02d}", value) for (year, month), value in means.items()]
        return {date: value - before for (_, before), (date, value) in pairwise(months) if date > "1964-05"}
    table = elnino.load_pandas().data.set_index("YEAR")
    return {f"{month} {int(year)}": table.loc[year, month] for year in table.index for month in table.columns}


# first and last date of each era of train, valid, test, as the cards say in words
DATES = {
    "sunspots": [[("1700", "1884")], [("1885", "1946")], [("1947", "2008")]],
    "elnino": [
        [("JAN 1950", "DEC 1959"), ("JAN 1978", "DEC 1987"), ("JAN 2006", "DEC 2010")],
        [("JAN 1962", "DEC 1967"), ("JAN 1990", "DEC 1995")],
        [("JAN 1970", "DEC 1975"), ("JAN 1998", "DEC 2003")],
    ],
    "co2-growth": [
        [("1964-06", "1969-05"), ("1978-06", "1983-05"), ("1992-06", "1997-05")],
        [("1970-06", "1973-05"), ("1984-06", "1987-05"), ("1998-06", "2001-05")],
        [("1974-06", "1977-05"), ("1988-06", "1991-05")],
    ],
}


@pytest.mark.parametrize("card", SERIES, ids=lambda card: card.name)
def test_splits_are_the_source_between_the_dates_on_the_card(card: DatasetCard) -> None:
    source = _source(card.name)
    dates, values = list(source), np.array(list(source.values()), dtype=np.float32)
    dataset = load_dataset(card)
    steps, _ = card.spec.event_shape
    for split, eras in zip((dataset.train, dataset.valid, dataset.test), DATES[card.name], strict=True):
        expected = [
            values[start : start + steps]
            for first, last in eras
            for start in range(dates.index(first), dates.index(last) + 2 - steps)
        ]
        np.testing.assert_array_equal(split.x.squeeze(-1).numpy(), np.stack(expected))
