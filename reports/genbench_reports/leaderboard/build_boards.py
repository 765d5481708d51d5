"""Builds leaderboards from results: the one place where seeds become means, ranks and best values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import msgspec

from genbench.api import Better, DatasetCard, MetricCard, RankingRule
from genbench.records.job import Job
from genbench.records.likelihood_kinds import comparable
from genbench.records.result import Cost, MetricValue, Result
from genbench_reports.format.columns import COST_COLUMNS, LIKELIHOOD, LIKELIHOOD_METRICS, choose_columns
from genbench_reports.format.table import best_values
from genbench_reports.format.text import clean
from genbench_reports.leaderboard.board_scale import make_scale
from genbench_reports.leaderboard.grouping import SettingResults, VariantResults, group_results
from genbench_reports.leaderboard.lazy_values import LazyValues
from genbench_reports.leaderboard.merge_notes import merge_notes
from genbench_reports.leaderboard.metric_versions import of_one_version
from genbench_reports.leaderboard.ranking import Ranking, rank_rows
from genbench_reports.leaderboard.rows import Board, BoardMetric, Row, Value
from genbench_reports.leaderboard.setting import CONDITION_FIELDS, DATA_FIELDS
from genbench_reports.leaderboard.standing_notes import reported_and_last, standing_notes
from genbench_reports.statistics.seeds import Estimate
from genbench_reports.statistics.uncertain_means import uncertain_mean

MAX_COPIED_SHARE_ABOVE_REAL = 0.1
"""A row is said to copy where the share of its samples that equal a training example is larger than that of held-out
real data by more than this."""
_DISTURBED = (
    "disturbed: training took longer by the clock (column training of the costs) than the processor time that it"
    " used, because other processes had the processor or the model waited"
)
"""The note on such rows; equal notes share a footnote."""
MIN_DISTURBED_SECONDS = 1.0
"""Shorter trainings say nothing about neighbours."""
MAX_WALL_PER_CPU_SECOND = 1.25
"""A job whose training takes more seconds of the wall clock per second of processor time is called disturbed."""

MIN_RECALL_SHARE = 0.05
"""A row is called collapsed if its recall is less than this share of that of held-out real data."""
REWARD_COLLAPSE = ("precision", "density", "high_quality_share")
"""Metrics in which few good samples, drawn again and again, have the best values."""


def build_boards(
    results: Iterable[Result],
    cards: Mapping[str, MetricCard],
    datasets: Mapping[str, DatasetCard],
    *,
    by_hardware: bool = False,
) -> list[Board]:
    """A leaderboard for each data set and setting. Cards are missing where their plugin is not installed. by_hardware:
    and for each class of hardware."""
    groups = group_results(of_one_version(results), by_hardware=by_hardware)
    boards = []
    for group in groups:
        setting, name = group.setting, group.setting.job.dataset
        rivals = [other.setting for other in groups if other.setting.job.dataset == name]
        differences = setting.differences(rivals, (*CONDITION_FIELDS, *DATA_FIELDS))
        title = f"{name} ({differences})" if differences else name
        boards.append(build_board(group, cards, datasets.get(name), title))
    return boards


def build_board(
    group: SettingResults, cards: Mapping[str, MetricCard], dataset: DatasetCard | None, title: str
) -> Board:
    """The leaderboard of one setting."""
    metrics = _metrics(group, cards)
    chosen = choose_columns(dataset.spec.modality if dataset else None, cards, metrics)
    likelihood = _first(LIKELIHOOD_METRICS, metrics) or LIKELIHOOD_METRICS[-1]
    usual = likelihood if chosen.headline == LIKELIHOOD else chosen.headline
    rule = _rule(group.setting.job, dataset, usual)
    headline = rule.metric
    groups = (chosen.fidelity, chosen.diversity, chosen.memorisation)
    others = [_first([name for name in names if name != headline], metrics) for names in groups]
    columns = tuple(dict.fromkeys([headline, likelihood, *filter(None, others)]))
    further = (*columns, headline, *_curve_names(group))
    metrics |= {name: _metric(name, (), cards) for name in further if name not in metrics}
    drafts = [_draft_row(variant, metrics, headline) for variant in group.variants]
    drafts = [replace(row, is_collapsed=_is_collapsed(row, drafts, rule)) for row in drafts]
    better = metrics[headline].better
    is_logarithmic = headline in cards and cards[headline].is_logarithmic
    scale = make_scale(drafts, rule, better, is_logarithmic=is_logarithmic)
    ranking = rank_rows(drafts, rule, better, scale)
    entrants = tuple(_finish_rows(drafts, ranking, metrics, rule))
    return Board(
        title=title,
        setting=group.setting,
        dataset=dataset,
        metrics=metrics,
        headline=headline,
        rule=rule,
        floor=scale.floor,
        zero=scale.zero,
        span=scale.span,
        yardsticks=tuple(scale.yardsticks),
        can_rank=bool(ranking.ranks),
        columns=columns,
        rows=tuple(_in_order(entrants, ranking, metrics[headline])),
        entrants=entrants,
        claim=ranking.claim,
        unsupported=group.unsupported,
    )


def _rule(job: Job, dataset: DatasetCard | None, usual: str) -> RankingRule:
    """What ranks the board: what its jobs name. Old jobs name nothing, and the metric that is usual for the data ranked
    them."""
    metric = job.ranking or usual
    if dataset is None:
        return RankingRule(metric=metric, reason="")
    rule = dataset.ranking_rule
    return rule if rule.metric == metric else msgspec.structs.replace(rule, metric=metric, reason="")


# ---- metrics


def _metrics(group: SettingResults, cards: Mapping[str, MetricCard]) -> dict[str, BoardMetric]:
    """Every metric that is recorded: first those with cards, in their order, then the others as they come."""
    records: dict[str, list[MetricValue]] = {}
    for variant in group.variants:
        for result in variant.results:
            for record in result.metrics:
                records.setdefault(record.name, []).append(record)
    names = [*(name for name in cards if name in records), *(name for name in records if name not in cards)]
    return {name: _metric(name, records[name], cards) for name in names}


def _curve_names(group: SettingResults) -> list[str]:
    """The metrics that were computed on the validation split, at checkpoints."""
    points = (p for variant in group.variants for result in variant.results for p in result.curve)
    return list(dict.fromkeys(record.name for point in points for record in point.metrics))


def _metric(name: str, records: Sequence[MetricValue], cards: Mapping[str, MetricCard]) -> BoardMetric:
    notes = {record.note for record in records if record.value is not None}
    note = notes.pop() if len(notes) == 1 else None
    better = cards[name].better if name in cards else records[0].better if records else "neither"
    return BoardMetric(
        name=name,
        better=better,
        has_values=any(record.value is not None for record in records),
        note=None if note is None else clean(note),
        reasons=tuple(sorted({clean(note) for note in {record.note for record in records} if note})),
        extractors=frozenset(map(clean, filter(None, {record.extractor for record in records}))),
        unit=clean(records[0].unit) if records else "",
    )


def _first(names: Sequence[str], metrics: Mapping[str, BoardMetric]) -> str | None:
    """The first of the metrics that has values; where none has, the first that is recorded, whose notes say why."""
    recorded = [name for name in names if name in metrics]
    return next((name for name in recorded if metrics[name].has_values), recorded[0] if recorded else None)


# ---- rows


def _draft_row(variant: VariantResults, metrics: Mapping[str, BoardMetric], headline: str) -> Row:
    """All of a row that does not depend on other rows."""
    recorded = {metric.name for result in variant.results for metric in result.metrics}
    values = LazyValues(
        (name for name in metrics if name in recorded), lambda name: _value(variant, metrics[name])
    )
    job = (*variant.results, *variant.failures)[0].job
    return Row(
        label=variant.label,
        family=job.family,
        job=job,
        rank=None,
        values=values,
        costs=_costs(variant.results),
        bound_by=tuple(sorted({clean(r.cost.bound_by) for r in variant.results if r.cost.bound_by})),
        notes=tuple(_row_notes(variant, values.get("copied_share"), headline)),
        results=variant.results,
        failures=variant.failures,
        is_over_budget=any(result.cost.budget_overrun for result in variant.results),
    )


def _value(variant: VariantResults, metric: BoardMetric) -> Value:
    """A metric that a seed recorded."""
    recorded = {
        result.job.seed: (result, record)
        for result in variant.results
        if (record := result.metric(metric.name)) is not None
    }
    records = {seed: record for seed, (_, record) in recorded.items()}
    by_seed = {seed: record.value for seed, record in records.items() if record.value is not None}
    recorded_kinds = {record.kind for record in records.values() if record.value is not None}
    kinds = {None if kind is None else comparable(kind) for kind in recorded_kinds}
    mean = (
        uncertain_mean(
            by_seed,
            {seed: record.stderr for seed, record in records.items()},
            {seed: record.test_stderr for seed, record in records.items()},
        )
        if len(kinds) == 1
        else None
    )
    notes = [clean(record.note) for record in records.values() if record.note]
    several = len(variant.results) > 1
    doubts = tuple(
        f"seed {seed}: {doubt}" if several else doubt
        for seed, (result, record) in recorded.items()
        if (doubt := result.doubt(record))
    )
    return Value(
        by_seed=by_seed,
        mean=None if mean is None else mean.value,
        stderr=mean.stderr if mean is not None and mean.is_known else None,
        uncertain=mean,
        is_rough=any(record.is_rough for record in records.values()),
        records=records,
        kind=kinds.pop() if len(kinds) == 1 else None,
        notes=tuple(merge_notes([note for note in notes if mean is None or note != metric.note])),
        doubts=doubts,
        is_complete=(
            not variant.failures and mean is not None and len(by_seed) == len(variant.results) and not doubts
        ),
    )


def _costs(results: Sequence[Result]) -> Mapping[str, Value]:
    """Every cost that a seed recorded, over the seeds that did."""
    by_name: dict[str, dict[int, float]] = {}
    for result in results:
        for name, number in _numbers(result.cost).items():
            by_name.setdefault(name, {})[result.job.seed] = number

    def cost(name: str) -> Value:
        estimate = Estimate(by_name[name])
        return Value(estimate.by_seed, estimate.mean, estimate.stderr)

    return LazyValues(by_name, cost)


def _numbers(cost: Cost) -> dict[str, float]:
    """The numeric fields of the record that were measured, and what follows from them."""
    numbers = {
        name: float(value)
        for name in Cost.__struct_fields__
        if isinstance(value := getattr(cost, name), int | float)
    }
    for name in ("peak_rss_bytes", "peak_cuda_bytes"):
        peaks = [numbers[key] for key in (f"train_{name}", f"sample_{name}") if key in numbers]
        if peaks:
            numbers[name] = max(peaks)
    if cost.samples_per_second:
        numbers["seconds_per_sample"] = 1 / cost.samples_per_second
    return numbers


def _row_notes(variant: VariantResults, copied: Value | None, headline: str) -> Iterable[str]:
    if variant.failures:
        total = len(variant.results) + len(variant.failures)
        yield f"mean over {len(variant.results)} of {total} seeds, because the others failed; not ranked"
    if copied is not None and copied.mean is not None:
        real = max((record.real or 0.0 for record in copied.records.values()), default=0.0)
        if copied.mean > MAX_COPIED_SHARE_ABOVE_REAL + real:
            compared = f"; {real:.0%} of held-out real data do" if real else ""
            yield (
                f"copies training data: {copied.mean:.0%} of its samples equal a training example{compared}"
            )
    for result in variant.results:
        seed = f"seed {result.job.seed}: " if len(variant.results) > 1 else ""
        if _is_disturbed(result):
            yield _DISTURBED
        yield from (f"{clean(variant.label)}: {seed}{clean(warning)}" for warning in result.warnings)
        yield from (f"{clean(variant.label)}: {seed}{note}" for note in reported_and_last(result, headline))


def _is_disturbed(result: Result) -> bool:
    """Whether other processes had the processor while a model trained within a time."""
    wall, cpu = result.cost.train_seconds, result.cost.train_cpu_seconds
    if result.job.device != "cpu" or result.job.training_budget.is_repeatable or wall is None or cpu is None:
        return False
    return wall >= MIN_DISTURBED_SECONDS and wall > MAX_WALL_PER_CPU_SECOND * cpu


# ---- what depends on all rows


def _is_collapsed(row: Row, rows: Sequence[Row], rule: RankingRule) -> bool:
    """Whether the samples are warned of as collapsed, or cover next to nothing of the real data."""
    if row.is_calibration:
        return False
    if any(warning.startswith("mode collapse") for result in row.results for warning in result.warnings):
        return True
    recall = row.mean("recall")
    if recall is None:
        return False
    floor = next((other.mean("recall") for other in rows if other.job.model == rule.floor), None)
    return recall < MIN_RECALL_SHARE * (1.0 if floor is None else floor)


def _finish_rows(
    rows: Sequence[Row], ranking: Ranking, metrics: Mapping[str, BoardMetric], rule: RankingRule
) -> Iterable[Row]:
    """The rows with their ranks and what they have to be marked with, and with their best values marked."""
    columns = {column.name: column.better for column in COST_COLUMNS}
    best_metrics = LazyValues(metrics, lambda name: _best_by_kind(rows, metrics[name]))
    best_costs = LazyValues(columns, lambda name: _best_cost(rows, name, columns[name]))

    def values_of(row: Row) -> Mapping[str, Value]:
        def marked(name: str) -> Value:
            may_be_best = not row.is_calibration and _may_be_best(row, name)
            return _marked(row.values[name], may_be_best, best_metrics[name].get(row.values[name].kind))

        return LazyValues(row.values, marked)

    def costs_of(row: Row) -> Mapping[str, Value]:
        return LazyValues(
            row.costs,
            lambda name: _marked(row.costs[name], not row.is_calibration, best_costs.get(name)),
        )

    for row in rows:
        yield replace(
            row,
            rank=ranking.ranks.get(row.label),
            standing=ranking.standings.get(row.label),
            notes=(*row.notes, *standing_notes(row)),
            values=values_of(row),
            costs=costs_of(row),
        )


def _may_be_best(row: Row, metric: str) -> bool:
    """Whether the row's value can be the best: complete, and not of samples that have too little variety where the
    metric rewards that."""
    return row.values[metric].is_complete and not (row.is_collapsed and metric in REWARD_COLLAPSE)


def _marked(value: Value, may_be_best: bool, best: float | None) -> Value:
    is_best = may_be_best and value.mean is not None and value.mean == best
    return replace(value, is_best=True) if is_best else value


def _best_by_kind(rows: Sequence[Row], metric: BoardMetric) -> dict[str | None, float | None]:
    """The best complete value of a contender for each likelihood kind; the key of other metrics is None."""
    means: dict[str | None, list[float]] = {}
    for row in rows:
        value = row.values.get(metric.name)
        if value is None or value.mean is None or row.is_calibration:
            continue
        if _may_be_best(row, metric.name):
            means.setdefault(value.kind, []).append(value.mean)
    return {kind: best_values(members, metric.better) for kind, members in means.items()}


def _best_cost(rows: Sequence[Row], name: str, better: Better) -> float | None:
    costs = [row.costs[name].mean for row in rows if not row.is_calibration and name in row.costs]
    return best_values(costs, better)


def _in_order(rows: Sequence[Row], ranking: Ranking, metric: BoardMetric) -> list[Row]:
    places = {label: place for place, label in enumerate(ranking.ranks)}
    sign = -1.0 if metric.better == "higher" else 1.0

    def place(row: Row) -> tuple[bool, int, float, str]:
        mean = row.mean(metric.name)
        value = float("inf") if mean is None else sign * mean
        return (row.is_calibration, places.get(row.label, len(places)), value, row.label)

    return sorted((row for row in rows if row.results), key=place)
