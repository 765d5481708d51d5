"""Several pictures below one another in one file, for those who asked for a file and not for a folder."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from xml.etree import ElementTree

_SVG = "http://www.w3.org/2000/svg"
_LENGTH = re.compile(r"\s*([0-9.]+)")
_GAP = 24
"""Between two pictures: pixels of a PNG, units of an SVG."""


def png_sheet(pictures: Sequence[bytes]) -> bytes:
    """PNG files as one, on white. Raises ValueError where one cannot be read."""
    from PIL import Image

    try:
        opened = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
    except OSError as error:
        raise ValueError(f"no PNG picture: {error}") from None
    width = max(picture.width for picture in opened)
    height = sum(picture.height for picture in opened) + _GAP * (len(opened) - 1)
    sheet = Image.new("RGB", (width, height), "white")
    top = 0
    for picture in opened:
        sheet.paste(picture, (0, top))
        top += picture.height + _GAP
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def svg_sheet(pictures: Sequence[bytes]) -> bytes:
    """SVG files as one, each in an element of its own, so that text stays text. Raises ValueError where one cannot be
    read."""
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    sheet = ElementTree.Element(f"{{{_SVG}}}svg")
    width = top = 0.0
    for picture in pictures:
        try:
            root = ElementTree.fromstring(picture)
        except ElementTree.ParseError as error:
            raise ValueError(f"no SVG picture: {error}") from None
        size = [_length(root.get(side)) for side in ("width", "height")]
        root.attrib |= {"y": f"{top:g}", "width": f"{size[0]:g}", "height": f"{size[1]:g}"}
        sheet.append(root)
        width, top = max(width, size[0]), top + size[1] + _GAP
    height = top - _GAP
    sheet.attrib |= {
        "width": f"{width:g}pt",
        "height": f"{height:g}pt",
        "viewBox": f"0 0 {width:g} {height:g}",
    }
    text: bytes = ElementTree.tostring(sheet, encoding="utf-8", xml_declaration=True)
    return text


def _length(text: str | None) -> float:
    found = _LENGTH.match(text or "")
    if found is None:
        raise ValueError("no SVG picture with a width and a height")
    return float(found[1])


SHEETS: dict[str, Callable[[Sequence[bytes]], bytes]] = {".png": png_sheet, ".svg": svg_sheet}
"""How pictures become one file, by the ending of their names."""
