"""How often rank groups are wrong, and what they find: leaderboards of simulated models, whose truth is known.

    python -m genbench_reports.statistics.simulate_ranks [--leaderboards 1000]

prints the tables of docs/statistics.md. All random numbers have a fixed seed.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from genbench_reports.statistics.friedman import friedman
from genbench_reports.statistics.letter_display import share_a_letter
from genbench_reports.statistics.rank_groups import means_of, row_letters
from genbench_reports.statistics.resampling import bootstrap_interval

if TYPE_CHECKING:
    import numpy as np

LEADERBOARDS = 1000
SEEDS = (3, 5, 10)
MODELS = (2, 5, 10)
DATASETS = (3, 5, 10, 20)
DATASETS_MODELS = 5
EFFECT = 2.0
"""For the power: by how many standard deviations over seeds one model is better than all others."""

Draw = Callable[["np.random.Generator", int, int], "np.ndarray"]
"""(generator, models, seeds) -> (models, seeds), for models that are equally good."""


def draw_equal(generator: np.random.Generator, models: int, seeds: int) -> np.ndarray:
    """Normal, with equal spreads: what the formulas assume."""
    return generator.normal(size=(models, seeds))


def draw_uneven(generator: np.random.Generator, models: int, seeds: int) -> np.ndarray:
    """Normal, with spreads between 1 and 10: a GAN beside an autoregressive model."""
    import numpy as np

    return generator.normal(size=(models, seeds)) * np.geomspace(1.0, 10.0, models)[:, None]


def draw_skewed(generator: np.random.Generator, models: int, seeds: int) -> np.ndarray:
    """Log-normal: distances that are occasionally many times their usual value."""
    return generator.lognormal(size=(models, seeds))


def draw_shared(generator: np.random.Generator, models: int, seeds: int) -> np.ndarray:
    """Half of the variance belongs to the seed and is shared by all models."""
    return generator.normal(size=(models, seeds)) + generator.normal(size=(1, seeds))


CONDITIONS: Mapping[str, Draw] = {
    "equal spread": draw_equal,
    "spreads from 1 to 10": draw_uneven,
    "log-normal": draw_skewed,
    "half shared with the seed": draw_shared,
}


@dataclass(frozen=True)
class Rate:
    """A share of repetitions."""

    value: float
    """The share."""
    count: int
    """How many leaderboards or repetitions it is a share of."""

    @property
    def stderr(self) -> float:
        return math.sqrt(self.value * (1 - self.value) / self.count)


def false_alarm_rate(draw: Draw, models: int, seeds: int, leaderboards: int = LEADERBOARDS) -> Rate:
    """How often a leaderboard of models that are equally good tells any two of them apart."""
    generator = _generator(models, seeds)
    alarms = 0
    for _ in range(leaderboards):
        letters = _letters(draw(generator, models, seeds))
        alarms += any(not share_a_letter(*pair) for pair in combinations(letters, 2))
    return Rate(alarms / leaderboards, leaderboards)


def power(
    models: int, seeds: int, effect: float = EFFECT, leaderboards: int = LEADERBOARDS, draw: Draw = draw_equal
) -> Rate:
    """How often a model that is `effect` standard deviations better than all the others, which are equal, ranks before
    another and is told apart from it: the mean over the others."""
    generator = _generator(models, seeds)
    found = 0
    for _ in range(leaderboards):
        values = draw(generator, models, seeds)
        values[0] -= effect
        letters, means = _letters(values), values.mean(axis=1)
        found += sum(
            bool(means[0] < means[other]) and not share_a_letter(letters[0], letters[other])
            for other in range(1, models)
        )
    # the comparisons of one leaderboard share its best model, so they are not independent
    return Rate(found / leaderboards / (models - 1), leaderboards)


def datasets_rate(models: int, datasets: int, effect: float, leaderboards: int = LEADERBOARDS) -> Rate:
    """How often Friedman's and Nemenyi's tests tell one model, which is `effect` standard deviations better on every
    data set, from the others, which are equal: the mean over the others. With an effect of 0 all are equal, and it is
    the share of leaderboards that tell any two of them apart."""
    generator = _generator(models, datasets)
    names = [str(model) for model in range(models)]
    found = 0
    for _ in range(leaderboards):
        values = generator.normal(size=(datasets, models))
        values[:, 0] -= effect
        tested = friedman(values.tolist(), names)
        if effect == 0:
            found += len(tested.groups) > 1
        else:
            found += sum(tested.separable("0", other) for other in names[1:])
    return Rate(found / leaderboards / (1 if effect == 0 else models - 1), leaderboards)


def interval_coverage(seeds: int, repeats: int = LEADERBOARDS) -> Rate:
    """How often the bootstrap interval of so many normal values holds their true mean."""
    generator = _generator(0, seeds)
    held = 0
    for _ in range(repeats):
        interval = bootstrap_interval(generator.normal(size=seeds).tolist())
        held += interval.low <= 0.0 <= interval.high
    return Rate(held / repeats, repeats)


def _letters(values: np.ndarray) -> list[str]:
    """The letters of each model, as a leaderboard gives them, with less being better."""
    order = values.mean(axis=1).argsort().tolist()
    letters = row_letters(means_of([dict(enumerate(values[model].tolist())) for model in order]))
    return [letters[order.index(model)] for model in range(len(order))]


def _generator(*setting: int) -> np.random.Generator:
    import numpy as np

    return np.random.default_rng([0, *setting])


def simulation_tables(leaderboards: int) -> str:
    """The tables of docs/statistics.md, as markdown."""
    from tabulate import tabulate

    def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        align = ["left", *("right" for _ in headers[1:])]
        return tabulate(rows, headers, tablefmt="pipe", colalign=align, disable_numparse=True)

    settings = [(models, seeds) for models in MODELS for seeds in SEEDS]
    effects = (1.0, EFFECT, 4.0, 8.0)
    alarms = [
        [f"{models} models, {seeds} seeds"]
        + [_percent(false_alarm_rate(draw, models, seeds, leaderboards)) for draw in CONDITIONS.values()]
        for models, seeds in settings
    ]
    powers = [
        [f"{models} models, {seeds} seeds"]
        + [_percent(power(models, seeds, effect, leaderboards)) for effect in effects]
        for models, seeds in settings
    ]
    fewer = max(leaderboards // 5, 1)
    over = [
        [text, *(_percent(datasets_rate(DATASETS_MODELS, n, effect, fewer)) for n in DATASETS)]
        for text, effect in (
            ("false alarms", 0.0),
            *((f"power, {effect:g} s.d.", effect) for effect in (1.0, EFFECT, 4.0)),
        )
    ]
    coverage = [
        ["share that holds the mean", *(_percent(interval_coverage(n, leaderboards)) for n in (*SEEDS, 20))]
    ]
    return "\n\n".join(
        (
            f"False alarms: of {leaderboards} leaderboards of equal models, those with more than one group.",
            table(["", *CONDITIONS], alarms),
            f"Power: one model is better than all others, which are equal, by so many standard deviations over seeds;"
            f" {leaderboards} leaderboards.",
            table(["better by", *(f"{effect:g} s.d." for effect in effects)], powers),
            f"Over data sets, {DATASETS_MODELS} models: Friedman's test with Nemenyi's; {fewer} leaderboards.",
            table(["", *(f"{n} data sets" for n in DATASETS)], over),
            f"Bootstrap intervals of 95 %: {leaderboards} means of normal values.",
            table(["", *(f"{n} values" for n in (*SEEDS, 20))], coverage),
        )
    )


def _percent(rate: Rate) -> str:
    return f"{100 * rate.value:.1f} ± {100 * rate.stderr:.1f} %"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m genbench_reports.statistics.simulate_ranks", description=__doc__
    )
    parser.add_argument("--leaderboards", type=int, default=LEADERBOARDS, help="of each setting")
    print(simulation_tables(parser.parse_args().leaderboards))


if __name__ == "__main__":
    main()
