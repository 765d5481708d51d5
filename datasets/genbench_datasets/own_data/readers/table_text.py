"""The text of a table, and the habits of the program that wrote it: its separator, and how it writes numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from genbench_datasets.own_data.located import BadFile
from genbench_datasets.own_data.memory import need_memory
from genbench_datasets.own_data.readers.characters import one_line_end
from genbench_datasets.own_data.request import Request

OPTIONS = {"separator": "", "decimal": "point"}
SEPARATORS = {"semicolon": ";", "tab": "\t", "comma": ",", "space": " ", "pipe": "|"}
_SEP_LINE = re.compile(r'\A"?sep=(?P<mark>[^\w\n"\'.+-])"?\n', re.IGNORECASE)
"""The first line that Excel reads and no standard knows."""
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+(?:[eE][+-]?\d+)?\s*")
_BYTES_PER_BYTE = 12
"""What a table takes in memory while it is read, for each byte of its file: text, cells and numbers."""


@dataclass(frozen=True)
class Numbers:
    """How numbers are written."""

    decimal_comma: bool
    """1,5 is one and a half; otherwise 1.5 is."""

    def is_number(self, cell: str) -> bool:
        try:
            float(self._with_point(cell))
        except ValueError:
            return False
        return "_" not in cell  # Python's own way to write 1_000

    def value(self, cell: str) -> float:
        """Raises ValueError."""
        return float(self._with_point(cell))

    def order(self, cell: str) -> tuple[bool, float, str]:
        """Numbers first, in their order."""
        number = self.is_number(cell)
        return not number, self.value(cell) if number else 0.0, cell

    def remedy(self, cell: str) -> str:
        """What reads a cell that is no number, if it is one to other programs; else empty."""
        if not self.decimal_comma and _DECIMAL_COMMA.fullmatch(cell):
            return "; decimal=comma reads a comma as the decimal mark"
        return ""

    def _with_point(self, cell: str) -> str:
        if not self.decimal_comma:
            return cell
        if "." in cell:  # it might separate thousands
            raise ValueError(cell)
        return cell.replace(",", ".")


@dataclass(frozen=True)
class TableText:
    """The whole text of a table, not yet taken apart."""

    text: str
    """With one kind of line end, and an empty line in place of one that only names the separator."""
    separator: str
    """One character."""
    numbers: Numbers
    """How its numbers are written."""

    def other_separator(self, cell: str) -> str:
        """Options that may read a table whose first line is this one cell; empty where none is likely."""
        names = [name for name, mark in SEPARATORS.items() if mark != self.separator and mark in cell]
        if not names:
            return ""
        body = self.text.partition("\n")[2].partition("\n")[0]
        comma = any(_DECIMAL_COMMA.fullmatch(part) for part in body.split(SEPARATORS[names[0]]))
        return f"separator={names[0]}" + "&decimal=comma" * (comma and not self.numbers.decimal_comma)


def read_table_text(path: Path, request: Request) -> TableText:
    """Raises BadFile where it is not UTF-8, DataError where it is too large, UnknownNameError."""
    size = path.stat().st_size
    need_memory(_BYTES_PER_BYTE * size, f"{path}: a table of {size / 1e9:,.1f} GB takes")
    text = _decode(path)
    decimal_comma = request.choice("decimal", ("point", "comma")) == "comma"
    found = _SEP_LINE.match(text)
    if found:
        text = "\n" + text[found.end() :]
    if request.text("separator"):
        separator = SEPARATORS[request.choice("separator", list(SEPARATORS))]
    elif found:
        separator = found["mark"]
    elif path.suffix.lower() in (".tsv", ".tab"):
        separator = "\t"
    else:
        separator = ";" if decimal_comma else ","
    return TableText(text, separator, Numbers(decimal_comma))


def _decode(path: Path) -> str:
    content = path.read_bytes()
    try:
        return one_line_end(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadFile(path, f"line {line}: not UTF-8 (byte {error.start})") from None
