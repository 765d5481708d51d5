"""A whole leaderboard document: the leaderboards, and what is said about all of them."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run
from genbench_reports.format import machines as machine
from genbench_reports.format.joined_runs import JoinedRuns, runs_of
from genbench_reports.format.text import clean, plural
from genbench_reports.leaderboard.leaderboard import Leaderboards, build_leaderboards
from genbench_reports.overview.overview import Overview, make_overview

READING_NOTES = (
    "Metrics are computed on the test split. The weights are those of the checkpoint that was best on the validation"
    " split by the metric that ranks, or within one standard error of the best and later.",
    "± is the standard error: that of the samples and the test set, and with several seeds that of the seeds too.",
    "Bold marks the best value of a column among contenders. Rows of the family “baseline” calibrate and have no"
    " rank: held-out real data show the best value to expect, and a copy of the training set shows what memorisation"
    " looks like.",
)


@dataclass(frozen=True)
class Document:
    """Everything that a leaderboard document says."""

    title: str
    """Heading of the document."""
    commands: tuple[str, ...]
    """The commands that made the runs."""
    status: str
    """How many jobs had which outcome."""
    machines: tuple[str, ...]
    """Where the jobs ran, a line each."""
    software: tuple[str, ...]
    """Versions of the software, a line each."""
    dates: str | None
    """When the jobs ran; None where no record says."""
    cautions: tuple[str, ...]
    """What makes the results hard to compare."""
    leaderboards: Leaderboards
    """The leaderboards."""
    overview: Overview
    """The first screen."""

    @property
    def has_values(self) -> bool:
        """Whether any job has a result that a leaderboard shows."""
        return any(board.board.rows for board in self.leaderboards.boards)


def make_document(run: Run, registry: Registry, datasets: Iterable[str] | None = None) -> Document:
    """The document of a run. datasets: only these; by default all of the run."""
    wanted = None if datasets is None else set(datasets)
    apart = run.by_hardware() if isinstance(run, JoinedRuns) else None
    everything = run.results() if apart is None else apart
    results = [result for result in everything if wanted is None or result.job.dataset in wanted]
    planned = [job for job in run.plan.jobs if wanted is None or job.dataset in wanted]
    provenances = machine.collect(run, results)
    found = machine.machines(provenances)
    cautions = []
    if len(found) > 1:
        cautions.append(
            "The results come from different machines: times, and results under budgets in seconds, are not comparable."
        )
    if len(versions := machine.software(provenances)) > 1:
        cautions.append("The results come from different versions of the software.")
    if apart is not None:
        cautions.append("Results of different hardware are on leaderboards of their own.")
    if apart is None and isinstance(run, JoinedRuns) and run.repeated:
        cautions.append(
            f"{plural(run.repeated, 'result')} left out: an earlier run on the command line has the same job."
        )
    statuses = Counter(result.status for result in results)
    unsupported = statuses.pop("unsupported", 0)
    # a job that was run on two classes of hardware counts twice
    count = len(planned) + len(results) - len({result.id for result in results})
    status = f"{statuses.pop('ok', 0)} of {plural(count, 'job')} ok"
    status += "".join(f", {count} {clean(name)}" for name, count in sorted(statuses.items()))
    without = count + unsupported - len(results)
    status += f", {without} without a result yet" if without else ""
    status += f"; {plural(unsupported, 'pair')} of model and data set unsupported" if unsupported else ""
    leaderboards = build_leaderboards(
        results,
        registry.metrics,
        registry.datasets_of(run.plan.datasets),
        by_hardware=apart is not None,
    )
    return Document(
        title=f"genai-bench leaderboard: {clean(run.plan.suite) or 'unnamed suite'}",
        commands=tuple(clean(shlex.join(part.plan.command)) for part in runs_of(run) if part.plan.command),
        status=status + ".",
        machines=tuple(found),
        software=tuple(versions),
        dates=machine.dates(provenances),
        cautions=tuple(cautions),
        leaderboards=leaderboards,
        overview=make_overview([each.board for each in leaderboards.boards], leaderboards.summaries),
    )
