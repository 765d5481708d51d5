"""Whatever a file holds, it is either data or named: no other error, and no warning."""

from __future__ import annotations

import io
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_cards import card_of
from PIL import Image

from genbench.errors import DataError


def whole(scheme: str) -> bytes:
    """A good file of that kind."""
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    if scheme == "csv":
        buffer.write(b'x,"y"\n' + b"".join(b"%d,%d.5\r\n" % (i, i % 7) for i in range(12)))
    elif scheme == "series":
        buffer.write(b"".join(b"%d,%d.5\n" % (i, i * 5 % 7) for i in range(40)))
    elif scheme == "npy":
        np.save(buffer, rng.normal(size=(12, 2)).astype(np.float32))
    elif scheme == "text":
        buffer.write("naïve text, ".encode() * 40)
    elif scheme == "imagefolder":
        Image.fromarray(rng.integers(0, 256, (5, 4, 3), dtype=np.uint8)).save(buffer, "png")
    else:
        track = mido.MidiTrack(
            mido.Message("note_on", note=int(pitch), velocity=int(on), time=240)
            for pitch in rng.integers(30, 90, 40)
            for on in (64, 0)
        )
        mido.MidiFile(tracks=[track]).save(file=buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("scheme", ["csv", "series", "npy", "text", "imagefolder", "midi"])
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
def test_a_damaged_file_is_data_or_named(scheme: str, data: st.DataObject) -> None:
    content = bytearray(whole(scheme))
    for _ in range(data.draw(st.integers(1, 3), label="damages")):
        at = data.draw(st.integers(0, len(content)), label="at")
        kind = data.draw(st.sampled_from(["replace", "insert", "cut"]), label="kind")
        piece = data.draw(st.binary(min_size=1, max_size=4), label="piece")
        if kind == "cut":
            del content[at:]
        else:
            content[at : at + len(piece) * (kind == "replace")] = piece
    path = Path("photos/file") if scheme == "imagefolder" else Path("file")
    if scheme == "imagefolder" and not path.parent.exists():
        path.parent.mkdir()
        for index in range(10):
            Image.fromarray(np.full((5, 4, 3), index, np.uint8)).save(f"photos/{index}.png")
    path.write_bytes(content)
    name = {"text": "text:file?window=10", "imagefolder": "imagefolder:photos", "midi": "midi:file?window=1"}
    name["series"] = "series:file?header=no&time=1&window=3"
    try:
        outcome = card_of(name.get(scheme, f"{scheme}:file")).summary
    except DataError as error:
        outcome = str(error)
    assert outcome.startswith("own data: ") or str(path) in outcome or f"{scheme}:" in outcome
    assert len(outcome.splitlines()) == 1
