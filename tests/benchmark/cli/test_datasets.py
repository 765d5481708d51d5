"""`genai-bench datasets`, and runs whose data has to be fetched: from a real server, or not to be had."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from file_server import FileServer, serving
from rich.console import Console

from genbench.api.cards import DatasetCard, RemoteFile
from genbench.cli.download_bars import fetch_all
from genbench.cli.main import run_command_line
from genbench.datasets import fetching
from genbench.datasets.fetching import file_path, is_cached
from genbench.plugin.discovery import load_registry
from genbench.records.run_folder import Run
from genbench.runner.suite import BUILTIN, load_suite, suite_names

CONTENT = b"64 points" * 100
FILE = RemoteFile(
    name="faraway/points.bin",
    checksum=hashlib.sha256(CONTENT).hexdigest(),
    size_bytes=len(CONTENT),
    addresses=("http://127.0.0.1:9/points.bin",),
)
NAME = "faraway"


@pytest.fixture(autouse=True)
def _far_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data set that has to be fetched, in addition to the built-in ones, and an empty cache."""
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path / "cache"))
    monkeypatch.delenv("GENBENCH_MIRROR", raising=False)
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
        ranking=None,
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
    assert f"intact       {FILE.name}" in capsys.readouterr().out
    file_path(FILE).write_bytes(b"x" + CONTENT[1:])
    assert command("datasets", "verify", NAME) == 2
    assert "renamed to .rejected" in capsys.readouterr().out
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
    (line,) = [row for row in shown.splitlines() if row.startswith(f"{NAME} is missing: ")]
    assert "cannot fetch" in line
    assert [record["job"]["dataset"] for record in records("run", capsys)] == ["ring8"]  # type: ignore[index]


def test_asked_for_by_name_it_is_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("run", "-m", "noise", "-d", "ring8", "-d", NAME, "--out", "run") == 2
    found = {record["job"]["dataset"]: record for record in records("run", capsys)}  # type: ignore[index]
    assert found["ring8"]["status"] == "ok"
    assert found[NAME]["status"] == "data_error"
    assert "cannot fetch" in str(found[NAME]["reason"])


def test_no_secret_of_an_address_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Planted in a mirror that does not answer, which the reason of the failed job names, and on the command line."""
    monkeypatch.setenv("GENBENCH_MIRROR", "http://user:s3cret@127.0.0.1:9/?token=s3cret")
    words = [
        "run",
        "-m",
        "noise",
        "-d",
        NAME,
        "--out",
        "run",
        "--log",
        "tensorboard:https://user:s3cret@host/?sig=s3cret",
    ]
    monkeypatch.setattr("sys.argv", ["genai-bench", *words])
    assert command(*words[:-2]) == 2
    (record,) = records("run", capsys)
    assert "127.0.0.1:9" in str(record["reason"])
    assert "https://host/?sig=***" in (tmp_path / "run/run.json").read_text()
    written = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert written
    assert [path for path in written if b"s3cret" in path.read_bytes()] == []


def test_a_dry_run_fetches_nothing(server: FileServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("run", "-m", "noise", "-d", NAME, "--dry-run") == 0
    shown = capsys.readouterr().out
    assert f"{NAME} is to be fetched first: 0.0 MB, from the mirror {server.address}" in shown
    assert server.requests == []
    assert not is_cached(FILE)


def test_a_dry_run_looks_into_a_mirror_that_is_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def planned() -> str:
        assert command("run", "-m", "noise", "-d", NAME, "--dry-run") == 0
        (line,) = [row for row in capsys.readouterr().out.splitlines() if row.startswith(NAME)]
        return line

    assert planned() == f"{NAME} is to be fetched first: 0.0 MB, from where it is published"
    monkeypatch.setenv("GENBENCH_MIRROR", str(tmp_path / "mirror"))
    assert planned() == f"{NAME} cannot be fetched: {FILE.name} is not in the mirror {tmp_path / 'mirror'}"
    (tmp_path / "mirror" / FILE.name).parent.mkdir(parents=True)
    (tmp_path / "mirror" / FILE.name).write_bytes(CONTENT)
    assert planned() == f"{NAME} is to be fetched first: 0.0 MB, from the mirror {tmp_path / 'mirror'}"


# ---- other checksums, sizes that nobody knows, files that several data sets share


def other(name: str, file: RemoteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another data set, of that file."""
    registry = load_registry()
    card = registry.datasets[NAME]
    spec = msgspec.structs.replace(card.spec, name=name)
    monkeypatch.setitem(registry.datasets, name, msgspec.structs.replace(card, spec=spec, files=(file,)))


def test_a_shared_file_of_unknown_size(
    server: FileServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    shared = msgspec.structs.replace(FILE, name="shared/x.bin", checksum=f"md5:{digest}", size_bytes=None)
    server.files[shared.name] = CONTENT
    for name in ("one", "two"):
        other(name, shared, monkeypatch)
    command("datasets", "list")
    assert re.search(r"^one +size unknown +no", capsys.readouterr().out, re.MULTILINE)
    assert command("datasets", "fetch", "one", "two") == 0
    assert "here  two (0.0 MB)" in capsys.readouterr().out
    assert server.requests == [shared.name]
    assert command("datasets", "verify", "one", "two") == 0
    assert capsys.readouterr().out == f"intact       {shared.name} (md5 {digest[:12]}…)\n"
    file_path(shared).write_bytes(CONTENT[1:])
    assert command("datasets", "verify") == 2
    assert f"its md5 is not the published {digest}; renamed to .rejected" in capsys.readouterr().out


def test_a_cached_file_that_was_cut_is_found_out(
    server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("datasets", "fetch", NAME) == 0
    file_path(FILE).write_bytes(CONTENT[:-1])
    capsys.readouterr()
    assert command("datasets", "verify") == 2
    assert f"damaged      {FILE.name}: its sha256 is not the published" in capsys.readouterr().out


@pytest.mark.parametrize("size_is_known", [True, False])
def test_a_download_is_shown(server: FileServer, size_is_known: bool) -> None:
    content = bytes(2_000_000)
    file = RemoteFile(
        name="large/x.bin",
        checksum=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content) if size_is_known else None,
        addresses=(),
    )
    server.files[file.name] = content
    server.slow_bytes_per_second = 4_000_000.0
    card = msgspec.structs.replace(load_registry().datasets[NAME], files=(file,))
    screen = StringIO()
    assert fetch_all([card], Console(file=screen, force_terminal=True, width=120)) == {}
    shown = screen.getvalue()
    assert file.name in shown
    assert "/2.0 MB" in shown, "how much of how much"
    assert "MB/s" in shown


# ---- suites


def test_suites_are_listed_from_the_shortest_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("list", "suites") == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split()[:5] == ["suite", "a", "job", "seeds", "samples"]
    listed = [row.split()[:5] for row in rows if not row.startswith(" ")]
    assert listed == [
        ["quick", "10cpu-s", "1", "1000", "all"],
        ["standard", "60cpu-s", "3", "2000", "all"],
        ["full", "600cpu-s", "5", "10000", "all"],
        ["ci", "500steps", "5", "400", "6"],
    ]
    assert f"all but {len(load_suite('quick').without)} " in rows[0]


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_gives_the_reason_for_its_budget(name: str) -> None:
    """The reason is a comment above the budget; budget, seeds and samples can be read."""
    lines = (BUILTIN / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    (budget,) = [number for number, line in enumerate(lines) if line.startswith("budget =")]
    reason = lines[budget - 1]
    assert reason.startswith("# ")
    assert load_suite(name).summary


@pytest.mark.parametrize("mirrored", [True, False])
def test_the_standard_suite_is_planned_with_mnist(
    server: FileServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, mirrored: bool
) -> None:
    """A minute per job, three seeds, with a mirror or without; no server is asked."""
    if not mirrored:
        monkeypatch.delenv("GENBENCH_MIRROR")
    assert command("run", "--suite", "standard", "--dry-run") == 0
    shown = capsys.readouterr().out
    for name in ("mnist", "mnist-static"):
        assert re.search(rf"^\w{{16}}  vae on {name}, seed 2, 60cpu-s$", shown, re.MULTILINE)
        source = f"the mirror {server.address}" if mirrored else "where it is published"
        assert re.search(rf"^{name} is to be fetched first: [\d.]+ MB, from {source}$", shown, re.MULTILINE)
    assert "seed 3" not in shown
    assert server.requests == []


def test_the_first_command_needs_no_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("run", "--all", "--dry-run") == 0
    assert "fetched" not in capsys.readouterr().out


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


def test_all_needs_no_network(server: FileServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("run", "--all", *SHORT) == 0
    assert server.requests == []
    found = planned("run")
    assert found == set(load_suite("quick").datasets)
    assert all(load_registry().dataset(name).embedded for name in found)


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
    missing = [line for line in shown.splitlines() if " is missing: " in line]
    assert {line.partition(" is missing: ")[0] for line in missing} == far
    assert len(missing) == len(far)
    assert all("cannot fetch" in line for line in missing)
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
