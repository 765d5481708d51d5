"""What a plan costs for own data: the first time as much as reading it takes, afterwards nearly nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from own_cards import card_of
from PIL import Image
from pytest_benchmark.fixture import BenchmarkFixture

from genbench_datasets.own_data import remembered

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(remembered, "SETTLED_SECONDS", 0.0)


def seconds(function: Callable[[], object]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


@pytest.mark.benchmark(group="own data, planned again")
def test_a_folder_is_not_read_again_to_plan(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for index in range(500):
        Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(photos / f"{index}.png")
    name = f"imagefolder:{photos}"
    first = seconds(lambda: card_of(name))
    again: list[float] = []
    benchmark.pedantic(lambda: again.append(seconds(lambda: card_of(name))), rounds=5)
    benchmark.extra_info.update(first_seconds=first, again_seconds=min(again))
    assert min(again) < first / 5


@pytest.mark.benchmark(group="own data, read")
def test_a_table_takes_a_few_times_what_pandas_takes(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Checks, splits, hashes and the prepared file included."""
    path = tmp_path / "a.csv"
    pd.DataFrame(RNG.normal(size=(50_000, 10))).to_csv(path, index=False, header=[f"c{i}" for i in range(10)])
    plain = min(seconds(lambda: pd.read_csv(path)) for _ in range(3))
    ours: list[float] = []
    record = tmp_path / "cache" / "own"

    def forgotten() -> None:
        for remembered_card in record.glob("*"):
            remembered_card.unlink()
        ours.append(seconds(lambda: card_of(f"csv:{path}")))

    benchmark.pedantic(forgotten, rounds=3)
    benchmark.extra_info.update(pandas_seconds=plain, card_seconds=min(ours))
    assert min(ours) < 12 * plain
