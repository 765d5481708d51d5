"""What one job's record says of its costs."""

from __future__ import annotations

from genbench.records.result import Cost, MetricValue, SamplingPoint, ThroughputPoint
from genbench_reports.leaderboard.costs import cost_facts, sampling_curve, throughput


def test_facts_are_those_that_were_measured() -> None:
    assert cost_facts(Cost()) == {}
    cost = Cost(
        parameters=51_914,
        sample_batch=4096,
        sample_latency_seconds=70e-6,
        sample_latency_p95_seconds=79e-6,
        flops_per_step=33.2e6,
        flops_per_sample=53_200,
        train_peak_process_device_bytes=2**30,
        throughput_note="more would pass the memory\x1b[31m limit",
        bound_by="seconds",
        wall_seconds_by_phase={"load": 0.25},
    )
    facts = cost_facts(cost)
    assert facts["parameters"] == "51.9k"
    assert (facts["latency"], facts["p95"], facts["best batch"]) == ("70 µs", "79 µs", "4,096")
    assert (facts["FLOPs/step"], facts["FLOPs/sample"]) == ("33.2M", "53.2k")
    assert facts["GPU, this process"] == "1 GiB training, — sampling"
    assert "GPU reserved" not in facts
    assert "\x1b" not in facts["batches tried"]
    assert facts["wall time"] == "load 250 ms"


def test_energy_is_a_figure_with_its_source_or_a_reason() -> None:
    assert cost_facts(Cost(energy_note="no counters"))["energy"] == "unknown: no counters"
    measured = Cost(
        train_energy_joules=12.34, energy_source="RAPL package-0", energy_note="sampling: too short"
    )
    assert cost_facts(measured)["energy"] == "12.3 J training (RAPL package-0); sampling: too short"


def test_throughput_marks_the_best_batch() -> None:
    points = [ThroughputPoint(batch=b, repeats=3, samples_per_second=s) for b, s in ((256, 1e6), (2048, 2e6))]
    table = throughput(Cost(throughput=points, sample_batch=2048))
    assert [[cell.text for cell in row] for row in table.rows] == [["256", "1M", "3"], ["2,048", "2M", "3"]]
    assert [row[1].best for row in table.rows] == [False, True]


def test_quality_by_steps_of_the_sampler() -> None:
    figure = MetricValue(name="frechet_distance", value=1.5, stderr=0.1, unit="", better="lower")
    curve = [
        SamplingPoint(steps=5, n=100, seconds_per_sample=1e-3, metrics=[figure]),
        SamplingPoint(steps=50, n=0, note="out of the sampling budget"),
    ]
    table = sampling_curve(curve)
    assert [column.title for column in table.columns] == [
        "sampler steps",
        "time/sample",
        "frechet_distance",
        "note",
    ]
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["5", "1 ms", "1.50±0.10", "—"],
        ["50", "—", "—", "out of the sampling budget"],
    ]
