"""`genai-bench pictures`: the files read back show what the run kept."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import synthetic_runs
import torch
from PIL import Image
from safetensors.torch import load_file

from genbench import DataSpec
from genbench.cli.main import run_command_line
from genbench_reports.charts.pictures import pixels, samples_beside_real, tiled

SUITE = """
summary = "to be drawn"
budget = "20steps"
sampling_seconds = 30.0
seeds = 1
samples = 100
importance_samples = 8
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictured") / "run"
    suite = folder.with_suffix(".toml")
    suite.write_text(SUITE)
    for models, dataset in ((("vae", "made", "projection-gan"), "digits"), (("vae", "made"), "ring8")):
        chosen = [part for model in models for part in ("-m", model)]
        options = [*chosen, "-d", dataset, "--suite", str(suite), "--jobs", "2"]
        assert run_command_line(["run", *options, "--out", str(folder)]) == 0
    return folder


def test_each_job_gets_the_pictures_of_what_it_kept(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "pictures"
    assert run_command_line(["pictures", str(finished), "-o", str(out)]) == 0
    names = {path.stem for path in out.iterdir()}
    expected = {
        *(
            f"digits-{model}-seed0-{kind}"
            for model in ("vae", "made", "projection-gan")
            for kind in ("samples",)
        ),
        *(f"digits-vae-seed0-{kind}" for kind in ("completions", "traversals", "interpolations")),
        *(f"digits-made-seed0-{kind}" for kind in ("completions", "entropy")),
        "digits-projection-gan-seed0-classes",
        "ring8-vae-seed0-samples",
        "ring8-made-seed0-samples",
    }
    assert names == expected
    for path in out.iterdir():
        with Image.open(path) as image:
            image.load()
            assert np.asarray(image.convert("L")).std() > 5, f"{path.name} is blank"


def test_traversals_start_where_the_encoder_says_and_move(finished: Path) -> None:
    files = [load_file(path) for path in finished.glob("jobs/*/*/inside.safetensors")]
    (kept,) = (file for file in files if "traversals" in file and file["traversals"].ndim == 5)
    assert kept["traversals"].shape == (6, 7, 1, 8, 8)
    assert kept["interpolations"].shape == (4, 8, 1, 8, 8)
    assert kept["traversals"].std(1).amax() > 0
    assert (kept["interpolations"][:, 0] - kept["interpolations"][:, -1]).abs().amax() > 0


def test_one_model_of_one_data_set_and_what_is_not_there(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run_command_line(["pictures", str(finished), "-o", str(tmp_path), "-m", "made", "-d", "ring8"]) == 0
    )
    assert [path.name for path in tmp_path.iterdir()] == ["ring8-made-seed0-samples.png"]
    assert run_command_line(["pictures", str(finished), "-o", str(tmp_path), "-m", "gan"]) == 4
    assert "has no samples of gan on any data set" in capsys.readouterr().err


def test_without_matplotlib_one_line_says_what_to_install(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "matplotlib" else find(name, *rest)
    )
    assert run_command_line(["pictures", str(finished), "-o", str(tmp_path)]) == 4
    assert "pip install 'genbench[pictures]'" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["letters", "codes", "music", "series"])
def test_text_music_and_series_have_pictures_too(kind: str) -> None:
    card = synthetic_runs.card(kind)
    samples, real = (synthetic_runs.examples(card.spec, 20, seed) for seed in (1, 2))
    figure = samples_beside_real(samples, real, card, "a title")
    assert figure is not None
    figure.canvas.draw()
    left, right = figure.axes
    texts = [text.get_text() for text in right.texts]
    if kind == "letters":
        assert card.alphabet is not None
        assert "".join(card.alphabet[code] for code in samples[0][:20]) in texts[0]
    elif kind == "series":
        assert len(right.lines) > 5
        # real windows in an order of chance, not the first ones
        assert not np.allclose(left.lines[0].get_ydata(), real[0, :, 0])
    else:
        assert texts or right.images


def test_one_file_where_one_is_named(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "all.png"
    assert run_command_line(["pictures", str(finished), "-o", str(out), "-m", "made"]) == 0
    with Image.open(out) as sheet:
        assert sheet.format == "PNG"
        assert sheet.height > sheet.width


def test_pixels_keep_the_scale_of_the_data_and_tiles_their_places() -> None:
    spec = DataSpec(name="i", modality="image", event_shape=(1, 2, 2), levels=5)
    x = torch.arange(4).reshape(1, 1, 2, 2).repeat(3, 1, 1, 1)
    shown = pixels(x, spec)
    assert shown[0, ..., 0].tolist() == [[0.0, 0.25], [0.5, 0.75]]
    sheet = tiled(shown, 2)
    assert sheet.shape == (5, 5, 3)
    assert (sheet[2] == 1).all()
    assert (sheet[:, 2] == 1).all()
    assert sheet[3:, :2, 1].tolist() == [[0.0, 0.25], [0.5, 0.75]]
    assert (sheet[3:, 3:] == 1).all()
