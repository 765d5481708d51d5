"""Files of archives, read as they are unpacked."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from tar_files import link, tar_gz

from genbench.errors import DataError
from genbench_datasets.published.archive_member import open_member

CONTENT = np.random.default_rng(0).bytes(100_000)


def read(path: Path, name: str) -> bytes:
    with open_member(path, name) as (stream, length_bytes):
        content = stream.read()
    assert len(content) == length_bytes
    return content


@pytest.mark.parametrize("prefix", ["", "./"])
def test_a_file_is_found_by_its_name(tmp_path: Path, prefix: str) -> None:
    members = {
        f"{prefix}data/a": b"another",
        f"{prefix}data/b": CONTENT,
        f"{prefix}b": b"of this name elsewhere",
    }
    (tmp_path / "x.tar.gz").write_bytes(tar_gz(members))
    assert read(tmp_path / "x.tar.gz", "data/b") == CONTENT


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_links_and_devices_are_not_read(tmp_path: Path, kind: bytes) -> None:
    """Neither one that leads out of the archive nor one that stays within."""
    (tmp_path / "outside").write_bytes(b"secret")
    for target in (str(tmp_path / "outside"), "../../outside", "data/b"):
        archive = tmp_path / "x.tar.gz"
        archive.write_bytes(tar_gz({"data/b": CONTENT, "data/a": link("data/a", target, kind)}))
        with pytest.raises(DataError, match=r"x\.tar\.gz: data/a is no regular file"):
            read(archive, "data/a")


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "x.tar.gz").write_bytes(tar_gz({"../escaped": CONTENT, str(tmp_path / "absolute"): b"x"}))
    assert read(tmp_path / "x.tar.gz", "../escaped") == CONTENT
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["here", "x.tar.gz"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive", "not the archive it should be"),
        (tar_gz({"data/b": CONTENT}), "holds no data/a"),
        (tar_gz({}), "holds no data/a"),
        (tar_gz({"data/a": CONTENT})[:5000], "not the archive it should be"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.tar.gz").write_bytes(content)
    with pytest.raises(DataError, match=rf"x\.tar\.gz: .*{message}"):
        read(tmp_path / "x.tar.gz", "data/a")


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory as Linux counts it")
def test_a_large_file_is_never_whole_in_memory(tmp_path: Path) -> None:
    """128 MiB of archive, of which the second half is wanted: the process grows by less than 16."""
    archive = tmp_path / "x.tar.gz"
    archive.write_bytes(tar_gz({"data/first": bytes(64 << 20), "data/a": bytes(64 << 20)}))
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from genbench_datasets.published.archive_member import open_member\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "read = 0\n"
        "with open_member(Path(sys.argv[1]), 'data/a') as (stream, length):\n"
        "    while block := stream.read(1 << 20): read += len(block)\n"
        "assert read == length == 64 << 20\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, archive], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 16 << 10  # KiB
