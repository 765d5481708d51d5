"""Rooms stay small, and the folders of the tests are those of the code (docs/decisions/0027-rooms-and-floors.md)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

MAX_FILES_PER_FOLDER = 20
MIRRORS = {
    "tests/benchmark": "benchmark/genbench",
    "tests/reports": "reports/genbench_reports",
    "tests/datasets": "datasets/genbench_datasets",
    "tests/plugins": "plugins/genbench_models",
}


def python_files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*.py") if ".venv" not in file.parts]


def test_no_folder_has_more_than_twenty_python_files(repository: Path) -> None:
    roots = ("benchmark", "plugins", "datasets", "reports", "tests", "examples")
    counts = Counter(file.parent for root in roots for file in python_files(repository / root))
    assert len(counts) > 40
    crowded = {str(folder): count for folder, count in counts.items() if count > MAX_FILES_PER_FOLDER}
    assert crowded == {}


def test_tests_mirror_the_rooms(repository: Path) -> None:
    for tests, code in MIRRORS.items():
        folders = {file.parent.relative_to(repository / tests) for file in python_files(repository / tests)}
        assert folders, tests
        for folder in folders:
            assert (repository / code / folder).is_dir(), f"{tests}/{folder} mirrors no folder of {code}"
