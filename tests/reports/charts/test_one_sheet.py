"""One file where several pictures were made."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from genbench.api.cards import ReportCard
from genbench.errors import PluginError, UsageError
from genbench_reports.charts.one_sheet import png_sheet, svg_sheet
from genbench_reports.commands.delivery import deliver

PNG = ReportCard(name="png", summary="pictures", suffix=".png", factory="nowhere:nothing")


def png(width: int, height: int, color: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), color).save(buffer, "PNG")
    return buffer.getvalue()


def svg(width: int, text: str) -> bytes:
    size = f'width="{width}pt" height="50pt" viewBox="0 0 {width} 50"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><text>{text}</text></svg>'.encode()


def test_pictures_stand_below_one_another() -> None:
    with Image.open(io.BytesIO(png_sheet([png(30, 10, "red"), png(20, 10, "blue")]))) as sheet:
        assert sheet.width == 30
        assert sheet.height > 20
        assert sheet.getpixel((0, 0)) == (255, 0, 0)
        assert sheet.getpixel((0, sheet.height - 1)) == (0, 0, 255)
        assert sheet.getpixel((29, sheet.height - 1)) == (255, 255, 255)


def test_texts_of_an_svg_stay_texts() -> None:
    root = ElementTree.fromstring(svg_sheet([svg(100, "one &amp; all"), svg(200, "two")]))
    assert root.get("width") == "200pt"
    parts = list(root)
    assert ["".join(part.itertext()) for part in parts] == ["one & all", "two"]
    assert float(parts[1].get("y", "0")) >= 50


def test_o_names_a_file_or_a_folder(tmp_path: Path) -> None:
    files = {"a.png": png(3, 3, "red"), "b.png": png(5, 3, "blue")}
    assert "on one sheet" in str(deliver(files, PNG, tmp_path / "report.png"))
    with Image.open(tmp_path / "report.png") as sheet:
        assert sheet.width == 5
    deliver(files, PNG, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == files["a.png"]
    deliver(files, PNG, tmp_path / "figures")
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["a.png", "b.png"]
    with pytest.raises(UsageError, match=r"does not end in \.png"):
        deliver(files, PNG, tmp_path / "report.svg")


@pytest.mark.parametrize("content", [b"no picture", b""])
def test_what_is_no_picture_is_the_plugins_fault(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="png"):
        deliver({"a.png": content, "b.png": content}, PNG, tmp_path / "all.png")
    with pytest.raises(ValueError, match="SVG"):
        svg_sheet([content])
