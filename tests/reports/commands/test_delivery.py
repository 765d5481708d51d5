"""Where reports go that are text, bytes, or files; and the pictures for papers."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import synthetic_runs
from PIL import Image

from genbench.api.cards import ReportCard
from genbench.cli.main import run_command_line
from genbench.errors import PluginError, UsageError
from genbench.plugin.discovery import load_registry
from genbench.records.run_folder import Run
from genbench_reports.charts.render_charts import render_png, render_svg
from genbench_reports.commands.delivery import deliver

CARD = ReportCard(name="png", summary="pictures", suffix=".png", factory="nowhere:nothing")
HOSTILE = "../$x^2$ <b>&amp;"


def test_bytes_and_text_go_into_the_file(tmp_path: Path) -> None:
    for content, expected in ((b"\x00\xff", b"\x00\xff"), ("é\n", "é\n".encode())):
        assert deliver(content, CARD, tmp_path / "a") == f"wrote {tmp_path / 'a'}"
        assert (tmp_path / "a").read_bytes() == expected


def test_bytes_go_to_a_pipe(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert deliver(b"\x00\xff", CARD, None) is None
    sys.stdout.flush()
    assert capfdbinary.readouterr().out == b"\x00\xff"


def test_files_go_into_a_folder(tmp_path: Path) -> None:
    said = deliver({"a.png": b"1", "b.txt": "two"}, CARD, tmp_path / "new" / "folder")
    assert said == f"wrote 2 files into {tmp_path / 'new' / 'folder'}"
    assert {path.name: path.read_bytes() for path in (tmp_path / "new" / "folder").iterdir()} == {
        "a.png": b"1",
        "b.txt": b"two",
    }


def test_one_file_may_be_named(tmp_path: Path) -> None:
    deliver({"a.png": b"1"}, CARD, tmp_path / "mine.png")
    assert (tmp_path / "mine.png").read_bytes() == b"1"
    strange = ReportCard(name="strange", summary="texts", suffix=".txt", factory="nowhere:nothing")
    with pytest.raises(UsageError, match=r"makes 2 files: .* should be a folder"):
        deliver({"a.txt": "1", "b.txt": "2"}, strange, tmp_path / "ours.txt")
    with pytest.raises(UsageError, match="-o FOLDER"):
        deliver({"a.png": b"1"}, CARD, None)


@pytest.mark.parametrize("name", ["../a", "a/b", "/a", "..", "", "a\\b", "a\0b", 3])
def test_a_plugin_writes_nowhere_else(name: object, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="expected a file's name"):
        deliver({name: b"1"}, CARD, tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("rendered", [None, 3, ["text"], {"a": 3}])
def test_what_is_no_report_is_refused(rendered: object, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="report format 'png' returned"):
        deliver(rendered, CARD, tmp_path / "a")


# ---- pictures for papers


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    cards = [
        synthetic_runs.card("grey", HOSTILE),
        synthetic_runs.card("plane"),
        synthetic_runs.card("series"),
    ]
    models = {"vae": "vae", HOSTILE: "gan", "held-out": "baseline"}
    return synthetic_runs.write_run(tmp_path_factory.mktemp("run") / "run", cards, models)


@pytest.mark.slow
def test_three_pictures_of_each_data_set(run: Run) -> None:
    files = render_png(run, load_registry())
    assert len(files) == 9
    for name, content in files.items():
        assert "/" not in name
        with Image.open(io.BytesIO(content)) as image:
            assert image.format == "PNG"
            assert len(image.convert("RGB").resize((60, 60)).getcolors(3600) or []) > 3, name
    assert {"some-plane-pareto.png", "some-plane-samples.png", "some-series-compute.png"} <= files.keys()


@pytest.mark.slow
def test_names_are_text_in_svg_and_the_same_run_gives_the_same_file(run: Run) -> None:
    files = render_svg(run, load_registry())
    assert files == render_svg(run, load_registry())
    texts = {
        "".join(element.itertext()).strip()
        for content in files.values()
        for element in ElementTree.fromstring(content).iter("{http://www.w3.org/2000/svg}text")
    }
    assert HOSTILE in texts


def test_the_command_writes_a_folder(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["report", str(run.folder), "--format", "png"]
    assert run_command_line([*arguments, "-o", str(tmp_path / "figures")]) == 0
    assert "files into" in capsys.readouterr().err
    assert (tmp_path / "figures" / "some-plane-pareto.png").exists()
    assert run_command_line(arguments) == 4


def test_a_run_with_nothing_to_draw(tmp_path: Path) -> None:
    run = synthetic_runs.write_run(tmp_path / "run", [], {})
    with pytest.raises(UsageError, match="nothing to draw"):
        render_png(run, load_registry())
