"""What samples cost: latency, throughput, FLOPs; and quality against the sampler's steps."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import langevin
import pytest
import torch
from jobs import VALUES, make_job
from torch import Tensor

from genbench.api.cards import DatasetCard, ModelCard
from genbench.measure import speed
from genbench.measure.memory import PeakMemory
from genbench.measure.sampling_cost import FLOPS_BATCH, Drawing, SamplingBench
from genbench.measure.speed import Latency, ThroughputSearch, sample_latency
from genbench.records.result import Result
from genbench.records.task import Task
from genbench.testing import check_model

CPU = torch.device("cpu")
MIB = 2**20


# ---- latency


def test_percentiles_are_those_of_the_calls() -> None:
    durations = [float(i) for i in range(100, 0, -1)]
    assert Latency.of(durations) == Latency(statistics.median(durations), 95.0, 100)
    # with nineteen calls the 95th percentile would be the slowest one
    assert Latency.of(durations[:19]) == Latency(91.0, None, 19)
    assert Latency.of(durations[:20]).p95_seconds == 99.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """A clock that the test moves."""
    now = [0.0]
    monkeypatch.setattr(speed, "synchronised_clock", lambda device: now[0])
    return now  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("call_seconds", "repeats", "calls"),
    [
        (0.001, 100, 101),  # fast: all of them, after a warm-up call
        (0.125, 4, 5),  # slow: as many as fit
        (2.0, 1, 1),  # slower than the whole time: once
    ],
)
def test_slow_samplers_are_cut_short_and_it_is_recorded(
    clock: list[float], call_seconds: float, repeats: int, calls: int
) -> None:
    made: list[int] = []

    def sample_one() -> Tensor:
        made.append(1)
        clock[0] += call_seconds
        return torch.zeros(1)

    latency = sample_latency(sample_one, CPU, 0.5)
    assert (latency.repeats, len(made)) == (repeats, calls)
    assert latency.p50_seconds == pytest.approx(call_seconds)


# ---- throughput


def search_with(
    clock: list[float], seconds_of: Callable[[int], float], **changes: object
) -> ThroughputSearch:
    def sample(batch: int) -> Tensor:
        clock[0] += seconds_of(batch)
        return torch.zeros(1)

    settings: dict[str, object] = {"start": 64, "largest": 2**14, "seconds": 10.0, "limit_bytes": 2**40}
    search = ThroughputSearch(sample, CPU, PeakMemory(CPU), **{**settings, **changes})  # type: ignore[arg-type]
    search.run(seconds_of(64))
    return search


@pytest.mark.parametrize("best", [1, 16, 64, 1024])
def test_the_best_batch_is_found_by_climbing_either_way(clock: list[float], best: int) -> None:
    # a fixed cost per call, and one that grows with the square: cheapest if they are equal
    search = search_with(clock, lambda batch: 1e-4 * (1 + (batch / best) ** 2), seconds=100.0)
    assert search.best.batch == best
    assert search.best.samples_per_second == pytest.approx(best / 2e-4)
    assert search.note == ""
    tried = [point.batch for point in search.points]
    assert all(batch & (batch - 1) == 0 for batch in tried)
    assert len(tried) == len(set(tried)) <= 9


def test_the_search_keeps_to_its_time(clock: list[float]) -> None:
    search = search_with(clock, lambda batch: 1e-2 * batch**0.5, seconds=1.0)
    assert clock[0] <= 1.0
    assert search.note.startswith("1 s were too short to try")
    assert search.best.repeats >= 1


def test_a_batch_that_might_not_fit_is_not_tried(clock: list[float]) -> None:
    kept: list[Tensor] = []

    def seconds_of(batch: int) -> float:
        kept[:] = [torch.ones(batch, MIB // 64)]  # 1 MiB for 16 samples
        return 1e-4

    search = search_with(clock, seconds_of, limit_bytes=200 * MIB)
    assert search.note == f"a batch of {2 * search.points[-1].batch} might not have fitted into memory"
    assert search.best.batch // 16 <= 100


def test_a_batch_that_fails_ends_the_search_and_not_the_job(clock: list[float]) -> None:
    def seconds_of(batch: int) -> float:
        if batch > 256:
            raise RuntimeError("out of memory")
        return 1e-3

    search = search_with(clock, seconds_of)
    assert search.note == "RuntimeError at a batch of 512"
    assert search.best.batch == 256


def test_no_batch_is_larger_than_the_largest_allowed(clock: list[float]) -> None:
    search = search_with(clock, lambda batch: 1e-3, largest=300)
    assert (search.best.batch, search.note) == (256, "300 is the largest batch that may be drawn at once")


def test_without_time_the_throughput_is_that_of_the_scored_samples(clock: list[float]) -> None:
    bench = SamplingBench(lambda size: torch.zeros(size), CPU, PeakMemory(CPU), 20.0, 1000, 2**40)
    (point,) = bench.throughput(Drawing(count=1500, batch=1000, seconds=30.0)).points
    assert (point.batch, point.repeats, point.samples_per_second) == (1000, 2, 50.0)


def test_flops_are_not_counted_if_it_would_take_too_long() -> None:
    bench = SamplingBench(lambda size: torch.eye(3) @ torch.eye(3), CPU, PeakMemory(CPU), 20.0, 10, 2**40)
    assert bench.flops_per_sample(0.1) == 2 * 27 / FLOPS_BATCH
    assert bench.flops_per_sample(0.6) is None


# ---- by real workers

CARD = DatasetCard(
    spec=langevin.SPEC,
    summary="two hills",
    sizes=(200, 200, 200),
    splits="in order",
    source="made up",
    licence="CC0",
    citation="none",
    factory="langevin:two_hills",
)
Execute = Callable[..., list[Result]]


def task_of(model: str, folder: Path, **changes: object) -> Task:
    job = make_job(model, dataset="two-hills", samples=200, **changes)
    return Task(
        job=job,
        model_factory=f"langevin:{model}",
        dataset=CARD,
        extractor=VALUES,
        metrics=[],
        samples_path=str(folder / "jobs" / job.id / "samples.safetensors"),
    )


def test_the_model_keeps_the_contract() -> None:
    card = ModelCard(
        name="langevin",
        family="energy",
        summary="a mixture sampled by Langevin dynamics",
        factory="langevin:LangevinMixture",
        modalities=("points",),
        capabilities=("sample", "sampling_steps"),
        discrete=False,
    )
    check_model(card, langevin.SPEC)


def test_quality_against_sampling_steps_is_recorded(execute: Execute, tmp_path: Path) -> None:
    (result,) = execute(task_of("LangevinMixture", tmp_path))
    assert result.status == "ok", result.reason
    points = result.sampling_curve
    assert [(point.steps, point.n, point.note) for point in points] == [
        (1, 200, None),
        (4, 200, None),
        (32, 200, None),
    ]
    # two products of (N, 3) by (3, 2) per step
    assert [point.flops_per_sample for point in points] == [24.0 * steps for steps in (1, 4, 32)]
    distances = [point.metrics[0].value for point in points]
    assert [point.metrics[0].name for point in points] == ["frechet_distance"] * 3
    assert distances[0] > 2 * distances[1] > 4 * distances[2]  # type: ignore[operator]
    assert all(point.seconds_per_sample for point in points)
    cost = result.cost
    assert cost.flops_per_sample == 24 * 32  # with the sampler's default number of steps
    assert cost.sample_latency_repeats is not None
    assert 1 <= cost.sample_latency_repeats <= 100
    assert cost.sample_latency_seconds is not None
    assert cost.sample_latency_seconds > 0
    # with too few repeats, as on a busy machine, there is no 95th percentile
    assert (cost.sample_latency_p95_seconds or float("inf")) >= cost.sample_latency_seconds
    assert cost.samples_per_second == max(point.samples_per_second for point in cost.throughput)
    assert cost.sample_batch in {point.batch for point in cost.throughput}
    assert cost.train_peak_device_bytes is cost.sample_peak_process_device_bytes is None
    assert cost.flops_per_step == cost.flops / cost.steps  # type: ignore[operator]
    # on this machine: a value or the reason
    assert (cost.train_energy_joules is None) == (cost.energy_note is not None)


def test_a_curve_keeps_to_its_budget_and_says_what_is_missing(execute: Execute, tmp_path: Path) -> None:
    began = time.monotonic()
    (result,) = execute(task_of("SlowLangevin", tmp_path, sampling_seconds=0.96))
    assert result.status == "ok", result.reason
    first, second, third = result.sampling_curve
    assert first.metrics
    assert (second.note, third.metrics) == (None, [])  # 0.2 s and 0.8 s: the second uses up the budget
    assert third.note == "the sampling budget of this curve, 0.96 s, was used up"
    assert time.monotonic() - began < 60


def test_a_point_far_beyond_the_budget_is_not_begun(execute: Execute, tmp_path: Path) -> None:
    """32 steps of 0.2 s in one call, which only the end of the job could stop."""
    (result,) = execute(task_of("SlowLangevin", tmp_path, sampling_seconds=3.2))
    assert result.status == "ok", result.reason
    last = result.sampling_curve[-1]
    assert last.metrics == []
    assert (last.note or "").startswith("would take about ")


def test_a_slow_first_call_does_not_stop_the_curve(execute: Execute, tmp_path: Path) -> None:
    """The first call takes 0.5 s for one step; at that pace 32 steps would take 16 s of a budget of 2 s."""
    (result,) = execute(task_of("SlowFirstCall", tmp_path, sampling_seconds=2.0))
    assert result.status == "ok", result.reason
    assert [bool(point.metrics) for point in result.sampling_curve] == [True, True, True]


def test_a_setting_that_diverges_costs_its_point(execute: Execute, tmp_path: Path) -> None:
    (result,) = execute(task_of("ExplodesWithFewSteps", tmp_path))
    assert result.status == "ok", result.reason
    assert [point.note for point in result.sampling_curve] == [
        "200 of 200 samples are not finite",
        None,
        None,
    ]


def test_a_model_whose_flops_cannot_be_counted_loses_only_its_flops(execute: Execute, tmp_path: Path) -> None:
    (result,) = execute(task_of("FailsUnderTheCounter", tmp_path))
    assert result.status == "ok", result.reason
    assert result.cost.flops_per_sample is None
    assert [point.flops_per_sample for point in result.sampling_curve] == [None] * 3
    log = (tmp_path / "jobs" / result.id / "log.txt").read_text()
    assert "compiled code cannot be traced" in log


def test_energy_that_workers_share_is_not_one_jobs(execute: Execute, tmp_path: Path) -> None:
    import msgspec

    from genbench.measure.energy import POWERCAP

    task = msgspec.structs.replace(task_of("LangevinMixture", tmp_path), workers=2)
    (result,) = execute(task)
    assert result.cost.train_energy_joules is None
    expected = "2 workers shared" if any(POWERCAP.glob("intel-rapl:*")) else "this machine has no RAPL"
    assert expected in (result.cost.energy_note or "")
