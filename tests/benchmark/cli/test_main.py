"""The command line as its users meet it: bad input, exit codes, plans, lists, and what is not imported."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from genbench.cli import main as command_line
from genbench.cli.main import run_command_line
from genbench.plugin.discovery import load_registry

GOOD = ["run", "-m", "vae", "-d", "ring8", "--budget", "5steps"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "-m", "vaae", "-d", "ring8"], "unknown model 'vaae'; did you mean 'vae'?"),
        (["run", "-m", "vae", "-d", "ring9"], "unknown data set 'ring9'; did you mean 'ring8'?"),
        (["run", "--suite", "quik"], "unknown suite 'quik'; did you mean 'quick'?"),
        (["run", "--suite", "absent.toml"], "cannot read suite absent.toml: No such file"),
        (["run", "-m", "family:gann"], "unknown family 'gann'; did you mean 'gan'?"),
        (["run", "-m", "vae:laten_dim=3"], "unknown hyperparameter of vae 'laten_dim'; did you mean"),
        (["run", "-m", "vae:latent_dim=few"], "vae:latent_dim=few: expected an integer"),
        (
            ["run", "-m", f"vae:hidden={'1' * 300}"],
            "vae:hidden=11111111111111111111...: an integer beyond 64 bits",
        ),
        (["run", "-m", "vae:latent_dim"], "needs a value, as in latent_dim=16"),
        (["run", "-m", "dcgan", "-d", "ring8"], "dcgan takes image; ring8 is points"),
        (["run", "-m", "vae", "--budget", "30"], "cannot read budget '30'"),
        (["run", "-m", "vae", "--budget", "-1s"], "cannot read budget '-1s'"),
        (["run", "-m", "vae", "--budget", "1e99flops"], "beyond 1e+24 flops"),
        (["run", "-m", "vae", "--budget", ""], "cannot read budget ''"),
        (["run", "-m", "vae", "--shard", "3/2"], "--shard 3/2: expected I/N"),
        (["run", "-m", "vae", "--device", "tpu"], "--device tpu: expected auto, cpu or cuda"),
        (["run", "-m", "vae", "--executor", "lokal"], "unknown executor 'lokal'; did you mean 'local'?"),
        ([*GOOD, "--log", "tensorbord"], "unknown logger 'tensorbord'; did you mean 'tensorboard'?"),
        (
            [*GOOD, "--log", "mlflow:"],
            "--log mlflow:: nothing follows the colon; expected mlflow:TRACKING_URI",
        ),
        (["run", "-m", "vae", "--seeds", "0"], "--seeds"),
        (["run", "-m", "vae", "--sed", "3"], "--seeds"),
        (["run"], "what to run?"),
        (["list", "modles"], "unknown listing 'modles'; did you mean 'models'?"),
        (["lits"], "No such command 'lits'. Did you mean 'list'?"),
        (["xyzzy"], "No such command 'xyzzy'; see genai-bench --help"),
        (["list"], "Missing argument 'what'; see genai-bench list --help"),
        (["show", "/dev/null/x"], "cannot read /dev/null/x/run.json"),
        (["show", "absent"], "absent holds no run (no run.json)"),
    ],
)
def test_bad_input_gets_two_lines_at_most_and_exit_code_4(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run_command_line(arguments) == 4
    captured = capsys.readouterr()
    assert said in captured.err
    assert len(captured.err.strip().splitlines()) <= 2
    assert not (tmp_path / "runs").exists()


def test_run_folders_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.tex").write_text("mine")
    older = tmp_path / "older"
    older.mkdir()
    (older / "run.json").write_text('{"schema": 0, "protocol": "0.1"}')
    said = {
        file: "is a file; --out wants a folder",
        full: "is not empty and holds no run",
        older: "was written by another version (schema 0, protocol 0.1)",
        Path("/proc/genbench"): "cannot write to run folder /proc/genbench",
    }
    for folder, words in said.items():
        assert run_command_line([*GOOD, "--out", str(folder)]) == 4
        assert words in capsys.readouterr().err
    assert file.read_text() == (full / "thesis.tex").read_text() == "mine"


def test_a_file_in_place_of_a_jobs_folder_is_moved_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of it is lost, and nothing of the others."""
    command = ["run", "-m", "noise", "-m", "marginals", "-d", "ring8", "--out", "run"]
    assert run_command_line(command) == 0
    first, second = sorted(path.name for path in Path("run/jobs").iterdir())
    shutil.rmtree(f"run/jobs/{first}")
    Path(f"run/jobs/{first}").write_text("in the way")
    capsys.readouterr()
    assert run_command_line(command) == 0
    assert "1 job to run" in capsys.readouterr().out
    (aside,) = Path("run/jobs").glob(f"{first}.unreadable-*")
    assert aside.read_text() == "in the way"
    assert Path(f"run/jobs/{first}/result.json").exists()
    assert (tmp_path / "run" / "jobs" / second / "result.json").exists()
    assert run_command_line(["show", "run/run.json"]) == 4
    assert "run/run.json is a file; expected a run's folder" in capsys.readouterr().err


def test_a_suite_file_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text, words in {
        "budget = ": "suite bad.toml:",
        'summary = "s"\nbudget = "1s"\nspeed = 3': "suite bad.toml: Object contains unknown field `speed`",
        'summary = "s"\nbudget = "1s"\nseeds = 0\nsampling_seconds = 1.0\nsamples = 9\nimportance_samples = 1': (
            "seeds and importance_samples must be at least 1"
        ),
    }.items():
        Path("bad.toml").write_text(text)
        assert run_command_line(["run", "--suite", "bad.toml"]) == 4
        assert words in capsys.readouterr().err


def test_a_dry_run_shows_jobs_and_refusals_and_writes_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run_command_line(["run", "--all", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "vae on digits, seed 0, 10cpu-s" in shown
    assert "dcgan takes image; ring8 is points" in shown
    assert "pairs of model and data set are unsupported" in shown
    assert "jobs to run on" in shown
    assert "min" in shown.splitlines()[-2]  # about how long it takes
    assert not (tmp_path / "runs").exists()


def test_of_named_models_and_data_sets_what_fits_is_run_and_the_rest_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pairs = ["-m", "dcgan", "-m", "vae", "-d", "ring8", "-d", "digits"]
    assert run_command_line(["run", *pairs, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "dcgan on digits" in shown
    assert "vae on ring8" in shown
    assert "left out: dcgan takes image; ring8 is points" in shown


def test_under_all_an_impossible_pair_is_a_row_and_no_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    suite = tmp_path / "tiny.toml"
    suite.write_text(
        'summary = "two models, one data set"\nbudget = "5steps"\nsampling_seconds = 20.0\nseeds = 1\n'
        'samples = 50\nimportance_samples = 2\nmodels = ["vae", "dcgan"]\ndatasets = ["ring8"]\n'
    )
    assert run_command_line(["run", "--suite", str(suite), "--out", "run"]) == 0
    capsys.readouterr()
    assert run_command_line(["report", "run", "--format", "json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert {path.name for path in Path("run").iterdir()} >= {"run.json", "leaderboard.md", "results.csv"}
    assert {(r["job"]["model"], r["status"]) for r in records} == {("vae", "ok"), ("dcgan", "unsupported")}


def test_exit_codes_tell_failures_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # no memory to train in: every job fails, its row stays
    assert run_command_line([*GOOD[:-1], "500steps,1KiB", "--out", "fails"]) == 2
    shown = capsys.readouterr().out
    assert "oom" in shown
    assert "1 of 1 jobs failed" in shown
    # run again: nothing is left to do, and the failure still counts
    assert run_command_line([*GOOD[:-1], "500steps,1KiB", "--out", "fails"]) == 2
    assert "0 jobs to run" in capsys.readouterr().out


def test_nothing_to_run_is_an_exit_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    Path("none.toml").write_text(
        'summary = "nothing"\nbudget = "5steps"\nsampling_seconds = 20.0\nseeds = 1\nsamples = 50\n'
        'importance_samples = 2\nmodels = ["dcgan"]\ndatasets = ["ring8"]\n'
    )
    assert run_command_line(["run", "--suite", "none.toml"]) == 3


@pytest.mark.parametrize("what", ["models", "datasets", "sources", "metrics", "suites", "plugins"])
def test_lists_are_for_people_and_for_programs(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["list", what]) == 0
    people = capsys.readouterr().out
    assert run_command_line(["list", what, "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert records
    for record in records:
        assert record["name"] in people


def _genbench(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "genbench", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_doctor_says_what_there_is() -> None:
    done = _genbench("doctor", COLUMNS="200")
    assert done.returncode == 0, done.stdout
    for word in ("python", "torch", "threads", "device", "data cache", "all well"):
        assert word in done.stdout


def test_doctor_and_list_name_a_plugin_that_cannot_be_loaded(tmp_path: Path) -> None:
    """A distribution of its own on the path, whose module does not import."""
    metadata = tmp_path / "broken_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[genbench]\nbroken = broken_plugin\n")
    (tmp_path / "broken_plugin.py").write_text("import no_such_library\n")
    for arguments, code in ((["doctor"], 2), (["list", "plugins"], 0)):
        done = _genbench(*arguments, PYTHONPATH=str(tmp_path), COLUMNS="250")
        assert "broken" in done.stdout
        assert "No module named 'no_such_library'" in done.stdout
        assert "genbench_models" in done.stdout or "models" in done.stdout
        assert done.returncode == code
    blocked = _genbench("doctor", PYTHONPATH=str(tmp_path), GENBENCH_BLOCK_PLUGINS="broken", COLUMNS="250")
    assert blocked.returncode == 0, blocked.stdout


def test_doctor_sees_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    done = _genbench("doctor", GENBENCH_DATA="/proc/genbench", COLUMNS="250")
    assert done.returncode == 2
    assert "cannot be written; set GENBENCH_DATA" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [("list models --json", 0), ("list metrics", 0), ("--help", 0), ("run --all --dry-run", 0)],
)
def test_a_reader_that_goes_away_is_no_error(arguments: str, code: int) -> None:
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "genbench", *arguments.split()],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    os.close(reader)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (code, "")


def test_a_run_whose_reader_goes_away_ends_as_if_interrupted(tmp_path: Path) -> None:
    """What is finished by then is kept."""
    command = ["run", "-m", "noise", "-m", "made", "-d", "ring8", "--budget", "500steps", "-j", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "genbench", *command, "--out", "run"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("suite quick: 2 jobs to run")
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(60) == 130
    assert run_command_line([*command, "--out", "run"]) == 0


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["--version"]) == 0
    assert capsys.readouterr().out == f"genai-bench {importlib.metadata.version('genbench')}\n"


def test_a_program_that_calls_it_again_finds_each_command_once() -> None:
    assert run_command_line(["--version"]) == 0
    before = len(command_line.app.registered_commands), len(command_line.app.registered_groups)
    assert run_command_line(["list", "models"]) == 0
    extended = command_line.with_plugins(load_registry())
    names = [command.name for command in extended.registered_commands if command.name]
    assert {"show", "report", "compare", "pictures"} <= set(names)
    assert len(names) == len(set(names))
    assert before == (len(command_line.app.registered_commands), len(command_line.app.registered_groups))


def test_no_command_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([]) == 4
    captured = capsys.readouterr()
    assert "Commands" in captured.out
    assert captured.err == ""


@pytest.mark.parametrize("what", ["models", "datasets", "metrics", "suites", "plugins"])
def test_lists_fit_the_screen_and_are_whole_in_a_pipe(
    what: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run_command_line(["list", what]) == 0
    narrow = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in narrow)
    monkeypatch.delenv("COLUMNS")
    assert run_command_line(["list", what]) == 0
    wide = capsys.readouterr().out.splitlines()
    assert run_command_line(["list", what, "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert len(wide) == 1 + len(records)
    assert len(narrow) <= 6 * len(records) + 2  # words are folded, not cut into letters


def test_an_unknown_metric_offers_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([*GOOD, "--out", "run"]) == 0
    assert run_command_line(["show", "run", "--metric", "sliced_waserstein"]) == 4
    assert "unknown metric 'sliced_waserstein'; did you mean 'sliced_wasserstein'?" in capsys.readouterr().err
    assert run_command_line(["show", "run", "--metric", "sliced_wasserstein"]) == 0
    assert "ring8" in capsys.readouterr().out


def test_the_collector_of_cycles_is_slowed_down_while_a_command_runs() -> None:
    program = (
        "import gc; from genbench.cli import main as m;"
        "m.run_command_line = lambda arguments: print(*gc.get_threshold()) or 0; m.main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert tuple(map(int, done.stdout.split())) == command_line.COLLECTOR_THRESHOLDS
    assert command_line.COLLECTOR_THRESHOLDS[0] > 700  # Python's own
