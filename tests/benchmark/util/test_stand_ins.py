"""Characters that an encoding lacks get stand-ins, and nothing that can be written is changed."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.util.stand_ins import never_fail, stand_in, writable

ENCODINGS = ("ascii", "latin-1", "cp1252", "utf-8")


@pytest.mark.parametrize(
    ("text", "ascii_text"),
    [
        ("0.347±0.048 ↑", "0.347+-0.048 ^"),
        ("≤ 2.127  ≈ 2.504", "<= 2.127  ~= 2.504"),
        ("vae¹² 5 m²", "vae^12 5 m^2"),
        ("—  …  ▽ ✗", "-  ...  v x"),
        ("⚠\ufe0f Fréchet", "! Frechet"),
        ("日", "Ri"),
        ("\udc80", "?"),  # a byte of a file name that is no UTF-8
        ("plain [bold]text[/bold]\n", "plain [bold]text[/bold]\n"),
    ],
)
def test_a_stand_in_says_the_same_in_ascii(text: str, ascii_text: str) -> None:
    assert stand_in(text) == ascii_text


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=st.text())
def test_every_text_can_be_written_and_what_fits_stays(encoding: str, text: str) -> None:
    written = writable(text, encoding)
    written.encode(encoding)
    fitting = "".join(each for each in text if each.encode(encoding, errors="ignore"))
    assert writable(fitting, encoding) == fitting


def test_streams_write_stand_ins_from_then_on() -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding="latin-1", newline="\n")
    never_fail(stream, io.StringIO())
    stream.write("é ± ≤\n")
    stream.flush()
    assert buffer.getvalue() == "é ± <=\n".encode("latin-1")
