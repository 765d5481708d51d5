"""What the HTML report draws and counts, each against something independent."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import mido
import msgspec
import numpy as np
import pytest
import scipy.signal
import synthetic_runs
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from genbench.api.cards import Better
from genbench.metrics.cards import METRIC_CARDS
from genbench.util.tensor_files import write_tensors
from genbench_reports.charts.chart_data import curve_rows
from genbench_reports.html.packed import embedded_json
from genbench_reports.leaderboard.leaderboard import build_leaderboards
from genbench_reports.samples.density import view_of
from genbench_reports.samples.image_grids import tiles_of
from genbench_reports.samples.latents import LATENT_TRAVERSALS_FILE, latent_pictures
from genbench_reports.samples.neighbours import MAX_COMPARED, TrainingSet
from genbench_reports.samples.piano_rolls import STEP_SECONDS, midi_of, notes_of
from genbench_reports.samples.png import LEVELS, Picture, colour_sheet, grey_sheet
from genbench_reports.samples.series import spectrum
from genbench_reports.samples.texts import text_of
from genbench_reports.statistics.pareto import pareto_front


def opened(picture: Picture) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.uri.split(",")[1]))).convert("RGBA"))


# ---- pictures


def test_a_sheet_has_its_tiles_row_by_row_with_clear_gaps() -> None:
    tiles = np.array([[[0, 31], [31, 0]], [[31, 31], [31, 31]], [[0, 0], [0, 0]]], np.uint8)
    shown = opened(grey_sheet(tiles, columns=2))
    assert shown.shape == (5, 5, 4)
    assert shown[:2, :2, 0].tolist() == [[0, 255], [255, 0]]
    assert (shown[:2, 3:, :3] == 255).all()
    assert (shown[3:, :2, :3] == 0).all()
    assert (shown[:, 2, 3] == 0).all()
    assert (shown[2, :, 3] == 0).all()
    assert (shown[3:, :2, 3] == 255).all()


def test_few_colours_are_kept_as_they_are() -> None:
    colours = np.array([[200, 10, 20], [0, 0, 0], [255, 255, 255], [3, 90, 250]], np.uint8)
    tiles = colours.reshape(1, 2, 2, 3).repeat(2, 0)
    shown = opened(colour_sheet(tiles, columns=2))
    assert (shown[:, :2, :3] == tiles[0]).all()
    assert (shown[:, 2, 3] == 0).all()


def test_samples_are_drawn_on_the_scale_of_real_data() -> None:
    """Not each on its own: a faint model stays faint."""
    spec = synthetic_runs.card("grey").spec
    tiles = tiles_of(spec, torch.full((3, 1, 28, 28), 255))
    assert tiles is not None
    faint = opened(tiles.draw(torch.full((1, 1, 28, 28), 51), 1))
    assert abs(int(faint[0, 0, 0]) - 51) <= 255 / (LEVELS - 1)


# ---- points


@pytest.mark.parametrize("dimension", [2, 5])
def test_points_are_placed_where_they_are(dimension: int) -> None:
    x = torch.randn(500, dimension, generator=torch.Generator().manual_seed(0)).double()
    x[:, -1] *= 9
    view = view_of(x)
    assert view is not None
    plane = view.project(x)
    if dimension == 2:
        assert np.allclose(plane, x)
    else:
        values = np.linalg.eigvalsh(np.cov(x.numpy().T))[::-1][:2]
        assert np.allclose(np.sort(plane.var(0, ddof=1))[::-1], values)
    across, up = view.coordinates(x)
    back = view.low + np.array([across, up]).T / 10_000 * (view.high - view.low)
    assert np.abs(back - plane).max() < 1e-3 * (view.high - view.low).max()
    assert view.outside(x) == 0.0
    assert view.counts(x).sum() == pytest.approx(1.0)
    far = x.clone()
    far[:50] += 1e3
    assert view.outside(far) == pytest.approx(0.1)


def test_upwards_is_more() -> None:
    square = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    view = view_of(square)
    assert view is not None
    counts = view.counts(torch.tensor([[0.0, 1.0]]))
    row, column = np.argwhere(counts > 0)[0]
    assert row < len(counts) / 2
    assert column < len(counts) / 2


# ---- series


def test_the_spectrum_is_scipys_periodogram() -> None:
    x = torch.randn(40, 24, generator=torch.Generator().manual_seed(1)).double() + 3
    _, power = scipy.signal.periodogram(
        x.numpy() - x.mean().item(), detrend=False, scaling="density", return_onesided=False
    )
    assert np.allclose(spectrum(x), power.mean(0)[1:13])


# ---- music


@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=8))
def test_a_midi_file_sounds_as_its_roll(rows: list[list[bool]]) -> None:
    roll = torch.zeros(len(rows), 88, dtype=torch.int64)
    roll[:, 40:45] = torch.tensor(rows).long()
    heard = torch.zeros_like(roll)
    file = mido.MidiFile(file=io.BytesIO(midi_of(notes_of(roll))))
    now, began = 0.0, {}
    for message in file:
        now += message.time
        step = round(now / STEP_SECONDS)
        if message.type == "note_on" and message.velocity:
            began[message.note] = step
        elif message.type in ("note_on", "note_off"):
            heard[began.pop(message.note) : step, message.note - 21] = 1
    assert began == {}
    assert (heard == roll).all()


# ---- text


def test_text_and_codes() -> None:
    assert text_of(torch.tensor([1, 0, 2]), ("a", "\n", "<")) == "⏎\na<"
    assert text_of(torch.tensor([1, 7]), ("a", "b")) == "b\N{REPLACEMENT CHARACTER}"
    assert text_of(torch.tensor([1, 0, 2]), None) == "1 0 2"
    assert text_of(torch.tensor([0]), ("\x1b",)) == "\N{REPLACEMENT CHARACTER}"


# ---- memorisation


def test_copies_lie_at_no_distance_and_real_data_at_their_own() -> None:
    data = synthetic_runs.build("grey some-grey")
    tiles = tiles_of(data.spec, data.test.tensor())
    assert tiles is not None
    training = TrainingSet(data, data.test.tensor())
    assert training.neighbours(data.train.tensor(), tiles).ratio == 0.0
    assert training.neighbours(data.test.tensor(), tiles).ratio == pytest.approx(1.0)


def test_neighbours_are_the_nearest_by_brute_force() -> None:
    data = synthetic_runs.build("grey some-grey")
    samples = synthetic_runs.examples(data.spec, 200, seed=9)
    tiles = tiles_of(data.spec, data.test.tensor())
    assert tiles is not None
    flat = data.train.tensor().flatten(1).double()
    distances = torch.cdist(samples[:MAX_COMPARED].flatten(1).double(), flat)
    least, index = distances.min(1)
    order = least.argsort(stable=True)[:8]
    expected = tiles.draw(torch.cat([samples[order], data.train.tensor()[index[order]]]), 8)
    assert TrainingSet(data, data.test.tensor()).neighbours(samples, tiles).picture == expected


# ---- latent spaces


def test_latent_spaces_are_drawn_where_a_job_kept_them(tmp_path: Path) -> None:
    spec = synthetic_runs.card("grey").spec
    tiles = tiles_of(spec, torch.full((1, 1, 28, 28), 255))
    assert tiles is not None
    assert latent_pictures(tmp_path, spec, tiles, 12) == {}
    grid = synthetic_runs.examples(spec, 12, seed=0).float()
    write_tensors(
        {"traversals": grid.unflatten(0, (3, 4)), "examples": grid.clone()}, tmp_path / LATENT_TRAVERSALS_FILE
    )
    (picture,) = latent_pictures(tmp_path, spec, tiles, 12).values()
    assert (picture.width, picture.height) == (4 * 29 - 1, 3 * 29 - 1)
    (tmp_path / LATENT_TRAVERSALS_FILE).write_bytes(b"damaged")
    assert latent_pictures(tmp_path, spec, tiles, 12) == {}


# ---- charts


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12),
    st.sampled_from(["lower", "higher"]),
)
def test_a_front_holds_what_nothing_beats(points: list[tuple[int, int]], better: Better) -> None:
    sign = -1 if better == "higher" else 1
    signed = [(x, sign * y) for x, y in points]
    unbeaten = {p for p in signed if not any(q[0] <= p[0] and q[1] <= p[1] and q != p for q in signed)}
    front = [signed[index] for index in pareto_front(points, better)]
    assert set(front) == unbeaten
    assert front == sorted(front)
    assert len(front) == len(unbeaten)


def test_curves_are_means_over_seeds_at_planned_checkpoints() -> None:
    card = synthetic_runs.card("grey")
    results = [synthetic_runs.make_result("vae", "vae", card, seed, 2.0) for seed in range(3)]
    # a step later than planned in one seed, and missed in another
    results[0].curve[0] = msgspec.structs.replace(results[0].curve[0], fraction=0.13)
    del results[2].curve[1]
    cards = {each.name: each for each in METRIC_CARDS}
    (board,) = build_leaderboards(results, cards, {card.name: card}).boards
    ((_, curve),) = curve_rows(board.board)
    assert curve.axes["steps"] == (100, 500, 750, 1000)
    values = np.array([2.0, 2.02, 2.04])
    assert curve.means["frechet_distance"][0] == pytest.approx(values.mean())
    assert curve.errors["frechet_distance"][0] == pytest.approx(values.std(ddof=1) / np.sqrt(3))
    assert curve.kinds == {"bits_per_dim": "exact"}


@given(st.text() | st.sampled_from(["</script>", "<!--", "]]>"]))
def test_data_in_the_page_cannot_end_their_element(text: str) -> None:
    assert not set("<>&") & set(embedded_json({"name": text}))
    assert json.loads(embedded_json({"name": text})) == {"name": text}
