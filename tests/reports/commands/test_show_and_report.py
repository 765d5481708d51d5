"""`show` and `report` on runs that lie on the disk, and what a finished run leaves."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from genbench.cli.main import run_command_line
from genbench.errors import RunFolderError
from genbench.plugin.discovery import load_registry
from genbench.plugin.registry import Registry
from genbench.records.result import CurvePoint, Result
from genbench.records.run_folder import Run
from genbench_reports.commands.finish_run import finish_run
from genbench_reports.format.text import log_tail
from genbench_reports.overview.document import make_document
from genbench_reports.render.terminal import print_document, print_metric

Make = Callable[..., Result]
Store = Callable[..., Run]


@pytest.fixture
def run(result: Make, stored_run: Store, figure: Callable[..., object]) -> Run:
    vae = result(
        "vae",
        dataset="digits",
        figures={"frechet_distance": 1.25, "bits_per_dim": 2.0},
        kind="lower bound (ELBO)",
        hyperparameters={"beta": 4},
        variant="vae:beta=4",
    )
    vae.curve.append(
        CurvePoint(fraction=0.5, seconds=5.0, steps=100, examples=6400, flops=1e9, losses={"loss": 0.5})
    )
    run = stored_run(
        [
            vae,
            result("gan", family="gan", dataset="digits", figures={"frechet_distance": 0.75}),
            result("gan", family="gan", dataset="ring8", figures={"sliced_wasserstein": 0.2}),
            result("dead", dataset="ring8", status="killed", reason="[bold]SIGSEGV[/bold] in train"),
        ]
    )
    run.log_path(vae.job).write_text("first line\n\x1b[31mlast line\x1b[0m\n")
    return run


def command(*arguments: str) -> int:
    return run_command_line(list(arguments))


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "250")


def test_show_prints_the_leaderboards(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("show", str(run.folder)) == 0
    output = capsys.readouterr().out
    for expected in (
        "digits",
        "ring8",
        "0.750",
        "≤ 2.000",
        "[bold]SIGSEGV[/bold] in train",
        "3 of 4 jobs ok",
    ):
        assert expected in output
    assert output.index("0.750") < output.index("1.250")


def test_show_one_data_set(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("show", str(run.folder), "-d", "ring8") == 0
    output = capsys.readouterr().out
    assert "ring8" in output
    assert "digits" not in output


def test_show_one_metric(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("show", str(run.folder), "--metric", "bits_per_dim") == 0
    output = capsys.readouterr().out
    assert "≤ 2.000" in output
    assert "ring8" not in output
    assert command("show", str(run.folder), "--metric", "recall") == 0
    assert "No result has a value of recall." in capsys.readouterr().out


def test_show_one_job(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    job = run.plan.jobs[0]
    for arguments in (("-m", "vae", "-d", "digits"), ("-m", "vae:beta=4"), ("--job", job.id[:6])):
        assert command("show", str(run.folder), *arguments) == 0
        output = capsys.readouterr().out
        for expected in (job.id, "beta=4", "frechet_distance", "1.250", "50%", "last line", "Some CPU"):
            assert expected in output, expected
        assert "\x1b[31m" not in output


def test_a_failed_job_shows_its_reason_as_text(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("show", str(run.folder), "-m", "dead") == 0
    assert "[bold]SIGSEGV[/bold] in train" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("-d", "digit"), "did you mean 'digits'?"),
        (("-m", "vea"), "did you mean 'vae'"),
        (("--metric", "recal"), "did you mean 'recall'?"),
        (("-m", "dead", "-d", "digits"), "has no job of dead on digits"),
        (("--job", "zzz"), "no job of"),
        (("--job", ""), "no job of"),
    ],
)
def test_unknown_names_are_one_line(
    run: Run, arguments: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("show", str(run.folder), *arguments) == 4
    shown = capsys.readouterr()
    assert expected in shown.err
    assert len(shown.err.strip().splitlines()) <= 2
    assert shown.out == ""


def test_folders_that_are_no_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for folder, expected in (
        (tmp_path / "absent", "holds no run"),
        (file, "is a file; expected a run's folder"),
    ):
        for name in ("show", "report"):
            assert command(name, str(folder)) == 4
            error = capsys.readouterr().err
            assert expected in error
            assert len(error.strip().splitlines()) <= 2


def test_reports_go_to_the_screen_or_to_a_file(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("md", "json", "csv"):
        assert command("report", str(run.folder), "--format", name) == 0
        printed = capsys.readouterr().out
        target = tmp_path / f"report.{name}"
        assert command("report", str(run.folder), "--format", name, "-o", str(target)) == 0
        assert target.read_text(encoding="utf-8") == printed
        assert "wrote" in capsys.readouterr().err
    assert len(json.loads((tmp_path / "report.json").read_text())) == 4
    assert (tmp_path / "report.md").stat().st_mode & 0o777 == 0o644


def test_reports_of_several_runs_are_joined(
    run: Run, result: Make, stored_run: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    other = stored_run([result("new", dataset="digits", figures={"frechet_distance": 0.1})], name="other")
    assert command("report", str(run.folder), str(other.folder), "--format", "json") == 0
    models = [record["job"]["model"] for record in json.loads(capsys.readouterr().out)]
    assert models == ["vae", "gan", "gan", "dead", "new"]


def test_bad_formats_and_places(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("report", str(run.folder), "--format", "mdd") == 4
    assert "did you mean 'md'?" in capsys.readouterr().err
    assert command("report", str(run.folder), "-o", str(tmp_path / "absent" / "x.md")) == 4
    assert "cannot write" in capsys.readouterr().err


def test_a_finished_run_leaves_two_files_and_the_leaderboard(run: Run) -> None:
    output = io.StringIO()
    finish_run(run, load_registry(), Console(file=output, width=200))
    assert "0.750" in (run.folder / "leaderboard.md").read_text()
    assert (run.folder / "results.csv").read_text().count("\n") == 1 + 5
    assert "0.750" in output.getvalue()
    assert not list(run.folder.glob(".leaderboard*"))


def test_a_narrow_screen_keeps_the_headline_and_names_what_it_left_out(run: Run, registry: Registry) -> None:
    output = io.StringIO()
    print_document(make_document(run, registry), Console(file=output, width=60))
    assert max(len(line) for line in output.getvalue().splitlines()) <= 60
    assert "Fréchet" in output.getvalue()
    assert "No room for " in output.getvalue()


def test_markup_in_names_stays_text(result: Make, stored_run: Store, registry: Registry) -> None:
    name = "[red]x[/red]"
    run = stored_run([result(name, figures={"frechet_distance": 1.0})])
    output = io.StringIO()
    document = make_document(run, registry)
    print_document(document, Console(file=output, width=200))
    print_metric(document, "frechet_distance", Console(file=output, width=200))
    assert output.getvalue().count(name) >= 3


def test_a_log_of_any_size_has_a_tail(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    assert log_tail(path) == []
    path.write_bytes(b"x" * 300_000 + b"\n  indented\n\xff\n")
    assert log_tail(path, lines=2) == ["  indented", "\ufffd"]


def test_show_does_not_import_torch(run: Run) -> None:
    script = (
        "import sys; from genbench.cli.main import run_command_line;"
        f"code = run_command_line(['show', {str(run.folder)!r}]); print('torch' in sys.modules, code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False 0"


def test_a_folder_that_cannot_be_written_costs_the_files_and_not_the_screen(run: Run) -> None:
    (run.folder / "leaderboard.md").mkdir()
    output = io.StringIO()
    with pytest.raises(RunFolderError, match=r"cannot write .*leaderboard.md: Is a directory"):
        finish_run(run, load_registry(), Console(file=output, width=200))
    assert "0.750" in output.getvalue()
