"""Reports for programs: JSON that reads back as the records, CSV that pandas reads, runs joined."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence

import msgspec
import pandas as pd
import pytest

from genbench.records.result import Cost, Result
from genbench.records.run_folder import Run
from genbench_reports.format.joined_runs import JoinedRuns
from genbench_reports.render import csv_rows
from genbench_reports.render.csv_rows import render_csv
from genbench_reports.render.json_records import render_json

Make = Callable[..., Result]
Store = Callable[..., Run]


def test_json_is_the_records(result: Make, stored_run: Store) -> None:
    results = [
        result("a", figures={"frechet_distance": 1.0, "bits_per_dim": None}),
        result("b", status="timeout", reason='ünïcode, "quotes" and\nlines'),
        result("c", status="unsupported"),
    ]
    text = render_json(stored_run(results))
    assert msgspec.json.decode(text, type=list[Result]) == results
    assert render_json(stored_run([], name="empty")).strip() == "[]"


def test_csv_has_a_row_for_each_figure_and_each_failure(result: Make, stored_run: Store) -> None:
    results = [
        result(
            "a",
            seed=3,
            figures={"frechet_distance": 0.123456789012345, "bits_per_dim": 2.0},
            cost=Cost(train_seconds=9.5, steps=120, wall_seconds_by_phase={"train": 9.6}),
            hyperparameters={"latent_dim": 8},
        ),
        result("b", status="killed", reason='SIGSEGV, "in" train\nat once'),
    ]
    text = render_csv(stored_run(results))
    headings = text.splitlines()[0].split(",")
    assert len(set(headings)) == len(headings)
    table = pd.read_csv(io.StringIO(text), dtype={"hyperparameters": str})
    assert table["model"].tolist() == ["a", "a", "b"]
    assert table["metric"].tolist()[:2] == ["frechet_distance", "bits_per_dim"]
    assert table["value"].tolist()[0] == 0.123456789012345
    assert table["seed"].tolist() == [3, 3, 0]
    assert table["wall_seconds_train"].tolist()[:2] == [9.6, 9.6]
    assert table["hyperparameters"].tolist() == ['{"latent_dim":8}'] * 2 + ["{}"]
    assert table["reason"].tolist()[2] == 'SIGSEGV, "in" train\nat once'
    assert table["status"].tolist() == ["ok", "ok", "killed"]
    assert set(table["commit"]) == {"0123456789abcdef"}


def test_csv_lets_each_result_go_once_it_is_written(
    result: Make, stored_run: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stored_run([result(name) for name in "abc"])
    handed_out = run.results()
    monkeypatch.setattr(run, "results", lambda: handed_out)
    left: list[int] = []

    def count(result: Result, phases: Sequence[str]) -> Iterator[str]:
        left.append(len(handed_out))
        return lines(result, phases)

    lines = csv_rows._lines
    heading = render_csv(stored_run([], name="empty"))
    expected = heading + "".join(line for each in handed_out for line in lines(each, []))
    monkeypatch.setattr(csv_rows, "_lines", count)
    assert render_csv(run) == expected
    assert left == [2, 1, 0]


def test_whole_numbers_stay_whole_beside_gaps(result: Make, stored_run: Store) -> None:
    results = [
        result("a", figures={"frechet_distance": 1.0}, cost=Cost(steps=120)),
        result("b", figures={"frechet_distance": 1.0}, cost=Cost()),
    ]
    lines = render_csv(stored_run(results)).splitlines()
    assert ",120," in lines[1]


def test_no_cell_of_csv_begins_a_formula_and_numbers_stay(result: Make, stored_run: Store) -> None:
    reasons = ["=1+1", "+1+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "-1.5", "fine"]
    records = [result(f"m{i}", status="killed", reason=reason) for i, reason in enumerate(reasons)]
    records.append(result("n", figures={"parzen_log_likelihood": -3.25}))
    rows = list(csv.reader(io.StringIO(render_csv(stored_run(records)), newline="")))
    cells = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert [row["reason"] for row in cells][:9] == [*(f"'{reason}" for reason in reasons[:7]), "-1.5", "fine"]
    assert cells[9]["value"] == "-3.25"
    for row in rows[1:]:
        for cell in row:
            assert cell in ("-1.5", "-3.25") or not cell.startswith(tuple("=+-@\t\r"))


def test_line_ends_within_a_cell_of_csv_are_quoted(result: Make, stored_run: Store) -> None:
    reasons = ["a\rb", "a\nb", "a\r\nb"]
    text = render_csv(stored_run([result(f"m{i}", status="killed", reason=r) for i, r in enumerate(reasons)]))
    for reason in reasons:
        assert f'"{reason}"' in text
    assert pd.read_csv(io.StringIO(text, newline=""))["reason"].tolist() == reasons


def test_joined_runs_count_a_job_once(result: Make, stored_run: Store) -> None:
    shared = result("a", seed=0, figures={"frechet_distance": 1.0})
    again = msgspec.structs.replace(shared, metrics=[])
    first = stored_run([shared], name="first")
    second = stored_run([again, result("a", seed=1, figures={"frechet_distance": 2.0})], name="second")
    joined = JoinedRuns([first, second])
    assert joined.repeated == 1
    assert [each.job.seed for each in joined.results()] == [0, 1]
    assert joined.results()[0].metrics == shared.metrics
    assert joined.log_path(joined.plan.jobs[1]).is_relative_to(second.folder)


def test_a_job_that_failed_to_run_in_one_is_taken_from_the_other(result: Make, stored_run: Store) -> None:
    record = result("a", figures={"frechet_distance": 1.0})
    first, second = stored_run([record], name="first"), stored_run([record], name="second")
    first.result_path(record.job).unlink()
    joined = JoinedRuns([first, second])
    assert joined.repeated == 0
    assert joined.results() == [record]
