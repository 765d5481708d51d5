"""Fetching from a real server: whole files are kept, everything else is said in one line and never used."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from file_server import FileServer, serving

from genbench import fetching
from genbench.cards import RemoteFile
from genbench.errors import DataError
from genbench.fetching import addresses_of, fetch, file_path, is_cached, verify

NAME = "some set/data file.bin"
CONTENT = bytes(range(256)) * 4000


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path / "cache"))
    monkeypatch.delenv("GENBENCH_MIRROR", raising=False)
    monkeypatch.setattr(fetching, "_PAUSE_SECONDS", 0.01)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving({"data.bin": CONTENT, NAME: CONTENT}) as running:
        yield running


def published(*addresses: str, content: bytes = CONTENT) -> RemoteFile:
    return RemoteFile(
        name=NAME,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        addresses=addresses,
    )


def left_in_cache() -> set[str]:
    return {path.name for path in file_path(published()).parent.glob("*")} - {"data file.bin.lock"}


class Bar:
    """A progress bar that remembers."""

    def __init__(self) -> None:
        self.total = 0
        self.seen = 0

    def update(self, bytes_more: int) -> None:
        self.seen += bytes_more

    def reset(self) -> None:
        self.seen = 0

    def close(self) -> None: ...


def test_a_file_is_fetched_once(server: FileServer) -> None:
    file = published(f"{server.address}/data.bin")
    bar = Bar()
    assert not is_cached(file)
    assert fetch(file, bar).read_bytes() == CONTENT
    assert fetch(file).read_bytes() == CONTENT
    assert server.requests == ["data.bin"]
    assert is_cached(file)
    assert verify(file)
    assert bar.total == len(CONTENT)
    assert left_in_cache() == {"data file.bin"}


def test_addresses_are_tried_in_turn(server: FileServer) -> None:
    file = published(f"{server.address}/absent", f"{server.address}/data.bin")
    assert fetch(file).read_bytes() == CONTENT
    assert server.requests == ["absent", "data.bin"]


@pytest.mark.parametrize("fault", ["cut", "500"])
def test_what_may_pass_is_tried_again(server: FileServer, fault: str) -> None:
    server.faults["data.bin"] = [fault]
    assert fetch(published(f"{server.address}/data.bin")).read_bytes() == CONTENT
    assert server.requests == ["data.bin"] * 2


def test_a_silent_server_is_given_up(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT_SECONDS", 0.1)
    server.faults["data.bin"] = ["dawdle"]
    assert fetch(published(f"{server.address}/data.bin")).read_bytes() == CONTENT
    server.faults["data.bin"] = ["dawdle"] * 2
    file_path(published()).unlink()
    with pytest.raises(DataError, match=r"no answer in 0\.1 s"):
        fetch(published(f"{server.address}/data.bin"))


def test_a_slow_server_is_waited_for(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit is that of a silence, not of the download."""
    monkeypatch.setattr(fetching, "TIMEOUT_SECONDS", 0.5)
    server.slow_bytes_per_second = len(CONTENT)
    assert fetch(published(f"{server.address}/data.bin")).read_bytes() == CONTENT


def test_a_wrong_checksum_is_refused_and_kept_for_a_look(server: FileServer) -> None:
    server.faults["data.bin"] = ["spoil"]
    file = published(f"{server.address}/data.bin")
    with pytest.raises(DataError, match="sha256") as caught:
        fetch(file)
    assert "expected" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert not is_cached(file)
    assert left_in_cache() == {"data file.bin.rejected"}
    assert fetch(file).read_bytes() == CONTENT


def test_no_network_is_one_line_with_the_way_out(tmp_path: Path) -> None:
    with serving({}) as gone:
        address = gone.address
    with pytest.raises(DataError) as caught:
        fetch(published(f"{address}/data.bin", f"{address}/other"))
    message = str(caught.value)
    for expected in (NAME, f"{address}/data.bin (no connection)", f"{address}/other", "GENBENCH_MIRROR"):
        assert expected in message
    assert len(message.splitlines()) == 1
    assert left_in_cache() == set()


def test_a_host_without_a_connection_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({}) as gone:
        pass
    address = gone.address
    tried: list[str] = []
    download = fetching._download

    def counted(url: str, partial: Path, progress: object) -> None:
        tried.append(url)
        download(url, partial, None)

    monkeypatch.setattr(fetching, "_download", counted)
    unreachable: set[str] = set()
    for name in ("first", "second", "third"):
        with pytest.raises(DataError, match=rf"{name} \(no connection\)"):
            fetch(published(f"{address}/{name}"), unreachable=unreachable)
    assert tried == [f"{address}/first"] * fetching.ATTEMPTS
    assert unreachable == {address.removeprefix("http://")}


def test_a_mirror_replaces_the_addresses(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = published("http://127.0.0.1:9/never")
    monkeypatch.setenv("GENBENCH_MIRROR", server.address + "/")
    assert fetch(file).read_bytes() == CONTENT
    assert server.requests == [NAME]
    file_path(file).unlink()

    mirror = tmp_path / "mirror"
    monkeypatch.setenv("GENBENCH_MIRROR", str(mirror))
    assert addresses_of(file) == [str(mirror / NAME)]
    with pytest.raises(DataError, match=r"No such file or directory.*GENBENCH_MIRROR is set"):
        fetch(file)
    (mirror / NAME).parent.mkdir(parents=True)
    (mirror / NAME).write_bytes(CONTENT)
    assert fetch(file).read_bytes() == CONTENT
    assert (mirror / NAME).exists()


def test_a_cached_file_that_rotted_is_found_out(server: FileServer) -> None:
    file = published(f"{server.address}/data.bin")
    path = fetch(file)
    path.write_bytes(b"x" + CONTENT[1:])
    assert is_cached(file), "its size is right"
    assert not verify(file)
    assert not is_cached(file)
    assert fetch(file).read_bytes() == CONTENT


def test_what_a_killed_process_left_is_begun_again(server: FileServer) -> None:
    file = published(f"{server.address}/data.bin")
    path = file_path(file)
    path.parent.mkdir(parents=True)
    path.with_name(path.name + ".partial").write_bytes(CONTENT[:1000])
    assert fetch(file).read_bytes() == CONTENT
    assert left_in_cache() == {"data file.bin"}


def test_of_several_processes_one_fetches(server: FileServer, tmp_path: Path) -> None:
    server.slow_bytes_per_second = len(CONTENT) * 2
    file = published(f"{server.address}/data.bin")
    script = (
        "from genbench.cards import RemoteFile; from genbench.fetching import fetch;"
        f"fetch(RemoteFile(name={file.name!r}, sha256={file.sha256!r}, size_bytes={file.size_bytes},"
        f" addresses={file.addresses!r}))"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert server.requests == ["data.bin"]
    assert file_path(file).read_bytes() == CONTENT


def test_a_full_disk_is_said_with_what_is_wanted(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/full refuses every byte, as a full disk does."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    path = file_path(published())
    path.parent.mkdir(parents=True)
    real_open = Path.open

    def full(self: Path, mode: str = "r", *arguments: object, **options: object) -> object:
        target = Path("/dev/full") if self.name.endswith(".partial") and "w" in mode else self
        return real_open(target, mode, *arguments, **options)  # type: ignore[call-overload]

    source = path.parent / "source.bin"
    source.write_bytes(CONTENT)
    monkeypatch.setattr(fetching, "addresses_of", lambda _: [str(source)])
    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(DataError, match=r"no space on the disk .* \(1 MB wanted, .* free\)") as caught:
        fetch(published())
    assert len(str(caught.value).splitlines()) == 1
    assert os.strerror(errno.ENOSPC) not in str(caught.value)


def test_a_cache_below_a_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path / "file"))
    with pytest.raises(DataError, match="set GENBENCH_DATA to a folder"):
        fetch(published("http://127.0.0.1:9/"))
