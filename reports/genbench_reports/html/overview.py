"""The first screen: what was compared, under what budget, who leads, and how sure one may be of it.

Everything is read off the leaderboards: nothing is ranked here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genbench_reports.format.columns import metric_title
from genbench_reports.format.numbers import format_value
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import MISSING, clean, plural
from genbench_reports.leaderboard.leaderboard import Leaderboard, Leaderboards
from genbench_reports.leaderboard.standings import Standings
from genbench_reports.statistics.seeds import MINIMUM_SEEDS

_NAMED = 3
HELD_OUT = "held-out"
APART = "Welch’s t-test sets it apart from all others."


@dataclass(frozen=True)
class Leader:
    """label, family: of the entry that is ranked first. metric, figure: by which, and its value. certainty: how sure
    one may be. is_sure: a test sets it apart from every other. floor: what held-out real data get, or None."""

    board: Leaderboard
    label: str
    family: str
    metric: str
    figure: str
    certainty: str
    is_sure: bool
    floor: str | None


def leaders(boards: Leaderboards) -> list[Leader]:
    """One for each board that ranks somebody."""
    found = (_leader(board) for board in boards.boards)
    return [each for each in found if each is not None]


def _leader(board: Leaderboard) -> Leader | None:
    standings = board.standings
    ranks = standings.ranking.ranks
    if not ranks:
        return None
    label, rank = next(iter(ranks.items()))
    entry = next(entry for entry in standings.table.entries if entry.label == label)
    estimate = entry.estimate(standings.headline)
    if len(ranks) == 1:
        certainty, is_sure = "The only model that is ranked here.", False
    elif rank.group is None:
        seeds = min(len(entry.results) for entry in standings.table.entries if entry.label in ranks)
        certainty = f"{plural(seeds, 'seed')}: nothing is claimed; it takes {MINIMUM_SEEDS}."
        is_sure = False
    else:
        others = [clean(name) for name, each in ranks.items() if each.group == rank.group and name != label]
        is_sure = not others
        certainty = f"Not told apart from {_few(others)}." if others else APART
    return Leader(
        board,
        clean(label),
        entry.family,
        metric_title(standings.headline, standings.better(standings.headline)),
        format_value(estimate.mean, estimate.stderr) if estimate else MISSING,
        certainty,
        is_sure,
        _floor(standings),
    )


def _floor(standings: Standings) -> str | None:
    for entry in standings.table.entries:
        if entry.is_calibration and any(result.job.model == HELD_OUT for result in entry.results):
            estimate = entry.estimate(standings.headline)
            return None if estimate is None else format_value(estimate.mean)
    return None


def _few(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return f"{', '.join(names[: _NAMED - 1])} and {len(names) - _NAMED + 1} others"


def facts(boards: Leaderboards) -> dict[str, str]:
    """What was compared, in a few words each; fields that differ are listed."""
    entries = [entry for board in boards.boards for entry in board.standings.table.entries]
    jobs = [result.job for entry in entries for result in (*entry.results, *entry.failures)]
    if not jobs:
        return {}
    contenders = {entry.label: entry.family for entry in entries if not entry.is_calibration}
    families = sorted(set(contenders.values()))
    datasets = dict.fromkeys(job.dataset for job in jobs)
    seeds = {job.seed for job in jobs}
    budgets = dict.fromkeys(clean(job.budget) for job in jobs)
    devices = dict.fromkeys(f"{clean(job.device)}, {plural(job.threads, 'thread')}" for job in jobs)
    families_word = "family" if len(families) == 1 else "families"
    return {
        "models": f"{len(contenders)} in {len(families)} {families_word}",
        "data sets": str(len(datasets)),
        "training budget": " or ".join(budgets) + " each",
        "seeds": str(len(seeds)),
        "device": " or ".join(devices),
    }


def ranks_across(boards: Sequence[Leaderboard]) -> Table:
    """The rank of every contender on every board, in the order in which they were first met; a letter is a group
    that the test cannot separate."""
    families: dict[str, str] = {}
    for board in boards:
        families |= {
            entry.label: entry.family
            for entry in board.standings.table.entries
            if not entry.is_calibration and entry.label not in families
        }
    columns = (
        Column("model", numeric=False, essential=True),
        Column("family", numeric=False),
        *(Column(clean(board.title)) for board in boards),
    )
    rows = []
    for label, family in families.items():
        ranks = [board.standings.ranking.ranks.get(label) for board in boards]
        cells = [
            Cell(str(rank), value=rank.number, best=rank.number == 1) if rank else Cell(MISSING)
            for rank in ranks
        ]
        rows.append((Cell(clean(label)), Cell(clean(family)), *cells))
    return Table(columns, tuple(rows))
