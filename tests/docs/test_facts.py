"""Tables of the documents that repeat what the code defines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from genbench.api.exit_codes import ExitCode
from genbench.cli.main import run_command_line
from genbench.records.job import PROTOCOL_VERSION
from genbench.records.likelihood_kinds import sign
from genbench.records.result import Status
from genbench_reports.format.columns import TITLES


@pytest.fixture
def document(repository: Path) -> dict[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in (repository / "docs").glob("*.md")}


def test_signs_of_likelihoods(document: dict[str, str]) -> None:
    table = document["likelihood"].split("\n## Kinds\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+) \| (\S+) \|", table, flags=re.MULTILINE)
    shown = {kind: mark for kinds, mark in rows for kind in re.findall(r"`([^`]+)`", kinds)}
    assert len(shown) >= 7
    assert {kind: sign(kind) for kind in shown if kind != "fixed variance"} == {
        kind: mark for kind, mark in shown.items() if kind != "fixed variance"
    }


def test_statuses_and_the_version_of_the_protocol(document: dict[str, str]) -> None:
    page = document["protocol"]
    table = page.split("| status | meaning |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE) == list(get_args(Status))
    assert re.findall(r"present version is ([\d.]+)\.\s", page) == [PROTOCOL_VERSION]
    assert f"| protocol | a number, {PROTOCOL_VERSION} |" in page


def test_exit_codes(document: dict[str, str]) -> None:
    for page, codes in (
        ("commands", {int(code) for code in ExitCode}),
        ("regression-gate", {0, 1, 2, 3, 4}),
        ("verdicts", {0, 1, 3, 4, 5}),
    ):
        table = document[page].split("| exit code | meaning |")[1].split("\n\n")[0]
        assert {int(code) for code in re.findall(r"^\| (\d+) \|", table, flags=re.MULTILINE)} == codes, page


def test_models_that_cannot_take_the_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """docs/your-own-data.md: named together they are a mistake; from a suite they are unsupported."""
    table = tmp_path / "table.csv"
    table.write_text("a,b\n" + "".join(f"{row}.5,{row * row}.25\n" for row in range(60)))
    command = ["run", "-d", f"csv:{table}", "--dry-run", "--out", str(tmp_path / "run")]
    assert run_command_line([*command, "-m", "pixelcnn"]) == ExitCode.USAGE
    capsys.readouterr()
    assert run_command_line([*command, "--all"]) == ExitCode.OK
    said = " ".join(capsys.readouterr().out.split())
    assert "unsupported pixelcnn takes image" in said


def test_metrics_are_named_as_tables_name_them(document: dict[str, str]) -> None:
    """The glossary gives the heading that tables have, where it is not the name with spaces."""
    missing = [
        f"**`{name}`** ({title})"
        for name, title in TITLES.items()
        if f"**`{name}`**" in document["metrics"] and f"**`{name}`** ({title})" not in document["metrics"]
    ]
    assert missing == []
