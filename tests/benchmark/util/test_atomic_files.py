"""Files are written as a whole or not at all, by one process or by several."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from genbench.util.atomic_files import atomic_path, write_atomically


def test_content_is_replaced_and_readable_by_all(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    for content in (b"first", b"", b"second"):
        write_atomically(path, content)
        assert path.read_bytes() == content
        assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_without_replacing_the_first_writer_wins(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_atomically(path, b"first", replace=False)
    write_atomically(path, b"second", replace=False)
    assert path.read_bytes() == b"first"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("replace", [True, False])
def test_an_error_leaves_what_was_there(tmp_path: Path, replace: bool) -> None:
    path = tmp_path / "file.txt"

    def fail() -> None:
        with atomic_path(path, replace=replace) as partial:
            partial.write_text("half of")
            raise ValueError("stopped")

    with pytest.raises(ValueError, match="stopped"):
        fail()
    assert not list(tmp_path.iterdir())
    path.write_text("before")
    with pytest.raises(ValueError, match="stopped"):
        fail()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_an_unfinished_file_that_another_process_removed(tmp_path: Path) -> None:
    """A run that finds a result in place removes unfinished ones; without a result it is an error."""
    path = tmp_path / "file.txt"

    def lose() -> None:
        with atomic_path(path, replace=False) as partial:
            partial.write_text("mine")
            partial.unlink()

    with pytest.raises(FileNotFoundError):
        lose()
    with atomic_path(path, replace=False) as partial:
        partial.write_text("mine")
        path.write_text("another's")
        partial.unlink()
    assert path.read_text() == "another's"


def test_unfinished_files_are_hidden_and_named_after_the_file(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "file.txt") as partial:
        assert partial.parent == tmp_path
        assert partial.name.startswith(".file.txt.")
        partial.touch()
    with atomic_path(tmp_path / "file.txt", partial_folder=tmp_path / "a" / "b") as partial:
        assert partial.parent == tmp_path / "a" / "b"
        partial.touch()


def test_a_killed_process_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("before")
    code = (
        "import os, pathlib, signal\n"
        "from genbench.util.atomic_files import atomic_path\n"
        f"with atomic_path(pathlib.Path({str(path)!r})) as partial:\n"
        "    partial.write_text('half of')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode != 0
    assert path.read_text() == "before"


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    contents = [bytes([letter]) * 300_000 for letter in b"abcd"]
    write_atomically(path, contents[0])
    writers = [
        threading.Thread(target=lambda some=some: [write_atomically(path, some) for _ in range(5)])
        for some in contents
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert path.read_bytes() in contents
    for writer in writers:
        writer.join()
    assert list(tmp_path.iterdir()) == [path]
