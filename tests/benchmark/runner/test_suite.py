"""Suite files: what is refused when they are read, and what a budget of processor time means on a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from genbench.errors import UsageError
from genbench.plugin.discovery import load_registry
from genbench.runner.planning import Request, make_plan
from genbench.runner.suite import load_suite

TEXT = """summary = "s"
budget = "2cpu-s"
sampling_seconds = {sampling_seconds}
seeds = 1
samples = 50
importance_samples = 1
models = ["vae"]
datasets = ["ring8"]
"""


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_sampling_seconds_that_are_no_number_of_seconds_are_refused(tmp_path: Path, value: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TEXT.format(sampling_seconds=value))
    with pytest.raises(UsageError, match=f"sampling_seconds is {value}, expected a number of seconds"):
        load_suite(str(path))


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.format(sampling_seconds=5.0).encode())
    assert load_suite(str(path)).datasets == ("ring8",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x = " + "[" * 100_000, "nested too deeply"),
        ("x = " + "{a=" * 10_000, "nested too deeply"),
        ("seeds = " + "9" * 5_000, r"(Exceeds the limit|Integer value out of range|Object missing)"),
        ("#" * (2**20 + 1), "is larger than 1 MiB"),
        (
            TEXT.format(sampling_seconds=5.0).replace("seeds = 1", "seeds = 1000000000"),
            "at most 10,000 seeds",
        ),
        (TEXT.format(sampling_seconds=5.0).replace('"vae"', '"vae",' * 1_001), "1,000 names in a list"),
    ],
    ids=["arrays", "tables", "digits", "size", "seeds", "names"],
)
def test_no_text_is_a_traceback(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(UsageError, match=message) as caught:
        load_suite(str(path))
    assert len(str(caught.value)) < 500


def test_all_missing_fields_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('summary = "s"\nseeds = 1\n')
    words = (
        "misses budget, sampling_seconds, samples, importance_samples; docs/suites.md describes each field"
    )
    with pytest.raises(UsageError, match=words):
        load_suite(str(path))


@pytest.mark.parametrize(("device", "budget"), [("cpu", "2cpu-s"), ("cuda", "2s")])
def test_a_suites_processor_time_is_wall_time_on_a_gpu(tmp_path: Path, device: str, budget: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TEXT.format(sampling_seconds=5.0))
    request = Request(suite=load_suite(str(path)), device=device)
    plan = make_plan(request, load_registry(), ["genai-bench"])
    assert {job.budget for job in plan.jobs} == {budget}
