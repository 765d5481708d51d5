"""Regular files of a folder are opened; what else may stand in their place is named, and nobody waits for it."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from genbench.util.regular_files import RefusedFileError, check_regular, open_regular, read_regular


def _link(path: Path) -> None:
    outside = path.parent.parent / "secret.txt"
    outside.write_text("a secret")
    path.symlink_to(outside)


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


IN_ITS_PLACE = {
    "a folder": Path.mkdir,
    "a FIFO": os.mkfifo,
    "a symbolic link": _link,
    "a socket": _socket,
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("within", [True, False])
@pytest.mark.parametrize("what", [*IN_ITS_PLACE, "a loop", "a link to /dev/zero", "a device"])
def test_other_things_are_refused_by_name(tmp_path: Path, what: str, within: bool) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    path = folder / "record"
    make: dict[str, Callable[[Path], object]] = {
        **IN_ITS_PLACE,
        "a loop": _loop,
        "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
    }
    if what == "a device":
        path, folder = Path("/dev/null"), Path("/dev")
    else:
        make[what](path)
    said = what if what in (*IN_ITS_PLACE, "a device") else "a symbolic link"
    with pytest.raises(RefusedFileError) as caught:
        read_regular(path, max_bytes=1000, within=folder if within else None)
    assert caught.value.strerror == f"is {said}"
    assert caught.value.filename == str(path)


def test_a_folder_on_the_way_may_be_no_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "log.txt").write_bytes(b"not yours")
    (tmp_path / "run" / "jobs").mkdir(parents=True)
    (tmp_path / "run" / "jobs" / "one").symlink_to(tmp_path / "elsewhere")
    path = tmp_path / "run" / "jobs" / "one" / "log.txt"
    with pytest.raises(RefusedFileError, match="is a symbolic link") as caught:
        read_regular(path, max_bytes=1000, within=tmp_path / "run")
    assert caught.value.filename == str(path.parent)
    assert read_regular(path, max_bytes=1000) == b"not yours"


def test_the_folder_itself_may_be_a_link_and_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run" / "jobs").mkdir(parents=True)
    (tmp_path / "run" / "jobs" / "log.txt").write_bytes(b"text")
    (tmp_path / "latest").symlink_to("run")
    monkeypatch.chdir(tmp_path)
    folder = Path("latest")
    with open_regular(folder / "jobs" / "log.txt", max_bytes=4, within=folder) as file:
        assert file.read() == b"text"
    assert check_regular(folder / "jobs" / "log.txt", max_bytes=4, within=folder) == 4
    with pytest.raises(FileNotFoundError):
        read_regular(folder / "jobs" / "none.txt", max_bytes=4, within=folder)
    with pytest.raises(FileNotFoundError):
        read_regular(folder / "none" / "none.txt", max_bytes=4, within=folder)


def test_a_size_that_no_such_file_has_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "record"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no room on the disk
    with pytest.raises(RefusedFileError, match="is larger than 2 MiB"):
        check_regular(path, max_bytes=2 << 20)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    before = len(os.listdir("/dev/fd"))
    for _ in range(3):
        with pytest.raises(RefusedFileError):
            read_regular(tmp_path / "fifo", max_bytes=1, within=tmp_path)
    assert len(os.listdir("/dev/fd")) == before


@pytest.mark.parametrize(("length", "most"), [(0, 10), (9, 10), (10, 10), (5000, 1 << 20)])
def test_a_file_that_has_grown_since_it_was_opened_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, most: int
) -> None:
    path = tmp_path / "record"
    path.write_bytes(b"x" * length)
    full = os.fstat

    def a_moment_ago(descriptor: int) -> os.stat_result:
        found = list(full(descriptor))
        found[stat.ST_SIZE] //= 2
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", a_moment_ago)
    assert read_regular(path, max_bytes=most) == b"x" * length
    path.write_bytes(b"x" * (most + 1))
    with pytest.raises(RefusedFileError):
        read_regular(path, max_bytes=most)
