"""A run folder from a stranger: no command follows a link out of it, runs what it names, waits for it or breaks."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import synthetic_runs
import torch
from safetensors.torch import save_file

from genbench.cli.main import run_command_line
from genbench.errors import RunFolderError
from genbench.records.run_folder import Run
from genbench.samples.conditional_samples import CLASS_SAMPLES_FILE, COMPLETIONS_FILE, LATENT_TRAVERSALS_FILE
from genbench.samples.stored import save_samples

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and FIFOs need rights there")
SECRET = "the-secret-of-the-reader"
MODELS = {
    "linked-log": "gan",
    "linked-samples": "vae",
    "linked-record": "flow",
    "linked-parts": "vae",
    "linked-job": "flow",
    "fifos": "gan",
    "folders": "vae",
    "device": "gan",
    "deep": "vae",
    "odd-tensors": "autoregressive",
    "sound": "gan",
}


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What belongs to the reader."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "log.txt").write_text(f"{SECRET}\n")
    return folder


@pytest.fixture(scope="module")
def hostile(outside: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of which every job but one is an attack."""
    card = synthetic_runs.card("grey")
    folder = tmp_path_factory.mktemp("stranger") / "run"
    run = synthetic_runs.write_run(
        folder, [card], MODELS, seeds=1, failures={"linked-log": "killed", "fifos": "k"}
    )
    jobs = {job.model: job for job in run.plan.jobs}

    def replace(path: Path, by: Callable[[Path], object]) -> None:
        path.unlink(missing_ok=True)
        by(path)

    def link(target: Path) -> Callable[[Path], object]:
        return lambda path: path.symlink_to(target)

    replace(run.log_path(jobs["linked-log"]), link(outside / "log.txt"))
    save_samples(outside / "samples.safetensors", synthetic_runs.examples(card.spec, 100, 7), card.spec)
    replace(run.samples_path(jobs["linked-samples"]), link(outside / "samples.safetensors"))
    record = run.result(jobs["linked-record"])
    assert record is not None
    stolen = msgspec.structs.replace(record, warnings=[SECRET])
    (outside / "result.json").write_bytes(msgspec.json.encode(stolen))
    replace(run.result_path(jobs["linked-record"]), link(outside / "result.json"))
    synthetic_runs.keep_beside(outside, card.spec, jobs["linked-parts"], 3)
    synthetic_runs.keep_beside(run.job_folder(jobs["linked-parts"]), card.spec, jobs["linked-parts"], 3)
    for name in (COMPLETIONS_FILE, CLASS_SAMPLES_FILE, LATENT_TRAVERSALS_FILE):
        replace(run.job_folder(jobs["linked-parts"]) / name, link(outside / name))
    linked = run.job_folder(jobs["linked-job"])
    shutil.move(linked, outside / "job")
    (outside / "job" / "work").mkdir(exist_ok=True)
    linked.symlink_to(outside / "job")
    replace(run.log_path(jobs["fifos"]), os.mkfifo)
    replace(run.result_path(jobs["fifos"]), os.mkfifo)
    replace(run.result_path(jobs["folders"]), Path.mkdir)
    replace(run.result_path(jobs["device"]), link(Path("/dev/zero")))
    run.result_path(jobs["deep"]).write_text('{"reason": ' + "[" * 100_000)
    odd = run.job_folder(jobs["odd-tensors"])
    save_file({"samples": torch.zeros(100, 1, 28, 28, dtype=torch.bfloat16)}, odd / "samples.safetensors")
    for name in (COMPLETIONS_FILE, CLASS_SAMPLES_FILE, LATENT_TRAVERSALS_FILE):
        (odd / name).write_bytes(b"\xff" * 64)
    return folder


@pytest.fixture
def watched(outside: Path) -> Iterator[list[str]]:
    """The files of the reader that Python opens."""
    opened: list[str] = []
    active = True

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if active and event == "open" and str(arguments[0]).startswith(str(outside)):
            opened.append(str(arguments[0]))

    sys.addaudithook(watch)
    yield opened
    active = False


COMMANDS = (
    ("show", "RUN"),
    ("show", "RUN", "-m", "linked-log"),
    ("show", "RUN", "-m", "fifos"),
    ("show", "RUN", "--statistics"),
    *(("report", "RUN", "--format", name) for name in ("md", "json", "summary", "csv", "latex")),
    ("report", "RUN", "--format", "html", "-o", "OUT/report.html"),
    ("baseline", "RUN", "-o", "OUT/baseline.json"),
    ("compare", "RUN", "RUN"),
    ("history", "add", "RUN", "--file", "OUT/history.jsonl"),
    ("pictures", "RUN", "-o", "OUT/pictures"),
    ("score", "RUN", "-m", "frechet_distance"),
    ("music", "RUN", "-o", "OUT/music"),
)


def test_music_of_a_link_is_not_played(
    outside: Path, tmp_path: Path, watched: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    card = synthetic_runs.card("music")
    run = synthetic_runs.write_run(tmp_path / "run", [card], {"linked": "gan", "sound": "vae"}, seeds=1)
    linked = run.samples_path(next(job for job in run.plan.jobs if job.model == "linked"))
    shutil.move(linked, outside / "music.safetensors")
    linked.symlink_to(outside / "music.safetensors")
    code = run_command_line(["music", str(run.folder), "-o", str(tmp_path / "music")])
    assert not watched
    assert (code, "is a symbolic link" in capsys.readouterr().err) == (0, True)
    assert list((tmp_path / "music").glob("*sound*.mid"))
    assert not list((tmp_path / "music").glob("*linked*"))


def test_no_command_reads_what_is_the_readers(
    hostile: Path, outside: Path, tmp_path: Path, watched: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(outside.rglob("*"))
    said = {}
    for words in COMMANDS:
        arguments = [
            word.replace("RUN", str(hostile)).replace("OUT", str(tmp_path))
            if word.isupper() or "/" in word
            else word
            for word in words
        ]
        code = run_command_line(arguments)
        shown = capsys.readouterr()
        assert code in (0, 1, 2, 3, 4), words
        assert SECRET not in shown.out + shown.err, words
        assert "Traceback" not in shown.err, words
        said[" ".join(words)] = shown.out + shown.err
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes(), path
    assert not watched
    assert sorted(outside.rglob("*")) == before
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "is a symbolic link" in page
    assert "sound" in said["show RUN"]
    assert "is a symbolic link; nothing is written through one" in said["score RUN -m frechet_distance"]


@pytest.mark.parametrize("name", ["run.json", "jobs"])
def test_a_folder_whose_own_parts_are_links_is_refused(
    hostile: Path, outside: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(
        hostile, folder, symlinks=True, ignore=shutil.ignore_patterns("*.txt", "result.json", "*.safetensors")
    )
    shutil.move(folder / name, tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    if name == "run.json":
        with pytest.raises(RunFolderError, match=r"run\.json: is a symbolic link"):
            Run.open(folder)
    else:
        assert Run.open(folder).results() == []
    with pytest.raises(RunFolderError, match="is a symbolic link"):
        Run.create(folder, Run.open(hostile).plan)


def run_by_a_stranger(argument: str | None = None) -> None:
    Path(os.environ["STRANGERS_MARK"]).write_text(argument or "")


@pytest.mark.parametrize("name", ["digits", "strangers-own", "csv:/etc/passwd"])
def test_no_function_that_a_folder_names_is_called(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The card of a data set names a factory; a plan holds cards."""
    mark = tmp_path / "mark"
    monkeypatch.setenv("STRANGERS_MARK", str(mark))
    card = msgspec.structs.replace(
        synthetic_runs.card("plane", name),
        factory="os:system",
        argument=f"touch {mark}",
        truth=f"{__name__}:run_by_a_stranger",
    )
    folder = tmp_path / "run"
    synthetic_runs.write_run(folder, [card], {"vae": "vae", "gan": "gan"}, seeds=1, samples=False)
    run = Run.open(folder)
    for job in run.plan.jobs:
        save_samples(run.samples_path(job), synthetic_runs.examples(card.spec, 100, 1), card.spec)
    for words in (
        ("report", str(folder), "--format", "html", "-o", str(tmp_path / "a.html")),
        ("pictures", str(folder), "-o", str(tmp_path / "pictures")),
        ("score", str(folder)),
    ):
        run_command_line(list(words))
        assert not mark.exists(), words
