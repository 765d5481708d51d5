"""`genai-bench datasets`, and runs whose data has to be fetched: from a real server, or not to be had."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from file_server import FileServer, serving

from genbench import fetching
from genbench.cards import DatasetCard, RemoteFile
from genbench.command_line import run_command_line
from genbench.fetching import file_path, is_cached
from genbench.plugin_manager import load_registry
from genbench.result_store import Run
from genbench.suite import load_suite

CONTENT = b"64 points" * 100
FILE = RemoteFile(
    name="faraway/points.bin",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    size_bytes=len(CONTENT),
    addresses=("http://127.0.0.1:9/points.bin",),
)
NAME = "faraway"


@pytest.fixture(autouse=True)
def _far_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data set that has to be fetched, beside the built-in ones, and an empty cache."""
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fetching, "_PAUSE_SECONDS", 0.01)
    registry = load_registry()
    ring8 = registry.datasets["ring8"]
    card: DatasetCard = msgspec.structs.replace(
        ring8,
        spec=msgspec.structs.replace(ring8.spec, name=NAME),
        factory="hostile_models:tiny_dataset",
        truth=None,
        sizes=(32, 16, 16),
        embedded=False,
        files=(FILE,),
    )
    monkeypatch.setitem(registry.datasets, NAME, card)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    with serving({FILE.name: CONTENT}) as running:
        monkeypatch.setenv("GENBENCH_MIRROR", running.address)
        yield running


def command(*arguments: str) -> int:
    return run_command_line(list(arguments))


def records(folder: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    capsys.readouterr()
    assert command("report", folder, "--format", "json") == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_fetch_list_and_verify(server: FileServer, capsys: pytest.CaptureFixture[str]) -> None:
    def listed() -> list[str]:
        assert command("datasets", "list") == 0
        (line,) = [row for row in capsys.readouterr().out.splitlines() if row.startswith(NAME)]
        return line.split()

    assert listed()[3] == "no"
    assert command("datasets", "fetch", NAME, "ring8") == 0
    shown = capsys.readouterr().out
    assert f"here  {NAME} (0.0 MB)" in shown
    assert "ring8 (nothing to fetch)" in shown
    assert listed()[3] == "yes"
    assert command("datasets", "verify") == 0
    assert f"right        {FILE.name}" in capsys.readouterr().out
    file_path(FILE).write_bytes(b"x" + CONTENT[1:])
    assert command("datasets", "verify", NAME) == 2
    assert "set aside" in capsys.readouterr().out
    assert command("datasets", "verify", NAME) == 2
    assert "not fetched" in capsys.readouterr().out


def test_what_cannot_be_fetched_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("datasets", "fetch", NAME) == 2
    shown = capsys.readouterr()
    assert len(shown.err.strip().splitlines()) == 1
    assert "no connection" in shown.err
    assert "GENBENCH_MIRROR" in shown.err


def test_bad_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("datasets", "fetch", "farawy") == 4
    assert "did you mean 'faraway'?" in capsys.readouterr().err
    assert command("datasets", "fetch") == 4
    assert "which data sets?" in capsys.readouterr().err


def suite(tmp_path: Path) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(
        f'summary = "one here, one far away"\nbudget = "5steps"\nsampling_seconds = 5.0\nseeds = 1\n'
        f'samples = 16\nimportance_samples = 5\nmodels = ["noise"]\ndatasets = ["ring8", "{NAME}"]\n'
    )
    return str(path)


def test_a_suite_leaves_out_what_cannot_be_had(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("run", "--suite", suite(tmp_path), "--out", "run") == 0
    shown = capsys.readouterr().out
    (line,) = [row for row in shown.splitlines() if row.startswith(f"no {NAME}")]
    assert "cannot fetch" in line
    assert [record["job"]["dataset"] for record in records("run", capsys)] == ["ring8"]  # type: ignore[index]


def test_asked_for_by_name_it_is_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("run", "-m", "noise", "-d", "ring8", "-d", NAME, "--out", "run") == 2
    found = {record["job"]["dataset"]: record for record in records("run", capsys)}  # type: ignore[index]
    assert found["ring8"]["status"] == "ok"
    assert found[NAME]["status"] == "data_error"
    assert "cannot fetch" in str(found[NAME]["reason"])


def test_a_dry_run_fetches_nothing(server: FileServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("run", "-m", "noise", "-d", NAME, "--dry-run") == 0
    assert f"{NAME} is to be fetched first" in capsys.readouterr().out
    assert server.requests == []
    assert not is_cached(FILE)


# ---- the built-in suites need no network


def planned(folder: str) -> set[str]:
    return {job.dataset for job in Run.open(Path(folder)).plan.jobs}


SHORT = (
    "-m",
    "noise",
    "--budget",
    "1steps",
    "--seeds",
    "1",
    "--shard",
    "1/1000",
    "--jobs",
    "1",
    "--out",
    "run",
)


def test_all_asks_for_nothing_from_afar(server: FileServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("run", "--all", *SHORT) == 0
    assert server.requests == []
    assert planned("run") == {card.name for card in load_registry().datasets.values() if card.embedded}


@pytest.mark.parametrize(("name", "all_"), [("standard", ()), ("full", ("--all",))])
def test_a_suite_without_a_network_runs_what_is_there(
    name: str, all_: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GENBENCH_MIRROR", "nowhere")
    assert command("run", "--suite", name, *all_, *SHORT) == 0
    shown = capsys.readouterr().out
    cards = load_registry().datasets.values()
    embedded = {card.name for card in cards if card.embedded}
    wanted = load_suite(name).datasets
    far = {card.name for card in cards if not card.embedded and ("*" in wanted or card.name in wanted)}
    said = [line for line in shown.splitlines() if line.startswith("no ")]
    assert {line.removeprefix("no ").partition(":")[0] for line in said} == far
    assert len(said) == len(far)
    assert all("cannot fetch" in line for line in said)
    assert planned("run") == embedded
    assert {record["status"] for record in records("run", capsys)} == {"ok"}


def test_asked_for_by_name_beside_a_suite_it_is_a_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GENBENCH_MIRROR", "nowhere")
    assert command("run", "--suite", "standard", "-d", "mnist", "-d", "ring8", *SHORT) == 2
    found = {record["job"]["dataset"]: record["status"] for record in records("run", capsys)}  # type: ignore[index]
    assert found["mnist"] == "data_error"


def test_what_has_its_results_is_not_fetched_again(
    server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("run", "-m", "noise", "-d", NAME, "--budget", "1steps", "--out", "run")
    assert command(*arguments) == 2  # what comes is not what the card says, and that is a result
    assert server.requests == [FILE.name]
    file_path(FILE).unlink()
    assert command(*arguments) == 2
    assert server.requests == [FILE.name]
    assert "0 jobs to run" in capsys.readouterr().out
    assert command(*arguments, "--retry-failed") == 2
    assert server.requests == [FILE.name] * 2


def test_the_cards_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("datasets", "show", "ring8", "mnist") == 0
    shown = capsys.readouterr().out
    assert "50,000 / 10,000 / 10,000 (train / valid / test)" in shown
    assert "image 1×28×28, 256 levels" in shown
    assert "points 2, real values" in shown
    assert command("datasets", "show", "ring9") == 4
