"""Text that others wrote, as LaTeX shows it: nothing in it is a command.

For pdfLaTeX as for the engines that read Unicode: letters with accents stay as they are (LaTeX reads UTF-8 since 2018),
the signs of our tables become commands of plain LaTeX, and what no usual font has is named by its code point.
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
"""What LaTeX reads as a command, as an argument, or, in its old font encoding, as another sign."""
_LIGATURE = re.compile(r"(?<=-)-|(?<=,),")
"""Two hyphens would become a dash, two commas a quotation mark."""
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
    """One line that prints as the text."""
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
    """Letters of Latin-1 and Latin Extended-A that the T1 fonts have."""
    return character.isalpha() and "À" <= character <= "ž" and character not in _NOT_IN_T1
