"""A likelihood that fails its audit, from a real worker to every report: marked, without rank, never the best."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from jobs import TINY, make_task
from rich.console import Console

from genbench.api.cards import DatasetCard, MetricCard
from genbench.execution.local_executor import LocalExecutor
from genbench.plugin.registry import Registry
from genbench.records.audit import Audit, AuditCheck
from genbench.records.result import MetricValue, Result
from genbench.records.run_folder import Plan, Run
from genbench_reports.leaderboard.leaderboard import build_leaderboards
from genbench_reports.overview.document import Document, make_document
from genbench_reports.render.csv_rows import render_csv
from genbench_reports.render.job import print_record
from genbench_reports.render.json_records import render_json
from genbench_reports.render.markdown import document_markdown
from genbench_reports.render.terminal import print_document, print_metric

CHECKS = {
    "ClaimsTooMuch": "not over-claimed",
    "ClaimsTooLittle": "not under-claimed",
    "LooksAtTheBatch": "batch independence",
    "TakesNoSingleExample": "evaluation",
    "DividesTheBound": "importance samples",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One right model and the wrong ones, run by real workers and stored."""
    folder = tmp_path_factory.mktemp("audited")
    tasks = [make_task(model, folder, family="vae") for model in ("RightLikelihood", *CHECKS, "Good")]
    run = Run.create(folder / "run", Plan(suite="quick", jobs=[task.job for task in tasks]))
    executor = LocalExecutor(2)
    for result in executor.execute(tasks, lambda job: folder / job.id / "log.txt", lambda *_: None):
        run.store(result)
    return run


@pytest.fixture(scope="module")
def document(run: Run, registry: Registry) -> Document:
    known = Registry(hook=registry.hook, metrics=registry.metrics, datasets={TINY.name: TINY})
    return make_document(run, known)


def by_model(run: Run) -> dict[str, Result]:
    return {result.job.model: result for result in run.results()}


def screen(draw: Callable[[Console], None]) -> str:
    console = Console(file=io.StringIO(), width=250, highlight=False)
    draw(console)
    text = console.file
    assert isinstance(text, io.StringIO)
    return text.getvalue()


def test_the_record_says_which_check_failed(run: Run) -> None:
    results = by_model(run)
    assert {result.status for result in results.values()} == {"ok"}
    assert results["Good"].audit is None
    right = results["RightLikelihood"].audit
    assert right is not None
    assert right.passed, right.detail
    for model, name in CHECKS.items():
        audit = results[model].audit
        assert audit is not None
        check = audit.check(name)
        assert check is not None
        assert check.passed is False
        assert results[model].cost.wall_seconds_by_phase["audit"] >= 0


def test_tables_mark_what_fails_and_rank_it_nowhere(document: Document) -> None:
    (board,) = document.leaderboards.boards
    title = next(i for i, column in enumerate(board.main.columns) if column.title.startswith("NLL"))
    cells = {row[1].text: row[title] for row in board.main.rows}
    for model, name in CHECKS.items():
        cell = cells[model]
        assert cell.text.endswith(" ✗")
        assert not cell.best
        footnotes = [board.footnotes[note - 1] for note in cell.notes]
        assert any(
            f"{model} fails the audit of its likelihood: " in text and name in text for text in footnotes
        )
    assert "✗" not in cells["RightLikelihood"].text
    assert cells["Good"].text == "—"
    assert any(note.startswith("✗: the likelihood fails its audit") for note in board.notes)
    # exact likelihoods of two models or more would be ordered; only one of them is beyond doubt
    assert not any("best first" in note for note in board.notes)


def test_every_format_carries_the_mark(run: Run, document: Document) -> None:
    markdown = document_markdown(document, {})
    terminal = screen(lambda console: print_document(document, console))
    metric = screen(lambda console: print_metric(document, "negative_log_likelihood", console))
    for text in (markdown, terminal, metric):
        assert "ClaimsTooMuch fails the audit of its likelihood: not over-claimed: p(x) / q(x) over" in text
        assert text.count(" ✗") >= len(CHECKS)
    rows = {
        (row["model"], row["metric"]): row
        for row in csv.DictReader(io.StringIO(render_csv(run)))
        if row["metric"]
    }
    wrong = rows["ClaimsTooMuch", "negative_log_likelihood"]
    assert wrong["audit"] == "failed"
    assert wrong["doubt"].startswith("not over-claimed: ")
    right = rows["RightLikelihood", "negative_log_likelihood"]
    assert (right["audit"], right["doubt"]) == ("passed", "")
    read = {each.job.model: each for each in msgspec.json.decode(render_json(run), type=list[Result])}
    assert {model for model, result in read.items() if result.audit and not result.audit.passed} == set(
        CHECKS
    )


def test_a_job_shows_its_audit(run: Run) -> None:
    result = by_model(run)["LooksAtTheBatch"]
    shown = screen(lambda console: print_record(run, result.job, result, console))
    assert "audit of log_prob" in shown
    (line,) = [line for line in shown.splitlines() if "batch independence" in line]
    assert "failed ✗" in line
    assert "log_prob of an example changes by" in line
    (line,) = [line for line in shown.splitlines() if "finite values" in line]
    assert "passed" in line


# ---- made by hand


def audited(result: Result, *, passed: bool, likelihood: str = "log_prob") -> Result:
    check = AuditCheck(
        name="total", passed=passed, detail="sum of p over 625 points is 2, expected 1 ± 0.001"
    )
    return msgspec.structs.replace(result, audit=Audit(likelihood=likelihood, checks=(check,)))  # type: ignore[arg-type]


def test_a_likelihood_that_ranks_leaves_out_what_fails(
    result: Callable[..., Result], metric_cards: dict[str, MetricCard], dataset_cards: dict[str, DatasetCard]
) -> None:
    """Tokens have no other figure here: the likelihood is the headline."""
    figures = [("best", 1.0, False), ("second", 2.0, True), ("third", 3.0, True)]
    results = [
        audited(result(name, dataset="tiny-tokens", figures={"bits_per_dim": value}), passed=passed)
        for name, value, passed in figures
    ]
    (board,) = build_leaderboards(results, metric_cards, dataset_cards).boards
    ranks = {row[1].text: row[0].text for row in board.main.rows}
    assert ranks == {"second": "1", "third": "2", "best": "—"}
    (bests,) = [[row[1].text for row in board.main.rows if any(cell.best for cell in row)]]
    assert bests == ["second"]
    assert any("bits/dim, exact, best first: second, third." in note for note in board.notes)


def test_one_seed_of_several_is_enough_and_named(
    result: Callable[..., Result], metric_cards: dict[str, MetricCard], dataset_cards: dict[str, DatasetCard]
) -> None:
    results = [
        audited(result("vae", seed=seed, figures={"bits_per_dim": 1.0}), passed=seed != 2)
        for seed in range(3)
    ]
    (board,) = build_leaderboards(results, metric_cards, dataset_cards).boards
    ((row,),) = [board.main.rows]
    assert row[3].text == "= 1.000±0.000 ✗"
    assert board.footnotes == (
        "vae fails the audit of its likelihood: seed 2: total: sum of p over 625 points is 2, expected 1 ± 0.001",
    )


def test_estimates_of_the_harness_do_not_rest_on_the_audit(
    result: Callable[..., Result], figure: Callable[..., MetricValue]
) -> None:
    kinds = {"exact": True, "lower bound (IWAE-100)": True, "AIS estimate (gap 0.3)": False, None: False}
    wrong = audited(result("vae"), passed=False, likelihood="log_weights")
    for kind, doubted in kinds.items():
        metric = figure("bits_per_dim", 1.0, kind=kind)
        assert (wrong.doubt(metric) is not None) == doubted
    assert audited(result("vae"), passed=True).doubt(figure("bits_per_dim", 1.0)) is None


def test_records_from_before_audits_are_read(result: Callable[..., Result], tmp_path: Path) -> None:
    record = msgspec.to_builtins(result("vae", figures={"bits_per_dim": 1.0}))
    assert record.pop("audit") is None
    assert msgspec.convert(record, Result).audit is None

    # and an older reader takes no notice of what it does not know
    class Older(msgspec.Struct):
        id: str
        status: str

    assert (
        msgspec.json.decode(msgspec.json.encode(audited(result("vae"), passed=False)), type=Older).status
        == "ok"
    )
