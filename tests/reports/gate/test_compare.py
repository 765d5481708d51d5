"""`baseline` and `compare` on hand-made runs: what counts, what is refused, and the exit codes, by the command line."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genbench.cli.main import run_command_line
from genbench.records.audit import Audit, AuditCheck
from genbench.records.result import Cost, Result
from genbench.records.run_folder import Run

Make = Callable[..., Result]
Store = Callable[..., Run]
NOISE = (0.00, 0.02, -0.01, 0.015, -0.02)


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


@pytest.fixture
def rows(result: Make) -> Callable[..., list[Result]]:
    """Five seeds of one model on one data set, around a level of each metric."""

    def make(
        model: str = "vae",
        *,
        level: float = 1.0,
        noise: Sequence[float] = NOISE,
        budget: str = "500steps",
        provenance: dict[str, Any] | None = None,
        cost: Cost | None = None,
        names: Sequence[str] = ("frechet_distance", "bits_per_dim"),
        kind: str = "exact",
        **fields: Any,
    ) -> list[Result]:
        made = [
            result(
                model,
                seed=seed,
                figures=dict.fromkeys(names, level * (1 + each)),
                budget=budget,
                kind=kind,
                cost=cost,
                **fields,
            )
            for seed, each in enumerate(noise)
        ]
        return [
            msgspec.structs.replace(
                each,
                provenance={
                    **each.provenance,
                    "workers": 2,
                    "probe_seconds": 0.002,
                    "probe_version": 1,
                    **(provenance or {}),
                },
            )
            for each in made
        ]

    return make


@pytest.fixture
def gate(
    stored_run: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Exit code and output of `compare`, of results against results, the baseline by way of its file."""

    numbers = itertools.count()

    def compare(one: list[Result], other: list[Result], *options: str) -> tuple[int, str]:
        places = [stored_run(side, f"run-{next(numbers)}").folder for side in (one, other)]
        assert command("baseline", str(places[0]), "-o", str(tmp_path / "base.json")) == 0
        capsys.readouterr()
        code = command("compare", str(tmp_path / "base.json"), str(places[1]), *options)
        said = capsys.readouterr()
        return code, said.out + said.err

    return compare


Rows = Callable[..., list[Result]]
Gate = Callable[..., tuple[int, str]]


def command(*arguments: str) -> int:
    return run_command_line(list(arguments))


def test_equal_runs_are_equal_to_rounding(rows: Rows, gate: Gate) -> None:
    code, said = gate(rows(), rows(level=1 + 1e-8))
    assert code == 0
    assert "2 unchanged (2 of them equal to rounding)" in said
    assert "✓ no regression" in said


def test_a_change_past_threshold_and_test_is_a_regression_and_its_opposite_an_improvement(
    rows: Rows, gate: Gate
) -> None:
    code, said = gate(rows(), rows(level=1.5))
    assert code == 1
    assert "2 values got worse: vae on tiny-image (2)" in said
    assert "50 % worse" in said
    code, said = gate(rows(), rows(level=0.6))
    assert code == 0
    assert "2 values got better" in said


def test_neither_threshold_nor_test_alone_makes_a_regression(rows: Rows, gate: Gate) -> None:
    names = ("frechet_distance",)
    code, _ = gate(rows(names=names), rows(names=names, level=1.08))  # certain, and below 10 %
    assert code == 0
    wild = (0.0, 0.9, -0.6, 0.8, -0.7)
    code, said = gate(rows(names=names, noise=wild), rows(names=names, noise=wild[::-1], level=1.5))
    assert code == 0
    assert "Past its threshold, but not to be told from chance (1)" in said


def test_thresholds_are_set_on_the_command_line(rows: Rows, gate: Gate) -> None:
    one, other = rows(names=("frechet_distance",)), rows(names=("frechet_distance",), level=1.08)
    assert gate(one, other)[0] == 0
    assert gate(one, other, "--threshold", "frechet_distance=5%")[0] == 1
    assert gate(one, other, "--threshold", "quality=5%")[0] == 1
    assert gate(one, other, "--threshold", "quality=5%", "--alpha", "1e-12")[0] == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"budget": "1000steps"}, "budget 500steps in the baseline, 1000steps now"),
        ({"dataset_version": "2"}, "dataset version 1 in the baseline, 2 now"),
        ({"samples": 50}, "samples 100 in the baseline, 50 now"),
        ({"protocol": "9.9"}, "protocol 2.0 in the baseline, 9.9 now"),
    ],
)
def test_other_data_and_other_compute_are_refused_with_the_reason(
    change: dict[str, Any], reason: str, rows: Rows, gate: Gate
) -> None:
    code, said = gate(rows(), rows(level=2.0, **change))
    assert code == 3
    assert reason in said
    assert "nothing could be compared" in said


def test_kinds_extractors_and_n_are_refused_one_by_one(rows: Rows, gate: Gate) -> None:
    code, said = gate(rows(), rows(level=9.0, kind="lower bound (IWAE-100)"))
    assert code == 1  # the Fréchet distance
    assert "kind exact in the baseline, lower bound (IWAE-100) now" in said
    changed = [
        msgspec.structs.replace(
            each,
            metrics=[msgspec.structs.replace(m, extractor="other:99", n=50) for m in each.metrics],
        )
        for each in rows(level=9.0)
    ]
    code, said = gate(rows(), changed)
    assert code == 3
    assert "extractor pca:1234 in the baseline, other:99 now" in said


def test_the_gap_of_an_annealed_likelihood_is_no_other_kind(rows: Rows, gate: Gate) -> None:
    one = rows(kind="AIS estimate (gap 0.30 nats)", ais_examples=16)
    code, said = gate(one, rows(kind="AIS estimate (gap 0.41 nats)", ais_examples=16))
    assert (code, "2 of them equal to rounding" in said) == (0, True)
    code, said = gate(
        one, rows(kind="AIS estimate (gap 0.41 nats)", ais_examples=32, names=("bits_per_dim",))
    )
    assert "ais examples 16 in the baseline, 32 now" in said


SLOW = Cost(samples_per_second=1000.0, flops_per_step=1e6, train_peak_rss_bytes=100 * 2**20)


def test_times_are_brought_to_the_baselines_machine(rows: Rows, gate: Gate) -> None:
    """Half the speed is a regression; on a machine that is slower itself, a smaller one."""
    half = msgspec.structs.replace(SLOW, samples_per_second=500.0)
    code, said = gate(rows(cost=SLOW), rows(cost=half))
    assert code == 1
    assert "50 % worse" in said
    third = msgspec.structs.replace(SLOW, samples_per_second=300.0)
    code, said = gate(rows(cost=SLOW), rows(cost=third, provenance={"probe_seconds": 0.0028}))
    assert code == 1
    assert "58 % worse" in said
    assert "ran its probe 29 % slower" in said
    code, said = gate(rows(cost=SLOW), rows(cost=half, provenance={"probe_seconds": 0.004}))
    assert code == 0
    assert "ran its probe 2 times slower" in said


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"cpu": "Other CPU"}, "hardware Some CPU, 2 cores, 2 workers in the baseline, Other CPU"),
        ({"workers": 1}, "2 cores, 1 workers now"),
        ({"probe_seconds": None}, "the current run has no probe"),
        ({"probe_version": 2}, "probes of the machines are of different versions"),
    ],
)
def test_times_of_other_hardware_are_refused_and_memory_is_not(
    change: dict[str, Any], reason: str, rows: Rows, gate: Gate
) -> None:
    worse = Cost(samples_per_second=10.0, flops_per_step=1e6, train_peak_rss_bytes=100 * 2**20)
    code, said = gate(rows(cost=SLOW), rows(cost=worse, provenance=change))
    assert code == 0
    assert reason in said
    fat = Cost(samples_per_second=10.0, flops_per_step=1e6, train_peak_rss_bytes=200 * 2**20)
    code, said = gate(rows(cost=SLOW), rows(cost=fat, provenance=change))
    assert code == 1
    assert "100 % worse" in said


def test_seconds_of_other_hardware_refuse_quality_too(rows: Rows, gate: Gate) -> None:
    code, said = gate(rows(budget="10s"), rows(budget="10s", level=2.0, provenance={"cpu": "Other CPU"}))
    assert code == 3
    assert "trained for seconds, and hardware" in said


def test_what_is_counted_needs_no_test(rows: Rows, gate: Gate) -> None:
    more = msgspec.structs.replace(SLOW, flops_per_step=1.05e6)
    code, said = gate(rows(cost=SLOW, noise=(0.0,)), rows(cost=more, noise=(0.0,)))
    assert code == 1
    assert "counted, not measured" in said


def test_a_job_that_fails_now_is_a_regression_and_one_that_failed_before_is_not(
    rows: Rows, result: Make, gate: Gate
) -> None:
    sound = rows()
    dead = result("gan", status="diverged", reason="loss is nan", budget="500steps")
    code, said = gate([*sound, *rows("gan")], [*sound, *rows("gan")[1:], dead])
    assert code == 1
    assert "fails now" in said
    assert "diverged: loss is nan" in said
    code, said = gate([*sound, dead], [*sound, dead])
    assert code == 2
    assert "1 job failed" in said
    code, said = gate(sound, [*sound, dead])
    assert code == 2
    assert "new and fails" in said
    code, said = gate([*sound, dead], [*sound, *rows("gan", noise=(0.0,))])
    assert code == 0
    assert "recovered" in said


def test_missing_jobs_are_named_and_allowed_on_request(rows: Rows, gate: Gate) -> None:
    code, said = gate([*rows(), *rows("gan")], rows())
    assert code == 1
    assert "missing: gan on tiny-image" in said
    assert gate([*rows(), *rows("gan")], rows(), "--allow-missing")[0] == 0
    code, said = gate(rows(), [*rows(), *rows("gan")])
    assert code == 0
    assert "new" in said


def test_planned_jobs_without_a_result_are_missing(
    rows: Rows, stored_run: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = stored_run(rows(), "one"), stored_run(rows(), "other")
    other.result_path(other.plan.jobs[2]).unlink()
    assert command("compare", str(one.folder), str(other.folder)) == 1
    assert "planned, without a result" in capsys.readouterr().out


def test_a_value_that_is_gone_is_a_regression(rows: Rows, gate: Gate) -> None:
    code, said = gate(rows(), rows(names=("frechet_distance",)))
    assert code == 1
    assert "the current run does not have it" in said
    assert gate(rows(), rows(names=("frechet_distance",)), "--allow-missing")[0] == 0


def test_an_audit_that_fails_now_is_a_regression(rows: Rows, gate: Gate) -> None:
    wrong = AuditCheck(name="total", passed=False, detail="sums to 1.2")
    broken = [
        msgspec.structs.replace(each, audit=Audit(likelihood="log_prob", checks=(wrong,))) for each in rows()
    ]
    code, said = gate(rows(), broken)
    assert code == 1
    assert "sums to 1.2" in said


def test_a_larger_baseline_is_no_loss(rows: Rows, gate: Gate) -> None:
    many = (*NOISE, 0.01, -0.015, 0.005, 0.012, -0.008)
    assert gate(rows(noise=many), rows())[0] == 0
    assert gate(rows(noise=many), rows(noise=(0.3, 0.31, 0.29)))[0] == 1


def test_a_folder_that_was_run_again_is_judged_by_what_ran_last(rows: Rows, gate: Gate) -> None:
    """The results from before a default changed lie in the same folder, and would be equal to the bit."""
    first, then = ({"time": f"2026-01-0{day}T00:00:00+00:00"} for day in (2, 3))
    before = rows(provenance=first, hyperparameters={"rate": 1.0})
    after = rows(provenance=then, hyperparameters={"rate": 0.1}, level=2.0)
    for again in ([*before, *after], [*after, *before]):
        code, said = gate(before, again)
        assert code == 1
        assert "Older results of vae on tiny-image in the current run are left out" in said
        assert "settings: rate of vae 1.0 → 0.1 on tiny-image" in said


def test_every_kind_of_side_reads_the_same(
    rows: Rows, stored_run: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(stored_run(rows()).folder)
    base, records = str(tmp_path / "base.json"), str(tmp_path / "records.json")
    assert command("baseline", folder, "-o", base) == 0
    assert command("report", folder, "--format", "json", "-o", records) == 0
    for one in (folder, base, records):
        for other in (folder, base, records):
            capsys.readouterr()
            assert command("compare", one, other) == 0
            assert "2 unchanged (2 of them equal to rounding)" in capsys.readouterr().out


def test_the_file_is_stable_and_has_a_line_per_value(rows: Rows, stored_run: Store, tmp_path: Path) -> None:
    folder = str(stored_run(rows()).folder)
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path in paths:
        assert command("baseline", folder, "-o", str(path)) == 0
    assert paths[0].read_text() == paths[1].read_text()
    record = json.loads(paths[0].read_text())
    assert record["schema"] == 1
    lines = [line for line in paths[0].read_text().splitlines() if '"frechet_distance"' in line]
    assert len(lines) == 1
    assert '"4":[0.98' in lines[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no"),
        ("{", "cannot be read"),
        ("{}", "is no baseline"),
        ('{"schema": 99, "groups": []}', "baseline schema 99, this version reads 1"),
        ("[1, 2]", "cannot be read"),
        ("\x00\xff", "cannot be read"),
    ],
)
def test_files_that_are_no_baseline_are_refused(
    content: str | None,
    message: str,
    rows: Rows,
    stored_run: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "broken.json"
    if content is not None:
        path.write_text(content)
    assert command("compare", str(path), str(stored_run(rows()).folder)) == 4
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) <= 2


def test_usage(rows: Rows, gate: Gate, stored_run: Store, result: Make, tmp_path: Path) -> None:
    assert gate(rows(), rows(), "--format", "pdf")[0] == 4
    assert gate(rows(), rows(), "--threshold", "nothing=5%")[0] == 4
    dead = stored_run([result("gan", status="oom", reason="memory")], "dead")
    assert command("baseline", str(dead.folder), "-o", str(tmp_path / "x.json")) == 4
    assert not (tmp_path / "x.json").exists()
