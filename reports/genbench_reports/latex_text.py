"""Text that others wrote, as LaTeX shows it: nothing in it is a command.

For pdfLaTeX as for the engines that read Unicode: letters with accents stay as they are (LaTeX reads UTF-8 since 2018),
the signs of our tables become commands of plain LaTeX, and what no usual font has is named by its code point.
"""

from __future__ import annotations

import unicodedata

from genbench_reports.text import clean

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
    "-": r"-{}",
    "[": "{[}",
    "]": "{]}",
}
"""What LaTeX reads as a command, as an argument, or, as two hyphens, as a dash."""
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
    "—": "---",
    "–": "--",
    "…": r"\ldots{}",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
    "µ": r"$\mu$",
    "μ": r"$\mu$",
    "σ": r"$\sigma$",
    "β": r"$\beta$",
    "χ": r"$\chi$",
    "τ": r"$\tau$",
    "²": r"\textsuperscript{2}",
}


def latex(text: str) -> str:
    """One line that prints as the text."""
    return "".join(_character(character) for character in unicodedata.normalize("NFC", clean(text)))


def _character(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character in _SIGNS:
        return _SIGNS[character]
    if character.isascii() or _is_usual(character):
        return character
    return f"[U+{ord(character):04X}]".replace("[", "{[}").replace("]", "{]}")


def _is_usual(character: str) -> bool:
    """Letters of Latin-1 and Latin Extended-A, which the T1 fonts have."""
    return character.isalpha() and "À" <= character <= "ſ"
