"""Times for pytest-benchmark: read by its own command, and summed up as its own class does."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_benchmark.stats import Stats

from genbench.errors import UsageError
from genbench.plugin.discovery import load_registry
from genbench.records.result import Cost, MetricValue, Result
from genbench.records.run_folder import Run
from genbench_reports.render.pytest_benchmark import render_pytest_benchmark, summary

Make = Callable[..., Result]
Store = Callable[..., Run]


@pytest.fixture
def run(result: Make, figure: Callable[..., MetricValue], stored_run: Store) -> Run:
    def cost(seconds: float, latency: float) -> Cost:
        return Cost(
            train_seconds=seconds, steps=100, sample_latency_seconds=latency, sample_latency_repeats=20
        )

    return stored_run(
        [
            result(
                "vae",
                seed=seed,
                dataset="digits",
                figures={"frechet_distance": 1.0 + seed, "bits_per_dim": 2.0},
                kind="lower bound (ELBO)",
                cost=cost(10.0 + seed, 0.002),
            )
            for seed in range(3)
        ]
        + [
            result(
                "gan",
                family="gan",
                dataset="digits",
                figures={"frechet_distance": 3.0},
                cost=cost(5.0, 0.001),
            ),
            result("gan", family="gan", dataset="digits", seed=1, status="timeout"),
            result("untimed", dataset="digits", figures={"frechet_distance": 9.0}),
            result("copier", family="baseline", dataset="digits", cost=cost(1.0, 0.1)),
        ]
    )


def test_times_are_in_seconds_and_quality_goes_with_them(run: Run) -> None:
    content = json.loads(render_pytest_benchmark(run, load_registry()))
    by_name = {each["name"]: each for each in content["benchmarks"]}
    assert set(by_name) == {
        f"{what}[{model}-digits]" for what in ("train_step", "sample_latency") for model in ("vae", "gan")
    }
    step = by_name["train_step[vae-digits]"]
    assert step["stats"]["data"] == [0.10, 0.11, 0.12]
    assert step["stats"]["mean"] == pytest.approx(0.11)
    assert (step["stats"]["rounds"], step["stats"]["iterations"]) == (3, 100)
    assert step["params"] == {"model": "vae", "dataset": "digits"}
    quality = step["extra_info"]["quality"]
    assert quality["frechet_distance"]["mean"] == pytest.approx(2.0)
    assert quality["bits_per_dim"]["kind"] == "lower bound (ELBO)"
    assert by_name["sample_latency[gan-digits]"]["stats"]["median"] == 0.001
    assert by_name["train_step[gan-digits]"]["extra_info"]["failed_seeds"] == [1]
    assert content["machine_info"]["cpu"]["brand_raw"] == "Some CPU"
    assert content["commit_info"] | {"id": "0123456789abcdef", "dirty": True} == content["commit_info"]


def test_the_real_compare_reads_it(run: Run, tmp_path: Path) -> None:
    path, table = tmp_path / "0001_run.json", tmp_path / "out.csv"
    path.write_text(render_pytest_benchmark(run, load_registry()))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest_benchmark",
            "compare",
            str(path),
            "--group-by",
            "group",
            f"--csv={table}",
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "train_step[vae-digits]" in done.stdout
    rows = {row["name"].partition("::")[2]: row for row in csv.DictReader(table.read_text().splitlines())}
    assert float(rows["train_step[vae-digits]"]["mean"]) == pytest.approx(0.11)
    assert rows["train_step[vae-digits]"]["rounds"] == "3"
    assert len(rows) == 4


@given(st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=15))
def test_rounds_are_summed_up_as_pytest_benchmark_does(seconds: list[float]) -> None:
    theirs = Stats()
    theirs.data.extend(seconds)
    ours = summary(seconds)
    assert ours.keys() == set(Stats.fields)
    for name in Stats.fields:
        if name != "outliers" and "outliers" not in name:
            assert ours[name] == pytest.approx(getattr(theirs, name), rel=1e-9, abs=1e-15), name


@given(st.lists(st.integers(1, 50).map(float), min_size=1, max_size=15))
def test_outliers_are_counted_alike(seconds: list[float]) -> None:
    theirs = Stats()
    theirs.data.extend(seconds)
    assert summary(seconds)["outliers"] == theirs.outliers


def test_two_machines_share_no_file(result: Make, stored_run: Store) -> None:
    first, second = (result("vae", seed=seed, dataset="digits") for seed in (0, 1))
    second = msgspec.structs.replace(second, provenance={**second.provenance, "cpu": "Another CPU"})
    with pytest.raises(UsageError, match="2 machines"):
        render_pytest_benchmark(stored_run([first, second]), load_registry())


def test_a_run_without_times_has_no_benchmarks(result: Make, stored_run: Store) -> None:
    run = stored_run([result("vae", dataset="digits")])
    assert json.loads(render_pytest_benchmark(run, load_registry()))["benchmarks"] == []
