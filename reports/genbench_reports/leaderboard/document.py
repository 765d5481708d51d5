"""What a leaderboard document says as a whole: the tables, and the words around them."""

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

READING_NOTES = (
    "Figures are those of the checkpoint that was best on the validation split, computed on the test split.",
    "± is the standard error over seeds.",
    "Bold is the best of a column among contenders. Rows of family “baseline” calibrate: real data that was"
    " held out is the floor, and a copy of the training set shows what memorisation looks like. They have no"
    " rank.",
)
SUMMARY_NOTE = (
    "Mean rank over the data sets on which a model is ranked: a summary, not a claim, since models meet"
    " different data sets and different rivals."
)


@dataclass(frozen=True)
class Document:
    """title, commands: of the runs. status: how many jobs came to what. machines, software, dates: from
    the provenance. cautions: what makes the whole hard to compare. boards: the tables."""

    title: str
    commands: tuple[str, ...]
    status: str
    machines: tuple[str, ...]
    software: tuple[str, ...]
    dates: str | None
    cautions: tuple[str, ...]
    boards: Leaderboards


def make_document(run: Run, registry: Registry, datasets: Iterable[str] | None = None) -> Document:
    """The document of a run, or of some of its data sets."""
    wanted = None if datasets is None else set(datasets)
    results = [result for result in run.results() if wanted is None or result.job.dataset in wanted]
    planned = [job for job in run.plan.jobs if wanted is None or job.dataset in wanted]
    provenances = machine.collect(run, results)
    found = machine.machines(provenances)
    cautions = []
    if len(found) > 1:
        cautions.append(
            "The results come from different machines: times, and budgets in seconds, do not compare."
        )
    if len(versions := machine.software(provenances)) > 1:
        cautions.append("The results come from different versions of the software.")
    if isinstance(run, JoinedRuns) and run.repeated:
        cautions.append(f"{plural(run.repeated, 'result')} left out: the same job is in a run named earlier.")
    statuses = Counter(result.status for result in results)
    unsupported = statuses.pop("unsupported", 0)
    status = f"{statuses.pop('ok', 0)} of {plural(len(planned), 'job')} ok"
    status += "".join(f", {count} {clean(name)}" for name, count in sorted(statuses.items()))
    without = len(planned) + unsupported - len(results)
    status += f", {without} without a result yet" if without else ""
    status += f"; {plural(unsupported, 'pair')} of model and data set unsupported" if unsupported else ""
    return Document(
        title=f"genai-bench leaderboard: {clean(run.plan.suite) or 'unnamed suite'}",
        commands=tuple(clean(shlex.join(part.plan.command)) for part in runs_of(run) if part.plan.command),
        status=status + ".",
        machines=tuple(found),
        software=tuple(versions),
        dates=machine.dates(provenances),
        cautions=tuple(cautions),
        boards=build_leaderboards(results, registry.metrics, {**registry.datasets, **run.plan.datasets}),
    )
