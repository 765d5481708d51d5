"""What a leaderboard says in words: its setting, how it ranks, what its marks mean, what is missing."""

from __future__ import annotations

from collections.abc import Iterable

from genbench_reports.format import machines as machine
from genbench_reports.format.columns import LIKELIHOOD_METRICS
from genbench_reports.format.likelihood_marks import DOUBTED, ROUGH, marks_legend
from genbench_reports.format.numbers import format_value
from genbench_reports.format.text import clean, named, plural
from genbench_reports.leaderboard.ranking import order_by_kind
from genbench_reports.leaderboard.rows import Board, BoardMetric
from genbench_reports.leaderboard.standing_notes import NOT_BETTER
from genbench_reports.statistics.uncertain_means import UncertainMean


def caption(board: Board) -> str:
    """What all rows have in common."""
    job = board.setting.job
    parts = []
    if board.dataset is not None:
        spec = board.dataset.spec
        shape = "×".join(str(size) for size in spec.event_shape)
        values = f"{spec.levels} levels" if spec.levels else "real values"
        if spec.variable_length:
            shape = f"up to {shape}, whole; compared in windows of {board.dataset.window}"
        parts.append(f"{spec.modality} {shape}, {values}")
    more = f" ({job.ranking_samples} for the metric that ranks)" if job.ranking_samples else ""
    parts.append(f"N = {job.samples} samples, scored against as many of the test split{more}")
    if any(not row.is_calibration for row in board.rows):
        parts.append(f"ranked by {board.ranking_metric.title}" if board.can_rank else "no ranks")
    parts.append(f"budget {clean(job.budget)}")
    seeds = sorted({seed for row in board.rows for seed in row.seeds})
    if seeds:
        parts.append(f"{plural(len(seeds), 'seed')} ({', '.join(map(str, seeds))})")
    parts.append(f"{clean(job.device)}, {plural(job.threads, 'thread')}")
    parts.append(f"data version {clean(job.dataset_version)}, protocol {clean(job.protocol)}")
    return " · ".join(parts)


def notes(board: Board) -> Iterable[str]:
    """What to know about the main table, one or two sentences each; none where there is no row."""
    if not board.rows:
        return
    if any(not row.is_calibration for row in board.rows):
        metric = board.ranking_metric
        direction = "" if metric.better == "neither" else f" ({metric.better} is better)"
        reason = f", because {clean(board.rule.reason)}" if board.rule.reason else ""
        yield f"Ranked by {metric.plain_title}{direction}{reason}. {board.claim}"
        yield from _scale(board)
        yield from _tracks(board)
    yield from _extractors(board)
    yield from _hardware(board)
    yield from _likelihoods(board)
    yield from _column_notes(board.main_metrics)
    for name in board.columns:
        metric = board.metrics[name]
        if metric.reasons and not metric.has_values:
            yield f"No {metric.plain_title}: {'; '.join(metric.reasons)}."


def further_notes(board: Board) -> Iterable[str]:
    """What to know about the table of further metrics."""
    yield from _rough(board, board.further_metrics)
    yield from _column_notes(board.further_metrics)


def _tracks(board: Board) -> Iterable[str]:
    """Which rows were tuned, and the order within each track: rows of one have had a search that others had not."""
    if not board.has_tuned:
        return
    yield (
        "Two tracks: rows with a search had their hyperparameters chosen on the validation split, at the cost that the"
        " column search states on top of that of their training; the others have defaults, or settings by hand."
    )
    metric = board.ranking_metric
    for track, is_tuned in (("Defaults", False), ("Tuned", True)):
        found = [
            row
            for row in board.rows
            if not row.is_calibration
            and (row.tuned is not None) == is_tuned
            and row.mean(metric.name) is not None
        ]
        if found:
            yield f"{track}, in the order of the table: {', '.join(clean(row.label) for row in found)}."


def _column_notes(metrics: Iterable[BoardMetric]) -> Iterable[str]:
    """The notes that every value of a column carries; columns with equal notes share one."""
    titles: dict[str, list[str]] = {}
    for metric in metrics:
        if metric.note is not None:
            titles.setdefault(metric.note, []).append(metric.plain_title)
    for note, names in titles.items():
        yield f"{named(names, most=len(names))}: {note}."


def _rough(board: Board, metrics: Iterable[BoardMetric]) -> Iterable[str]:
    """What the mark of a rough error means, where a column has one."""
    names = {metric.name for metric in metrics}
    if any(row.values[name].is_rough for row in board.rows for name in names if name in row.values):
        yield f"{ROUGH}: the error is rough, because the examples are too few or too dependent for a better one."


def _scale(board: Board) -> Iterable[str]:
    """What the values are measured against."""
    rule, title = board.rule, board.ranking_metric.plain_title
    if board.floor is None:
        yield f"No floor, and so no scores: the run has no row {rule.floor}, which is real held-out data."
    else:
        yield f"Real held-out data: {title} {_with_error(board.floor)}."
    if board.zero is None:
        yield f"No zero, and so no scores: the run has no row {rule.zero}."
    else:
        value = _with_error(board.zero)
        yield f"Score 0 is {rule.zero}, because {rule.zero_reason}: {title} {value}. Score 1 is real held-out data."
    if rule.true_families:
        names = named(rule.true_families)
        verb = "contains" if len(rule.true_families) == 1 else "contain"
        yield f"{names} {verb} the true density, so that no model is asked to beat {names} here."
    yield from _not_better(board)
    yield from _rough(board, board.main_metrics)


def _with_error(mean: UncertainMean) -> str:
    return format_value(mean.value, mean.stderr if mean.is_known else None)


def _not_better(board: Board) -> Iterable[str]:
    """What the mark of rows that beat no yardstick means, in one sentence for all rows to which the same applies."""
    labels: dict[tuple[str, ...], list[str]] = {}
    for row in board.rows:
        if row.standing is not None and row.standing.not_beaten:
            labels.setdefault(row.standing.not_beaten, []).append(row.label)
    for yardsticks, found in labels.items():
        verb, error = ("does", "its error") if len(found) == 1 else ("do", "their errors")
        who, metric = named(found, most=len(found)), board.ranking_metric.plain_title
        yield f"{NOT_BETTER} {who} {verb} not beat {named(yardsticks)} by {metric} beyond {error}."


def unsupported(board: Board) -> str | None:
    """The models that cannot take the data, in one line."""
    names = sorted({clean(result.job.variant) for result in board.unsupported})
    return f"Unsupported, so not run: {', '.join(names)}." if names else None


def _extractors(board: Board) -> Iterable[str]:
    identities = sorted({identity for metric in board.metrics.values() for identity in metric.extractors})
    if len(identities) == 1:
        yield f"Features: {identities[0]}."
    elif identities:
        yield f"Metrics from different features are not comparable; there are {', '.join(identities)}."


def _hardware(board: Board) -> Iterable[str]:
    """With each table, because readers see tables alone."""
    found = machine.machines(
        result.provenance for row in board.rows for result in row.results if result.provenance
    )
    if len(found) > 1:
        yield f"Measured on different machines, so times are not comparable: {'; '.join(found)}."
    elif found and found != [machine.UNKNOWN]:
        yield f"Measured on: {found[0]}."


def _likelihoods(board: Board) -> Iterable[str]:
    metric = next((board.metrics[name] for name in board.columns if name in LIKELIHOOD_METRICS), None)
    if metric is None:
        return
    values = [row.values[metric.name] for row in board.rows if metric.name in row.values]
    kinds = [
        record.kind
        for value in values
        for record in value.records.values()
        if record.kind is not None and record.value is not None and value.kind is not None
    ]
    if not kinds:
        return
    title = metric.plain_title
    yield f"{title}: {clean(marks_legend(kinds))}. Kinds are not ranked against each other."
    if any(value.doubts for value in values):
        yield f"{DOUBTED}: the likelihood fails its audit, so the value is not ranked and never the best."
    for kind, labels in order_by_kind(board.rows, metric.name, metric.better).items():
        yield f"{title}, {clean(kind)}, best first: {', '.join(clean(label) for label in labels)}."
