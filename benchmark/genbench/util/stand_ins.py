"""Stand-ins for characters that the encoding of an output does not have.

Reports contain ±, ≤, ↑ and the names that plugins chose. A terminal or a pipe that is not UTF-8 (ASCII, Latin-1,
code page 1252) gets ASCII in their place, so that a report never ends in a UnicodeEncodeError.
"""

from __future__ import annotations

import codecs
import io
import re

from anyascii import anyascii

HANDLER = "genbench.stand_ins"
"""Name of the handler of encoding errors, for `errors=` of `str.encode` and of text files."""
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_POWER = re.compile(f"[{_SUPERSCRIPTS}]+")
# where anyascii's choice would say something else: ~ marks rough errors, and the 2 of "5²" would make it 52
_OWN = {"≈": "~=", "✗": "x", "✓": "+", "⚠": "!", "\N{VARIATION SELECTOR-16}": ""}


def stand_in(text: str) -> str:
    """The text in ASCII: "0.3±0.1 ≤ ↑" becomes "0.3+-0.1 <= ^"."""
    text = _POWER.sub(
        lambda found: "^" + "".join(str(_SUPERSCRIPTS.index(digit)) for digit in found[0]), text
    )
    return "".join(
        character
        if character.isascii()
        else _OWN.get(character) or anyascii(character) or _unknown(character)
        for character in text
    )


def writable(text: str, encoding: str) -> str:
    """The text with stand-ins for the characters that the encoding lacks."""
    return text.encode(encoding, errors=HANDLER).decode(encoding)


def never_fail(*streams: object) -> None:
    """Let text streams write stand-ins where their encoding lacks a character. Other streams stay as they are."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)


def _unknown(character: str) -> str:
    return "" if character in _OWN else "?"


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return stand_in(error.object[error.start : error.end]), error.end


codecs.register_error(HANDLER, _replace)
