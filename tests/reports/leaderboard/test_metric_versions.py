"""Values of two versions of a metric never share a column."""

from __future__ import annotations

from jobs import make_job

from genbench.records.result import MetricValue, Result
from genbench_reports.leaderboard.build_boards import build_boards
from genbench_reports.leaderboard.metric_versions import OTHER_VERSION, of_one_version


def result(model: str, version: str | None, finished: str = "1", **fields: object) -> Result:
    job = make_job(model, **fields)
    metric = MetricValue(
        name="frechet_distance", value=1.0, unit="", better="lower", stderr=0.1, real=2.0, version=version
    )
    likelihood = MetricValue(
        name="negative_log_likelihood", value=3.0, unit="nats", better="lower", kind="exact"
    )
    return Result(
        id=job.id,
        status="ok",
        job=job,
        metrics=[metric, likelihood],
        last_metrics=[metric],
        provenance={"finished": finished},
    )


def values(results: list[Result]) -> list[float | None]:
    return [each.metrics[0].value for each in results]


def test_the_rarer_version_is_missing_with_a_note() -> None:
    results = of_one_version([result("a", "new"), result("b", "old"), result("c", "new")])
    assert values(results) == [1.0, None, 1.0]
    odd = results[1].metrics[0]
    assert (odd.stderr, odd.real, odd.note) == (None, None, OTHER_VERSION)
    assert results[1].last_metrics is not None
    assert results[1].last_metrics[0].value is None
    assert [each.metrics[1].value for each in results] == [3.0, 3.0, 3.0]


def test_of_two_equally_frequent_versions_the_latest_counts() -> None:
    assert values(of_one_version([result("a", "y", "2"), result("b", "x", "1")])) == [1.0, None]
    assert values(of_one_version([result("a", "y", "1"), result("b", "x", "2")])) == [None, 1.0]


def test_old_records_without_versions_stay() -> None:
    results = [result("a", None), result("b", None)]
    assert of_one_version(results) == results
    apart = [result("a", None, protocol="1.1"), result("b", "new")]
    assert of_one_version(apart) == apart


def test_a_board_shows_one_version() -> None:
    results = [result("a", "new"), result("b", "old"), result("c", "new")]
    (board,) = build_boards(results, {}, {})
    shown = {row.label: row.values["frechet_distance"].mean for row in board.rows}
    assert shown == {"a": 1.0, "b": None, "c": 1.0}
