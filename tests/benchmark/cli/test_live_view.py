"""The live view on terminals of all kinds. What a terminal shows is read from what was written to it."""

from __future__ import annotations

import io
import logging
from typing import Any

import pytest
from jobs import make_job
from rich.console import Console
from rich.text import Text

from genbench.cli.live_view import LiveView, can_redraw, duration
from genbench.records.job import Job
from genbench.records.result import MetricValue, Result
from genbench.records.task import Message


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def result_of(job: Job, status: Any = "ok", reason: str | None = None, **figure: Any) -> Result:
    metrics = [MetricValue(**{"unit": "", "better": "lower", **figure})] if figure else []
    return Result(id=job.id, status=status, reason=reason, job=job, metrics=metrics)


class Panel:
    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def finished(self, result: Result) -> list[str]:
        return [f"panel heard of seed {result.job.seed}"]

    def render(self, width: int, height: int) -> Text:
        self.sizes.append((width, height))
        return Text("the panel [not markup]", no_wrap=True, overflow="ellipsis")


class Broken(Panel):
    def render(self, width: int, height: int) -> Text:
        raise RuntimeError("no standings today")


def watch(console: Console, panels: list[Any], count: int = 3) -> str:
    """A run of some jobs, the last of which fails; everything that was written."""
    jobs = [make_job("Good", seed=seed, budget="10s") for seed in range(count)]
    with LiveView(console, jobs, 1, panels) as view:
        for job in jobs:
            view.message(job, Message(kind="phase", phase="train"))
            view.message(job, Message(kind="progress", fraction=0.5, losses={"loss": 1.25}))
            if view._live:
                view._live.refresh()
            failed = job is jobs[-1]
            view.finished(
                job,
                result_of(job, "oom", "too [much]")
                if failed
                else result_of(job, name="bits_per_dim", value=2.5, kind="lower bound (ELBO)"),
            )
    written = console.file
    assert isinstance(written, io.StringIO)
    return written.getvalue()


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.mark.parametrize(
    ("kind", "sign"),
    [
        ("exact", "= "),
        ("lower bound (IWAE-100)", "≤ "),
        ("AIS estimate (gap 0.12 nats)", "≈ "),
        (None, ""),
    ],
)
def test_likelihoods_carry_the_sign_of_their_kind(kind: str | None, sign: str) -> None:
    console = Console(file=io.StringIO(), width=100)
    job = make_job("Good")
    with LiveView(console, [job], 1) as view:
        view.finished(job, result_of(job, name="bits_per_dim", value=2.5, kind=kind))
    assert f"seed 0  bits per dim {sign}2.5" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_terminal_shows_lines_panels_jobs_and_the_time_left() -> None:
    panel = Panel()
    console = Console(file=Screen(), width=100, height=30, legacy_windows=False)
    shown = watch(console, [panel])
    for text in (
        "Good on tiny, seed 0  bits per dim ≤ 2.5",
        "panel heard of seed 1",
        "the panel [not markup]",
        " 50% of 10s",
        "loss 1.25",
        "too [much]",
    ):
        assert text in Text.from_ansi(shown).plain, text
    assert " left" in shown
    # one job, the bar, and a line to spare
    assert {size for size in panel.sizes if size[1] == 27}
    assert all(width == 100 and height <= 28 for width, height in panel.sizes)


@pytest.mark.parametrize("width", [12, 20, 40, 59, 60, 89, 90, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """A folded line changes the height of the region: it flickers, and leaves rests behind."""
    console = Console(file=Screen(), width=width, height=24, legacy_windows=False)
    jobs = [make_job("Good", variant="a-model-with-a-long-name:latent_dim=32,beta=4", budget="10s")]
    view = LiveView(console, jobs, 1, [Panel()])
    view.message(jobs[0], Message(kind="progress", fraction=0.5, losses={"a_long_loss": 1.25, "other": 2.0}))
    lines = console.render_lines(view._render(), pad=False)
    assert all(sum(segment.cell_length for segment in line) <= width for line in lines)
    assert len(lines) == 3


def test_long_losses_leave_room_for_what_runs() -> None:
    console = Console(file=Screen(), width=100, height=24, legacy_windows=False)
    job = make_job("Good", variant="gaussian-mixture", dataset="two-moons", budget="100steps")
    view = LiveView(console, [job], 1)
    losses = {"negative_log_likelihood_of_the_batch": 1.25, "other": 2.0}
    view.message(job, Message(kind="progress", fraction=0.5, losses=losses))
    first = "".join(segment.text for segment in console.render_lines(view._render(), pad=False)[0])
    assert "gaussian-mixture on two-moons   50% of 100steps  start" in first
    assert first.rstrip().endswith("…")


def test_a_low_terminal_gives_panels_no_room() -> None:
    panel = Panel()
    shown = watch(Console(file=Screen(), width=100, height=5, legacy_windows=False), [panel])
    assert panel.sizes == [(100, 3)] * len(panel.sizes)  # between jobs
    assert "panel heard of seed 1" in shown


def test_a_panel_that_raises_is_named_once_and_the_run_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    good = Panel()
    with caplog.at_level(logging.WARNING):
        watch(Console(file=Screen(), width=100, height=40, legacy_windows=False), [Broken(), good])
    (record,) = caplog.records
    assert record.getMessage() == "live panel Broken failed: RuntimeError: no standings today"
    assert good.sizes


@pytest.mark.parametrize(
    ("environment", "file", "redraws"),
    [
        ({}, Screen, True),
        ({}, io.StringIO, False),
        ({"TERM": "dumb"}, Screen, False),
        ({"TERM": "unknown"}, Screen, False),
        ({"CI": "true"}, Screen, False),
        ({"CI": "false"}, Screen, True),
        ({"FORCE_COLOR": "1"}, io.StringIO, False),
    ],
)
def test_only_a_real_terminal_is_redrawn(
    environment: dict[str, str],
    file: type[io.StringIO],
    redraws: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    console = Console(file=file(), legacy_windows=False)
    assert can_redraw(console) == redraws
    shown = watch(console, [Panel()])
    plain = Text.from_ansi(shown).plain
    assert ("the panel" in plain) == redraws
    if not redraws:
        assert "\x1b[2K" not in shown
        assert "\x1b[1A" not in shown
        lines = plain.splitlines()
        assert lines[0].startswith("1/3 ok           Good on tiny, seed 0  bits per dim ≤ 2.5  (about ")
        assert [line for line in lines if line.startswith("panel")] == [
            f"panel heard of seed {seed}" for seed in range(3)
        ]
        assert lines[4] == "3/3 oom          Good on tiny, seed 2  too [much]"


def test_a_finished_job_shows_the_value_that_ranks_its_data_set() -> None:
    job = make_job("Good", ranking="js_divergence")
    metrics = [
        MetricValue(name="bits_per_dim", value=2.5, unit="", better="lower", kind="exact"),
        MetricValue(name="js_divergence", value=0.022345, unit="", better="lower", stderr=0.00104),
    ]
    console = Console(file=io.StringIO(), width=100)
    with LiveView(console, [job], 1) as view:
        view.finished(job, Result(id=job.id, status="ok", job=job, metrics=metrics))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "1/1 ok           Good on tiny, seed 0  js divergence 0.0223±0.0010\n"


def test_lines_align_in_a_pipe() -> None:
    jobs = [make_job("Good", variant=name, seed=seed) for name in ("a", "long-name") for seed in range(6)]
    console = Console(file=io.StringIO(), width=100)
    with LiveView(console, jobs, 1) as view:
        for job in jobs:
            view.finished(job, result_of(job, name="bits_per_dim", value=2.5))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert (
        len({line.index(" on tiny") - len(job.variant) for line, job in zip(lines, jobs, strict=True)}) == 1
    )
    assert len({line.index("bits per dim") for line in lines}) == 1


def test_durations_are_short() -> None:
    assert [duration(seconds) for seconds in (4.2, 89, 600, 12600)] == ["4 s", "89 s", "10 min", "3.5 h"]
