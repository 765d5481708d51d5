"""Fetching from a real server: whole files are kept, everything else is said in one line and never used."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from file_server import FileServer, serving

from genbench.api.cards import RemoteFile
from genbench.datasets import downloading, fetching
from genbench.datasets.fetching import addresses_of, fetch, file_path, is_cached, verify
from genbench.errors import DataError

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
        checksum=hashlib.sha256(content).hexdigest(),
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
        self.begun = 0

    def update(self, bytes_more: int) -> None:
        self.seen += bytes_more

    def reset(self) -> None:
        self.seen = 0
        self.begun += 1

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


@pytest.mark.parametrize("fault", ["500", "503", "429", "408", "drop", "short", "cut"])
def test_what_may_pass_is_tried_again(server: FileServer, fault: str) -> None:
    server.faults["data.bin"] = [fault]
    assert fetch(published(f"{server.address}/data.bin")).read_bytes() == CONTENT
    assert server.requests == ["data.bin"] * 2
    assert left_in_cache() - {"data file.bin.rejected"} == {"data file.bin"}


@pytest.mark.parametrize("fault", ["404", "403", "410"])
def test_what_will_not_pass_is_not_tried_again(server: FileServer, fault: str) -> None:
    server.faults["data.bin"] = [fault]
    with pytest.raises(DataError, match=rf"data\.bin \(HTTP {fault}\); without a network"):
        fetch(published(f"{server.address}/data.bin"))
    assert server.requests == ["data.bin"]
    assert left_in_cache() == set()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("500", "HTTP 500"),
        ("drop", "the connection broke off"),
        ("cut", "the connection broke off"),
        ("short", "512000 of 1024000 bytes; renamed to .*rejected"),
    ],
)
def test_after_some_attempts_it_is_given_up(server: FileServer, fault: str, reason: str) -> None:
    server.faults["data.bin"] = [fault] * 99
    with pytest.raises(DataError, match=rf"data\.bin \({reason}\)"):
        fetch(published(f"{server.address}/data.bin"))
    assert len(server.requests) == fetching.ATTEMPTS


def test_a_silent_server_is_given_up(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "SILENCE_SECONDS", 0.1)
    server.faults["data.bin"] = ["dawdle"]
    assert fetch(published(f"{server.address}/data.bin")).read_bytes() == CONTENT
    server.faults["data.bin"] = ["dawdle"] * fetching.ATTEMPTS
    file_path(published()).unlink()
    with pytest.raises(DataError, match=r"no answer in 0\.1 s"):
        fetch(published(f"{server.address}/data.bin"))


def test_a_server_that_falls_silent_is_given_up(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of the file; the attempts go on where it fell silent."""
    monkeypatch.setattr(downloading, "SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(downloading, "_BLOCK_BYTES", 1000)
    server.slow_bytes_per_second = 100_000.0  # 2,000 bytes, then a pause of 0.02 s
    server.stall_after_bytes = 10_000
    with pytest.raises(DataError, match=r"no answer in 0\.1 s"):
        fetch(published(f"{server.address}/data.bin"))
    starts = [int(part.removeprefix("bytes=").removesuffix("-") or 0) for part in server.parts]
    assert starts == sorted(set(starts))
    assert len(starts) == fetching.ATTEMPTS


# ---- going on where it ended


def partial_path() -> Path:
    path = file_path(published())
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(path.name + ".partial")


def test_a_broken_download_goes_on_where_it_ended(server: FileServer) -> None:
    server.faults["data.bin"] = ["cut"]
    bar = Bar()
    assert fetch(published(f"{server.address}/data.bin"), bar).read_bytes() == CONTENT
    assert server.parts[0] == ""
    kept = int(server.parts[1].removeprefix("bytes=").removesuffix("-"))
    assert 0 < kept <= len(CONTENT) // 2
    assert bar.total == bar.seen == len(CONTENT)
    assert left_in_cache() == {"data file.bin"}


def test_so_does_the_next_process(server: FileServer) -> None:
    file = published(f"{server.address}/data.bin")
    server.faults["data.bin"] = ["cut"] * fetching.ATTEMPTS
    with pytest.raises(DataError):
        fetch(file)
    assert left_in_cache() == {"data file.bin.partial"}
    kept = partial_path().stat().st_size
    assert fetch(file).read_bytes() == CONTENT
    assert server.parts[-1] == f"bytes={kept}-"
    assert left_in_cache() == {"data file.bin"}


def test_attempts_that_bring_a_good_piece_do_not_count(server: FileServer) -> None:
    """Half of the rest each time: 4 MiB, 2 and 1 are good pieces, 0.5 and 0.25 are failures."""
    content = bytes(8 << 20)
    server.files["large.bin"] = content
    server.faults["large.bin"] = ["cut"] * 5
    assert fetch(published(f"{server.address}/large.bin", content=content)).read_bytes() == content
    assert len(server.requests) == 6


def test_a_server_without_parts_sends_it_all(server: FileServer) -> None:
    server.knows_parts = False
    partial_path().write_bytes(CONTENT[:1000])
    bar = Bar()
    assert fetch(published(f"{server.address}/data.bin"), bar).read_bytes() == CONTENT
    assert server.parts == ["bytes=1000-"]
    assert bar.total == bar.seen == len(CONTENT)


@pytest.mark.parametrize("size_is_known", [True, False])
@pytest.mark.parametrize(
    "left",
    [b"of another file", b"x" * len(CONTENT), CONTENT + b"more", CONTENT[:-1] + b"x"],
    ids=["short", "as long", "longer", "spoilt"],
)
def test_what_does_not_fit_is_begun_again(server: FileServer, left: bytes, size_is_known: bool) -> None:
    partial_path().write_bytes(left)
    file = published(f"{server.address}/data.bin")
    if not size_is_known:
        file = msgspec.structs.replace(file, size_bytes=None)
    assert fetch(file).read_bytes() == CONTENT
    assert server.parts[-1] == ""
    assert left_in_cache() == {"data file.bin"}


def test_another_part_than_was_asked_for_is_not_taken(server: FileServer) -> None:
    partial_path().write_bytes(CONTENT[:1000])
    server.faults["data.bin"] = ["other part"]
    assert fetch(published(f"{server.address}/data.bin")).read_bytes() == CONTENT
    assert server.parts == ["bytes=1000-", ""]


def test_what_was_whole_when_the_process_was_killed_is_taken(server: FileServer) -> None:
    partial_path().write_bytes(CONTENT)
    assert fetch(published(f"{server.address}/data.bin")).read_bytes() == CONTENT
    assert server.requests == []


def test_redirections_are_followed(server: FileServer) -> None:
    server.redirects["moved.bin"] = "data.bin"
    partial_path().write_bytes(CONTENT[:1000])
    assert fetch(published(f"{server.address}/moved.bin")).read_bytes() == CONTENT
    assert server.requests == ["moved.bin", "data.bin"]
    assert server.parts == ["bytes=1000-"] * 2


# ---- what the server does not say, and what the card does not


def test_lengths_that_nobody_knows(server: FileServer) -> None:
    server.faults["data.bin"] = ["unannounced"]
    file = msgspec.structs.replace(published(f"{server.address}/data.bin"), size_bytes=None)
    assert not is_cached(file)
    assert fetching.size_bytes(file) is None
    bar = Bar()
    assert fetch(file, bar).read_bytes() == CONTENT
    assert bar.total == 0
    assert is_cached(file)
    assert fetching.size_bytes(file) == len(CONTENT)


@pytest.mark.parametrize("algorithm", ["sha256", "md5", "sha1_git"])
def test_other_checksums(server: FileServer, algorithm: str, tmp_path: Path) -> None:
    (tmp_path / "content").write_bytes(CONTENT)
    if algorithm == "sha1_git":
        told = subprocess.run(["git", "hash-object", tmp_path / "content"], capture_output=True, check=True)
        digest = told.stdout.decode().strip()
    else:
        digest = hashlib.new(algorithm, CONTENT).hexdigest()
    file = msgspec.structs.replace(
        published(f"{server.address}/data.bin"), checksum=f"{algorithm}:{digest}", size_bytes=None
    )
    assert fetch(file).read_bytes() == CONTENT
    assert verify(file)
    file_path(file).write_bytes(CONTENT[1:])
    assert not verify(file)
    assert left_in_cache() == {"data file.bin.rejected"}
    server.faults["data.bin"] = ["spoil"]
    with pytest.raises(
        DataError, match=rf"{algorithm} \w{{12}}…, expected {algorithm} {digest[:12]}…; renamed"
    ):
        fetch(file)


@pytest.mark.parametrize(
    "checksum",
    ["", "sha256", "md5:", "md5:" + "0" * 64, "A" * 64, "crc32:00000000", "0" * 63, "md5:md5:" + "0" * 32],
)
def test_checksums_that_cannot_be_meant_are_refused(checksum: str) -> None:
    with pytest.raises(ValueError, match="checksum '"):
        RemoteFile(name="a/b", checksum=checksum, addresses=())


def test_a_slow_server_is_waited_for(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit is that of a silence, not of the download."""
    monkeypatch.setattr(downloading, "SILENCE_SECONDS", 0.5)
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


@pytest.mark.skipif(sys.platform != "linux", reason="a full queue of connections is silent on Linux")
def test_a_machine_that_does_not_answer_is_given_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "CONNECT_SECONDS", 0.2)
    with contextlib.ExitStack() as sockets:
        silent = sockets.enter_context(socket.socket())
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        for _ in range(3):  # nobody accepts them, and there is no room for more
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(silent.getsockname())
        bar = Bar()
        with pytest.raises(DataError, match=r"data\.bin \(no connection in 0\.2 s\); without a network"):
            fetch(published(f"http://127.0.0.1:{silent.getsockname()[1]}/data.bin"), bar)
    assert bar.begun == 1


def test_a_server_that_is_not_there_is_not_waited_for_again(server: FileServer) -> None:
    """For many files without a network, one wait; other servers are tried all the same."""
    with serving({}) as gone:
        absent = gone.address
    unreachable: dict[str, str] = {}
    file = published(f"{absent}/data.bin", f"{server.address}/absent")
    with pytest.raises(DataError):
        fetch(file, unreachable=unreachable)
    assert unreachable == {absent.removeprefix("http://"): "no connection"}
    unreachable = {server.address.removeprefix("http://"): "no connection in 10 s"}
    with pytest.raises(DataError, match=r"absent \(no connection in 10 s\)"):
        fetch(file, unreachable=unreachable)
    assert server.requests == ["absent"]


def test_a_mirror_replaces_the_addresses(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = published("http://127.0.0.1:9/never")
    monkeypatch.setenv("GENBENCH_MIRROR", server.address + "/")
    assert fetch(file).read_bytes() == CONTENT
    assert server.requests == [NAME]
    file_path(file).unlink()

    mirror = tmp_path / "mirror"
    monkeypatch.setenv("GENBENCH_MIRROR", f"file://{mirror}")
    assert addresses_of(file) == [str(mirror / NAME)]
    monkeypatch.setenv("GENBENCH_MIRROR", str(mirror))
    assert addresses_of(file) == [str(mirror / NAME)]
    with pytest.raises(DataError, match=r"No such file or directory.*GENBENCH_MIRROR is set"):
        fetch(file)
    (mirror / NAME).parent.mkdir(parents=True)
    (mirror / NAME).write_bytes(CONTENT)
    assert fetch(file).read_bytes() == CONTENT
    assert (mirror / NAME).exists()


def test_a_mirror_of_another_kind_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENBENCH_MIRROR", "s3://bucket/data")
    with pytest.raises(DataError, match=r"s3://bucket/data/\S+.*\(no http or https address\)"):
        fetch(published("http://127.0.0.1:9/never"))
    assert left_in_cache() == set()


def test_a_cached_file_that_rotted_is_found_out(server: FileServer) -> None:
    file = published(f"{server.address}/data.bin")
    path = fetch(file)
    path.write_bytes(b"x" + CONTENT[1:])
    assert is_cached(file), "its size is right"
    assert not verify(file)
    assert not is_cached(file)
    assert fetch(file).read_bytes() == CONTENT


# ---- several processes


def fetching_process(file: RemoteFile) -> subprocess.Popen[str]:
    script = (
        "import msgspec; from genbench.api.cards import RemoteFile; from genbench.datasets.fetching import fetch;"
        f"fetch(msgspec.json.decode({msgspec.json.encode(file)!r}, type=RemoteFile))"
    )
    return subprocess.Popen([sys.executable, "-c", script], text=True)


def test_of_several_processes_one_fetches(server: FileServer) -> None:
    server.slow_bytes_per_second = len(CONTENT) * 2
    file = published(f"{server.address}/data.bin")
    processes = [fetching_process(file) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert server.requests == ["data.bin"]
    assert file_path(file).read_bytes() == CONTENT


def test_where_one_is_killed_another_goes_on(server: FileServer) -> None:
    """One waits for the other; the other is killed in the middle; the one takes over what it has."""
    server.slow_bytes_per_second = len(CONTENT) / 2
    file = published(f"{server.address}/data.bin")
    first = fetching_process(file)
    wait_until(lambda: partial_path().exists() and partial_path().stat().st_size > 100_000)
    second = fetching_process(file)
    time.sleep(0.3)
    first.kill()
    first.wait()
    server.slow_bytes_per_second = 0.0
    assert second.wait(60) == 0
    assert file_path(file).read_bytes() == CONTENT
    assert server.parts[0] == ""
    assert len(server.parts) == 2
    assert int(server.parts[1].removeprefix("bytes=").removesuffix("-")) > 100_000


def wait_until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


# ---- disks


@pytest.mark.parametrize("announced", [True, False])
def test_a_full_disk_is_one_line_and_left_as_it_was(
    server: FileServer, tmp_path: Path, announced: bool
) -> None:
    """A real one, of half the file's size. Where the length is announced, nothing is written at all."""
    mount = f"mount -t tmpfs -o size={len(CONTENT) // 2} none {tmp_path}"
    private = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*private, mount], capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system of its own")
    server.faults["data.bin"] = [] if announced else ["unannounced"]
    file = published(f"{server.address}/data.bin")
    script = (
        "import msgspec, os; from genbench.api.cards import RemoteFile; from genbench.errors import DataError\n"
        "from genbench.datasets.fetching import fetch, file_path\n"
        f"file = msgspec.json.decode({msgspec.json.encode(file)!r}, type=RemoteFile)\n"
        "try: fetch(file)\n"
        "except DataError as error: print(error)\n"
        "print(os.listdir(file_path(file).parent))\n"
    )
    environment = {**os.environ, "GENBENCH_DATA": str(tmp_path / "cache")}
    done = subprocess.run(
        [*private, f'{mount} && exec "$0" -c "$1"', sys.executable, script],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    message, left = done.stdout.splitlines()
    assert re.search(r"no space on the disk of .+ \(1\.0 MB wanted, 0\.5 MB free\)$", message)
    assert "partial" not in left


def test_a_cache_below_a_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path / "file"))
    with pytest.raises(DataError, match="set GENBENCH_DATA to a folder"):
        fetch(published("http://127.0.0.1:9/"))


@pytest.mark.parametrize("fault", ["", "unannounced"])
def test_a_download_stops_at_the_published_size(server: FileServer, fault: str) -> None:
    """Whatever a server sends beyond it: announced, or without an end."""
    server.files["data.bin"] = CONTENT + bytes(50_000_000)
    server.faults["data.bin"] = [fault] if fault else []
    received: list[int] = []
    bar = Bar()
    bar.update = received.append  # type: ignore[method-assign]
    expected = r"tried .*it has more than the 1,024,000 bytes of the published file"
    with pytest.raises(DataError, match=expected):
        fetch(published(f"{server.address}/data.bin"), bar)
    assert sum(received) <= len(CONTENT)
    assert left_in_cache() == set()


def test_a_copy_from_a_folder_stops_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mirror" / NAME).parent.mkdir(parents=True)
    (tmp_path / "mirror" / NAME).write_bytes(CONTENT + b"x")
    monkeypatch.setenv("GENBENCH_MIRROR", str(tmp_path / "mirror"))
    with pytest.raises(DataError, match="it has more than the 1,024,000 bytes"):
        fetch(published())
    assert left_in_cache() == set()
