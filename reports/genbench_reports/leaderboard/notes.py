"""What a leaderboard says in words: its setting, how it ranks, what its marks mean, what is missing."""

from __future__ import annotations

from collections.abc import Iterable

from genbench_reports.format import machines as machine
from genbench_reports.format.columns import LIKELIHOOD_METRICS, metric_title
from genbench_reports.format.likelihood_marks import DOUBTED, marks_legend
from genbench_reports.format.text import clean, plural
from genbench_reports.leaderboard.ranking import order_by_kind
from genbench_reports.leaderboard.standings import Standings
from genbench_reports.leaderboard.tables import uniform_note


def caption(standings: Standings) -> str:
    """What all rows have in common."""
    job = standings.table.setting.job
    parts = []
    if standings.dataset is not None:
        spec = standings.dataset.spec
        shape = "×".join(str(size) for size in spec.event_shape)
        values = f"{spec.levels} levels" if spec.levels else "real values"
        parts.append(f"{spec.modality} {shape}, {values}")
    parts.append(f"N = {job.samples} samples, scored against as many of the test split")
    parts.append(f"budget {clean(job.budget)}")
    seeds = sorted({result.job.seed for entry in standings.ordered for result in entry.results})
    if seeds:
        parts.append(f"{plural(len(seeds), 'seed')} ({', '.join(map(str, seeds))})")
    parts.append(f"{clean(job.device)}, {plural(job.threads, 'thread')}")
    parts.append(f"data version {clean(job.dataset_version)}, protocol {clean(job.protocol)}")
    return " · ".join(parts)


def notes(standings: Standings) -> Iterable[str]:
    """One sentence or two each; none where there is no row."""
    if not standings.ordered:
        return
    if any(not entry.is_calibration for entry in standings.ordered):
        better = standings.better(standings.headline)
        direction = "" if better == "neither" else f" ({better} is better)"
        title = metric_title(standings.headline, "neither")
        yield f"Ranked by {title}{direction}. {standings.ranking.claim}"
    yield from _extractors(standings)
    yield from _hardware(standings)
    yield from _likelihoods(standings)
    for name in standings.present:
        note = uniform_note(standings, name)
        if note is not None:
            yield f"{metric_title(name, 'neither')}: {note}."
    for name in standings.main:
        yield from _absence(standings, name)


def unsupported(standings: Standings) -> str | None:
    """The models that cannot take the data, in one line."""
    names = sorted({clean(result.job.variant) for result in standings.table.unsupported})
    return f"Unsupported, so not run: {', '.join(names)}." if names else None


def _extractors(standings: Standings) -> Iterable[str]:
    identities = sorted(
        {
            clean(figure.extractor)
            for name in standings.present
            for figure in standings.figures(name)
            if figure.extractor
        }
    )
    if len(identities) == 1:
        yield f"Features: {identities[0]}."
    elif identities:
        yield f"Figures of different features do not compare; here are {', '.join(identities)}."


def _hardware(standings: Standings) -> Iterable[str]:
    """Beside the table, since tables are read alone."""
    found = machine.machines(
        result.provenance for entry in standings.ordered for result in entry.results if result.provenance
    )
    if len(found) > 1:
        yield f"Measured on different machines, so that times do not compare: {'; '.join(found)}."
    elif found != [machine.UNKNOWN]:
        yield f"Measured on: {found[0]}."


def _likelihoods(standings: Standings) -> Iterable[str]:
    name = next((name for name in standings.main if name in LIKELIHOOD_METRICS), None)
    if name is None:
        return
    kinds = [
        figure.kind
        for entry in standings.ordered
        for figure in entry.figures(name).values()
        if figure.kind is not None and figure.value is not None and entry.kind(name) is not None
    ]
    if not kinds:
        return
    title = metric_title(name, "neither")
    yield f"{title}: {clean(marks_legend(kinds))}. Kinds are not ranked against each other."
    if any(entry.doubts(name) for entry in standings.ordered):
        yield f"{DOUBTED}: the likelihood fails its audit, so that the figure has no rank and is never the best."
    for kind, labels in order_by_kind(standings.ordered, name, standings.better(name)).items():
        yield f"{title}, {clean(kind)}, best first: {', '.join(clean(label) for label in labels)}."


def _absence(standings: Standings, name: str) -> Iterable[str]:
    """Why a column of the layout is not there, where the records say."""
    reasons = {clean(figure.note) for figure in standings.figures(name) if figure.note}
    if reasons and not standings.has_value(name):
        yield f"No {metric_title(name, 'neither')}: {'; '.join(sorted(reasons))}."
