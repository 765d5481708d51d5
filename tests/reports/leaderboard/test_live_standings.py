"""The standings that a run shows while it goes on, fed with hand-made results."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from rich.console import Console

from genbench.plugin.discovery import load_registry
from genbench.plugin.live_panel import LivePanel
from genbench.plugin.registry import Registry
from genbench.records.result import Result
from genbench.records.run_folder import Plan, Run
from genbench_reports.leaderboard.live_standings import LiveStandings

Make = Callable[..., Result]
Open = Callable[..., LiveStandings]


@pytest.fixture
def open_panel(tmp_path: Path, registry: Registry) -> Open:
    """The panel of a run that plans the jobs of some results, a few of which are stored already."""

    def open_panel(planned: Sequence[Result], stored: Sequence[Result] = ()) -> LiveStandings:
        run = Run.create(tmp_path / "run", Plan(suite="s", jobs=[result.job for result in planned]))
        for result in stored:
            run.store(result)
        return LiveStandings(run, registry.metrics, registry.datasets)

    return open_panel


def shown(panel: LiveStandings, width: int = 100, height: int = 18) -> list[str]:
    """The lines as drawn, without the blanks at their ends."""
    part = panel.render(width, height)
    if part is None:
        return []
    console = Console(file=io.StringIO(), width=width)
    lines = console.render_lines(part, pad=False)
    assert len(lines) <= height
    texts = ["".join(segment.text for segment in line).rstrip() for line in lines]
    assert all(len(text) <= width for text in texts)
    return texts


def image_results(result: Make) -> list[Result]:
    """Two models and a baseline, two seeds each; the second model fails once."""
    return [
        result(
            "vae", seed=0, figures={"frechet_distance": 4.0, "bits_per_dim": 2.5}, kind="lower bound (ELBO)"
        ),
        result("gan", family="gan", seed=0, figures={"frechet_distance": 3.0, "precision": 0.5}),
        result("noise", family="baseline", seed=0, figures={"frechet_distance": 1.0}),
        result(
            "vae", seed=1, figures={"frechet_distance": 5.0, "bits_per_dim": 2.6}, kind="lower bound (ELBO)"
        ),
        result("gan", family="gan", seed=1, status="oom", reason="9 GiB [bold]\x1b[31m in train"),
        result("noise", family="baseline", seed=1, figures={"frechet_distance": 1.1}),
    ]


def test_it_is_a_panel_and_the_reports_plugin_gives_it(
    open_panel: Open, result: Make, tmp_path: Path
) -> None:
    panel = open_panel(image_results(result))
    assert isinstance(panel, LivePanel)
    given = load_registry().ask(
        "genbench_live_panels", run=Run.open(tmp_path / "run"), registry=load_registry()
    )
    assert [type(each) for each in given] == [LiveStandings]


def test_the_standing_follows_the_jobs(open_panel: Open, result: Make) -> None:
    results = image_results(result)
    panel = open_panel(results)
    assert shown(panel) == []
    assert panel.finished(results[0]) == []
    assert shown(panel)[:2] == [
        "tiny-image  Fréchet ↓  so far, 1 of 6 jobs",
        "1  vae  4.000  1 seed  bits/dim ↓ ≤2.500",
    ]
    for each in results[1:4]:
        assert panel.finished(each) == []
    heading, *rows = [line for line in shown(panel) if line]
    assert heading.endswith("so far, 4 of 6 jobs")
    assert [row.split()[:4] for row in rows] == [
        ["1", "gan", "3.000", "1"],
        ["2", "vae", "4.500", "2"],  # the mean over its seeds
        ["noise", "1.000", "1", "seed"],  # calibration: better, without a rank, last
    ]


def test_failures_are_named_and_cleaned_and_the_end_is_one_line(open_panel: Open, result: Make) -> None:
    results = image_results(result)
    panel = open_panel(results)
    for each in results[:5]:
        panel.finished(each)
    lines = shown(panel)
    assert "1 failed, the last: gan, oom: 9 GiB [bold] in train" in lines
    # a mean over the seeds that survived would flatter it: no rank
    assert next(line for line in lines if "gan" in line).split()[0] == "gan"
    (line,) = panel.finished(results[5])
    assert line == "tiny-image is done: 1 vae 4.500 (Fréchet ↓; 6 jobs, 1 failed)"
    assert shown(panel) == []


def test_a_run_that_is_taken_up_again_starts_from_what_is_stored(open_panel: Open, result: Make) -> None:
    results = image_results(result)
    panel = open_panel(results, stored=results[:3])
    assert shown(panel) == []  # nothing of it is under way yet
    panel.finished(results[3])
    assert shown(panel)[0].endswith("so far, 4 of 6 jobs")


def test_data_sets_and_settings_stand_apart_the_last_touched_first(open_panel: Open, result: Make) -> None:
    planned = [
        result("vae", dataset=dataset, seed=seed, budget=budget, figures={"frechet_distance": 2.0})
        for dataset in ("tiny-image", "tiny-series")
        for budget in ("1s", "10s")
        for seed in range(2)
    ]
    panel = open_panel(planned)
    for each in (planned[0], planned[2], planned[4]):
        panel.finished(each)
    headings = [line.split()[0] for line in shown(panel, height=18) if "so far" in line]
    assert headings == ["tiny-series", "tiny-image", "tiny-image"]
    assert len([line for line in shown(panel, height=7) if "so far" in line]) == 2
    assert panel.finished(planned[1])[0].startswith("tiny-image is done: 1 vae 2.000")
    assert len([line for line in shown(panel) if "so far" in line]) == 2


def test_it_keeps_to_its_room(open_panel: Open, result: Make) -> None:
    planned = [
        result(
            f"a-long-model-name-{number}",
            variant=f"a-long-model-name-{number}:latent_dim=32",
            seed=seed,
            figures={"frechet_distance": float(number), "bits_per_dim": 1.0},
        )
        for number in range(30)
        for seed in range(2)
    ]
    panel = open_panel(planned)
    for each in planned[:-1]:
        panel.finished(each)
    for width in (10, 20, 39, 59, 60, 80, 200):
        for height in (2, 3, 5, 18, 50):
            lines = shown(panel, width, height)  # which checks that none is folded or too many
            assert bool(lines) == (height >= 3)


def test_a_doubted_likelihood_and_text_of_others_are_marked(open_panel: Open, result: Make) -> None:
    planned = [
        result(
            "evil[red]\x1b[2J",
            dataset="tiny-tokens",
            seed=seed,
            figures={"bits_per_dim": 1.5},
            kind="AIS estimate (gap 0.10 nats)",
        )
        for seed in range(2)
    ]
    panel = open_panel(planned)
    panel.finished(planned[0])
    row = next(line for line in shown(panel) if "evil" in line)
    assert "evil[red]" in row
    assert "≈1.500" in row
    assert "\x1b" not in row
