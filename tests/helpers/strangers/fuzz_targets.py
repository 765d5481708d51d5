"""Every reader of something that a stranger may have written, with an input that it takes.

Whatever the bytes, a reader returns or raises a GenbenchError of one line: no other exception, no warning, no end of
memory.
"""

from __future__ import annotations

import gzip
import io
import os
import pickle
import shutil
import struct
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import synthetic_runs
import torch
from PIL import Image
from safetensors.torch import save as save_tensors
from wild_files import END, QUARTER, ROWS, lines, off, on, song, track

from genbench.errors import GenbenchError
from genbench.execution.message_channel import MessageReader
from genbench.plugin.discovery import load_registry
from genbench.records.run_folder import Run
from genbench.runner.suite import BUILTIN, load_suite
from genbench.samples.stored import load_samples
from genbench.util.tensor_files import read_tensors_if_any, write_tensors
from genbench_datasets.own_data.reader import Reader
from genbench_datasets.own_data.readers import array, image_folder, midi, table, text
from genbench_datasets.own_data.readers.image_file import read_images
from genbench_datasets.own_data.request import Request
from genbench_datasets.published.idx_file import read_idx
from genbench_datasets.published.inert_pickle import read_pickled_table
from genbench_reports.gate.baseline import baseline_of_run, encode_baseline, read_side
from genbench_reports.gate.thresholds import read_thresholds
from genbench_reports.history.history import lines_of, read_history
from genbench_reports.overview.document import make_document
from genbench_reports.render.markdown import document_markdown

MAX_LINE = 4_000
RNG = np.random.default_rng(0)


@dataclass(frozen=True)
class Target:
    """A reader."""

    name: str
    """What it reads."""
    good: Callable[[], Sequence[bytes]]
    """Inputs that it takes."""
    read: Callable[[bytes], object]
    """Reads other bytes in place of one of them, in a folder of its own."""


def outcome(target: Target, content: bytes) -> str:
    """ "read", or the line with which it was refused. Raises what should never be raised."""
    here = os.getcwd()
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            target.read(content)
    except GenbenchError as error:
        said = str(error)
        if len(said.splitlines()) != 1 or len(said) > MAX_LINE:
            raise AssertionError(f"{target.name}: not one line: {said[:MAX_LINE]!r}") from error
        return said
    finally:
        os.chdir(here)
        shutil.rmtree(folder, ignore_errors=True)
    return "read"


# ---- own data


def own(reader: Reader, path: str, options: str = "") -> Callable[[bytes], object]:
    """The reader behind its request, without the cache that keeps what was read."""

    def read(content: bytes) -> object:
        folder = Path(path).parent
        folder.mkdir(exist_ok=True)
        for number in range(10 if folder.name else 0):  # beside others, as in a folder of images
            (folder / f"{number}{Path(path).suffix}").write_bytes(beside(number))
        Path(path).write_bytes(content)
        place = str(folder) if folder.name else path
        request = Request.parse(reader.scheme, place + options, reader.options)
        return reader._read(request, reader.files(request)).version()

    return read


def beside(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((5, 4, 3), number, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def tables() -> list[bytes]:
    return [lines().encode(), b'x,"y"\r\n' + b"".join(b"%d,%d.5\r\n" % (i, i % 7) for i in range(12))]


def pictures() -> list[bytes]:
    pixels = RNG.integers(0, 256, (5, 4, 3), dtype=np.uint8)
    made = []
    for kind in ("PNG", "JPEG", "TIFF", "GIF", "WEBP", "BMP", "PPM", "TGA", "PCX", "SGI", "MPO"):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, kind)
        made.append(buffer.getvalue())
    return made


def melody() -> bytes:
    events = [event for pitch in range(40, 80) for event in ((0, on(pitch)), (QUARTER, off(pitch)))]
    return song(track([(0, b"\xff\x51\3\7\xa1\x20"), (0, b"\xff\x59\2\0\0"), *events, END]), kind=1)


def saved_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, RNG.normal(size=(12, 2)).astype(np.float32))
    return buffer.getvalue()


def parquet() -> list[bytes]:
    try:
        import pandas as pd
        import pyarrow  # noqa: F401
    except ImportError:
        return []
    buffer = io.BytesIO()
    pd.DataFrame({"x": ROWS[:, 0], "n": range(len(ROWS)), "t": ["a"] * len(ROWS)}).to_parquet(buffer)
    return [buffer.getvalue()]


def read_parquet(content: bytes) -> None:
    """The check of the footer, and the columns by pyarrow, without copies of the library `datasets`."""
    from genbench_datasets.own_data.readers.hf_splits import check_parquet

    Path("a.parquet").write_bytes(content)
    check_parquet(Path("a.parquet"))


def whole_idx() -> bytes:
    return b"\0\0\x08\3" + struct.pack(">3I", 2, 3, 4) + bytes(range(24))


def read_idx_file(content: bytes) -> object:
    Path("x").write_bytes(content)
    return read_idx(Path("x"))


def pickled_table() -> bytes:
    import pandas as pd

    frame = pd.DataFrame({"x": ROWS[:, 0], "y": ROWS[:, 1]})
    frame.columns = frame.columns.astype(object)
    return pickle.dumps(frame, 4)


# ---- suites, baselines, histories, runs


@cache
def finished_run() -> Path:
    """A run that lies in a folder, with three models on points."""
    folder = Path(tempfile.mkdtemp()) / "run"
    models = {"vae": "vae", "gan": "gan", "held-out": "baseline"}
    synthetic_runs.write_run(folder, [synthetic_runs.card("plane")], models, seeds=2, samples=False)
    return folder


def read_suite(content: bytes) -> object:
    Path("mine.toml").write_bytes(content)
    return load_suite("mine.toml")


def read_threshold_file(content: bytes) -> object:
    Path("t.toml").write_bytes(content)
    return read_thresholds(Path("t.toml"), [], None, load_registry().metrics)


def read_baseline(content: bytes) -> object:
    Path("b.json").write_bytes(content)
    return read_side(Path("b.json"), load_registry().metrics)


def read_lines(content: bytes) -> object:
    Path("h.jsonl").write_bytes(content)
    return read_history(Path("h.jsonl"))


def whole_baseline() -> bytes:
    return encode_baseline(baseline_of_run(Run.open(finished_run()), load_registry().metrics)).encode()


def whole_history() -> bytes:
    made = lines_of(Run.open(finished_run()), load_registry().metrics)
    return b"".join(msgspec.json.encode(line) + b"\n" for line in made)


def in_run(name: str, use: Callable[[Run], object]) -> Callable[[bytes], object]:
    """Reads a run in which one file has other bytes."""

    def read(content: bytes) -> object:
        shutil.copytree(finished_run(), "run")
        path = sorted(Path("run").rglob(name))[0]
        path.write_bytes(content)
        return use(Run.open(Path("run")))

    return read


def of_run(name: str) -> Callable[[], list[bytes]]:
    return lambda: [sorted(finished_run().rglob(name))[0].read_bytes()]


def report(run: Run) -> str:
    registry = load_registry()
    return document_markdown(make_document(run, registry), registry.metrics)


SPEC = synthetic_runs.card("plane").spec


def whole_samples() -> bytes:
    return save_tensors({"samples": torch.randn(10, 2)})


def whole_parts() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write_tensors({"x": torch.randn(10, 2)}, Path(folder) / "x", {"reason": "none"})
        return (Path(folder) / "x").read_bytes()


def read_samples(content: bytes) -> object:
    Path("samples.safetensors").write_bytes(content)
    return load_samples(Path("samples.safetensors"), SPEC, 10)


def read_parts(content: bytes) -> object:
    Path("parts.safetensors").write_bytes(content)
    return read_tensors_if_any(Path("parts.safetensors"))


def read_messages(content: bytes) -> list[Any]:
    receiving, sending = os.pipe()
    try:
        os.write(sending, content[:4096])
        os.close(sending)
        return list(MessageReader(receiving).messages(at_the_end=True))
    finally:
        os.close(receiving)


def read_argument(content: bytes) -> object:
    """What the user types behind -d."""
    typed = content.decode("utf-8", "replace").replace("\0", "")
    Path("a.csv").write_text("x")
    return Request.parse("csv", typed, table.READER.options).path()


TARGETS = (
    Target(
        "csv",
        tables,
        own(table.READER, "a.csv"),
    ),
    Target(
        "csv with options",
        lambda: [("sep=;\n" + lines(";", header=",x,y", comma=True, index=True)).encode()],
        own(table.READER, "a.csv", "?decimal=comma&index=yes&standardise=yes"),
    ),
    Target("text", lambda: ["naïve text,\r\n".encode() * 40], own(text.READER, "a.txt", "?window=10")),
    Target("npy", lambda: [saved_array()], own(array.READER, "a.npy")),
    Target("midi", lambda: [melody()], own(midi.READER, "a.mid", "?window=1")),
    Target("images", pictures, lambda content: read_images([content], (4, 4), lambda _: "an image")),
    Target(
        "image folder",
        lambda: pictures()[:1],
        own(image_folder.READER, "photos/a.png", "?bad=skip"),
    ),
    Target("parquet", parquet, read_parquet),
    Target("idx", lambda: [whole_idx(), gzip.compress(whole_idx())], read_idx_file),
    Target(
        "pickled table", lambda: [pickled_table()], lambda content: read_pickled_table(io.BytesIO(content))
    ),
    Target("data set argument", lambda: [b"a.csv?columns=x,y&drop=z&label=k&levels=3"], read_argument),
    Target("suite", lambda: [(BUILTIN / "ci.toml").read_bytes()], read_suite),
    Target(
        "thresholds",
        lambda: [b'alpha = 0.01\nrun_noise = 0.03\n[thresholds]\nspeed = "30%"\nbits_per_dim = 0.02\n'],
        read_threshold_file,
    ),
    Target("baseline", lambda: [whole_baseline()], read_baseline),
    Target("history", lambda: [whole_history()], read_lines),
    Target("run.json", of_run("run.json"), in_run("run.json", report)),
    Target("result.json", of_run("result.json"), in_run("result.json", report)),
    Target("samples", lambda: [whole_samples()], read_samples),
    Target("other tensors", lambda: [whole_parts()], read_parts),
    Target("messages of a worker", lambda: [struct.pack("!I", 20) + b'{"kind": "progress"}'], read_messages),
)
