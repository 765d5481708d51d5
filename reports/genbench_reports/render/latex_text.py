"""Escapes text from plugins for LaTeX, so that nothing in it is a command.

For pdfLaTeX as well as for the engines that read Unicode: letters with accents stay as they are (LaTeX reads UTF-8
since 2018), the signs of our tables become commands of plain LaTeX, and characters that usual fonts lack are shown by
their code points.
"""

from __future__ import annotations

import re
import unicodedata

from genbench_reports.format.text import clean

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",
    "]": "{]}",
}
"""Characters that LaTeX reads as commands or arguments, or, in its old font encoding, as other signs."""
_LIGATURE = re.compile(r"(?<=-)-|(?<=,),")
"""LaTeX would make two hyphens a dash, and two commas a quotation mark."""
_SIGNS = {
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "→": r"$\rightarrow$",
    "←": r"$\leftarrow$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≈": r"$\approx$",
    "≠": r"$\neq$",
    "∞": r"$\infty$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "✗": r"$\otimes$",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "−": r"$-$",
    "—": r"\textemdash{}",
    "–": r"\textendash{}",
    "…": r"\ldots{}",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "‘": r"\textquoteleft{}",
    "’": r"\textquoteright{}",
    "µ": r"$\mu$",
    "μ": r"$\mu$",
    "σ": r"$\sigma$",
    "β": r"$\beta$",
    "χ": r"$\chi$",
    "τ": r"$\tau$",
    "²": r"\textsuperscript{2}",
}
_NOT_IN_T1 = frozenset("ĦħĸĿŀŉŦŧ")


def latex(text: str) -> str:
    """The text on one line, as LaTeX source that prints it."""
    written = "".join(map(_character, unicodedata.normalize("NFC", clean(text))))
    return _LIGATURE.sub(lambda match: "{}" + match[0], written)


def _character(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character in _SIGNS:
        return _SIGNS[character]
    if character.isascii() or _is_usual(character):
        return character
    return f"[U+{ord(character):04X}]".replace("[", "{[}").replace("]", "{]}")


def _is_usual(character: str) -> bool:
    """Whether it is a letter of Latin-1 or Latin Extended-A that the T1 fonts have."""
    return character.isalpha() and "À" <= character <= "ž" and character not in _NOT_IN_T1
