"""`--format png` and `svg`: files by name, and where reports that are not text may go."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

import pytest
import synthetic_runs
from PIL import Image

from genbench.api.cards import ReportCard
from genbench.errors import PluginError, UsageError
from genbench.plugin.discovery import load_registry
from genbench.records.run_folder import Run
from genbench_reports.charts.render_charts import render_png, render_svg
from genbench_reports.commands.delivery import deliver

HOSTILE = "<b>$x^2$</b>"
CARD = ReportCard(name="strange", summary="of a plugin", suffix=".png", factory="somewhere:render")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run")
    cards = [synthetic_runs.card("plane", "a/b"), synthetic_runs.card("series", "a:b")]
    return synthetic_runs.write_run(folder / "run", cards, {"vae": "vae", HOSTILE: "gan"})


@pytest.mark.slow
def test_svg_has_three_figures_a_data_set_whose_names_are_text(run: Run) -> None:
    files = render_svg(run, load_registry())
    # two titles that would be one file name, and neither of them a place
    assert files.keys() == {
        f"{name}-{what}.svg" for name in ("a_b", "a_b-2") for what in ("compute", "pareto", "samples")
    }
    for content in files.values():
        text = "".join(ET.fromstring(content).itertext())
        assert "vae" in text
        assert HOSTILE in text
    assert render_svg(run, load_registry()) == files


def test_png_are_pictures(run: Run) -> None:
    for content in render_png(run, load_registry()).values():
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.format == "PNG"
            assert len(picture.convert("L").getcolors() or ()) > 2


def test_a_run_without_results_has_nothing_to_draw(tmp_path: Path) -> None:
    run = synthetic_runs.write_run(tmp_path / "run", [], {})
    with pytest.raises(UsageError, match="nothing to draw"):
        render_svg(run, load_registry())


def test_files_go_into_a_folder_and_one_may_go_into_a_file(tmp_path: Path) -> None:
    deliver({"one.png": b"1", "two.png": b"2"}, CARD, tmp_path / "new" / "folder")
    assert (tmp_path / "new" / "folder" / "two.png").read_bytes() == b"2"
    deliver({"one.png": b"1"}, CARD, tmp_path / "only.png")
    assert (tmp_path / "only.png").read_bytes() == b"1"
    with pytest.raises(UsageError, match="-o FOLDER"):
        deliver({"one.png": b"1"}, CARD, None)


@pytest.mark.parametrize("files", [{"../out.png": b""}, {"..": b""}, {"": b""}, {"a\0": b""}, {"one.png": 1}])
def test_a_plugin_cannot_write_elsewhere(files: Mapping[str, object], tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="strange"):
        deliver(files, CARD, tmp_path / "folder")
    assert not list(tmp_path.iterdir())
