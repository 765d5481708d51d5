"""How often the regression gate raises a false alarm, and what it finds 95 % of the time: measured on real runs.

    python tests/performance/measure_gate.py run FOLDER      # the runs: about 450 jobs of a few seconds each
    python tests/performance/measure_gate.py study FOLDER    # the tables of docs/regression-gate.md

`run` makes REPEATS runs of the same seeds, one after the other, and one run of many seeds.

*Again*: every pair of the repeated runs, both ways round, is compared as a baseline and a pull request that changes
nothing: the same seeds, other times of day. Times and memory are those that were measured, each with its own probe.
*Other streams*: a harmless change that draws random numbers in another order gives every seed a new result. Seeds are
drawn from the run of many without replacement, SEEDS for the baseline and SEEDS for the pull request, and numbered
from 0 on both sides, so that the paired test meets pairs that have nothing to do with each other.

Regressions of known size are put into one value of the second side at a time: what is better low is multiplied by
1 + x, what is better high by 1 - x, log-likelihoods are moved by x nats (or bits). A regression is found when the
gate, with the correction for all values of the comparison, counts it.
"""

from __future__ import annotations

import argparse
import bisect
import itertools
import math
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from genbench.api.exit_codes import ExitCode
from genbench.plugin.discovery import load_registry
from genbench_reports.gate.baseline import Baseline, Measured, StoredValue, read_side
from genbench_reports.gate.compare import compare_sides
from genbench_reports.gate.thresholds import Thresholds
from genbench_reports.gate.verdict import Verdict

SUITE = Path(__file__).with_name("gate-study.toml")
REPEATS, REPEATED_SEEDS, MANY_SEEDS = 21, 4, 30
SEEDS = 5
COMPARISONS = 400
INJECTIONS = 60
FOUND = 0.95
SIZES = (
    0.02,
    0.05,
    0.1,
    0.15,
    0.2,
    0.25,
    0.3,
    0.35,
    0.4,
    0.5,
    0.6,
    0.7,
    0.8,
    0.9,
    1.0,
    1.5,
    2.0,
    3.0,
    5.0,
    10.0,
)
LOG_UNITS = ("nats", "bits/dim")
MEASURED = ("speed", "memory")

Keep = Callable[[StoredValue], bool]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("what", choices=("run", "study"))
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if arguments.what == "run":
        make_runs(arguments.folder)
    else:
        print_study(arguments.folder)


# ---- the runs


def make_runs(folder: Path) -> None:
    _run(folder / "seeds", "--seeds", str(MANY_SEEDS))
    for number in range(1, REPEATS + 1):
        _run(folder / f"repeat-{number:02}", "-d", "digits", "--seeds", str(REPEATED_SEEDS))


def _run(out: Path, *options: str) -> None:
    command = [
        sys.executable,
        "-m",
        "genbench",
        "run",
        "--suite",
        str(SUITE),
        "--threads",
        "1",
        "--jobs",
        "2",
    ]
    subprocess.run([*command, "--out", str(out), *options], check=True, stdout=subprocess.DEVNULL)


# ---- the study


def print_study(folder: Path) -> None:
    cards = load_registry().metrics
    repeats = [read_side(path, cards) for path in sorted(folder.glob("repeat-*"))]
    pairs = list(itertools.combinations(repeats, 2))
    # both ways round: a machine that got quieter looks like an improvement one way and a regression the other
    again = [compare_sides(one, other, Thresholds()) for one, other in itertools.permutations(repeats, 2)]
    many = only(read_side(folder / "seeds", cards), lambda stored: stored.group not in (*MEASURED, "cost"))
    print("### False alarms\n")
    print("| what | comparisons | values each | any regression | of quality | of speed | of memory |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    print(_alarms(f"again: {len(repeats)} runs, every pair both ways", again))
    for size in (3, SEEDS, 10):
        drawn = draw_pairs(many, size, min(size, SEEDS), COMPARISONS)
        found = [compare_sides(one, other, Thresholds()) for one, other in drawn]
        print(_alarms(f"other streams: {size} seeds against {min(size, SEEDS)}", found))
    print("\n### The machine\n")
    print(_machine(repeats))
    print(f"\n### The smallest regression found in {FOUND:.0%} of comparisons\n")
    print("| metric | unit | threshold alone | streams kept | 5 seeds against 5 | 10 against 5 |")
    print("|---|---|---:|---:|---:|---:|")
    for line in _power_of_quality(many):
        print(line)
    print("\n| metric | rows | smallest found |\n|---|---:|---:|")
    for line in _power_of_costs(pairs):
        print(line)


def _alarms(name: str, found: Sequence[Verdict]) -> str:
    def share(test: Callable[[Verdict], bool]) -> str:
        count = sum(test(each) for each in found)
        low, high = wilson(count, len(found))
        return f"{count} ({low:.1%} to {high:.1%})" if count else f"0 (below {high:.1%})"

    def of(*groups: str) -> Callable[[Verdict], bool]:
        return lambda each: any(stored.group in groups for stored in each.regressions)

    quality = of("quality", "diversity", "likelihood", "memorisation")
    values = statistics.median(each.compared for each in found)
    parts = (
        share(lambda c: c.exit_code == ExitCode.REGRESSION),
        share(quality),
        share(of("speed")),
        share(of("memory")),
    )
    if not any(stored.group in MEASURED for stored in found[0].values):
        parts = (*parts[:2], "—", "—")
    return f"| {name} | {len(found)} | {values:.0f} | {' | '.join(parts)} |"


def wilson(count: int, total: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    z = 1.959964
    centre = (count + z * z / 2) / (total + z * z)
    half = z / (total + z * z) * math.sqrt(count * (total - count) / total + z * z / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


def _machine(repeats: Sequence[Baseline]) -> str:
    probes = [m.probe_seconds for side in repeats for m in side.machines if m.probe_seconds]
    spans = []
    for name in ("train_examples_per_second", "samples_per_second", "sample_latency_seconds"):
        worst = 1.0
        for key in {group.name for group in repeats[0].groups}:
            means = [
                statistics.mean(m.value for m in stored.seeds.values() if m.value is not None)
                for side in repeats
                for group in side.groups
                if group.name == key
                for stored in group.stored_values
                if stored.name == name
            ]
            worst = max(worst, max(means) / min(means))
        spans.append(f"{name} of the same job by up to {worst:.2f}")
    factor = max(probes) / min(probes)
    return f"Between the repeated runs the probe varied by a factor of {factor:.2f}, {', '.join(spans)}."


# ---- pairs of sides


def only(side: Baseline, keep: Keep) -> Baseline:
    groups = [
        msgspec.structs.replace(
            group, stored_values=[stored for stored in group.stored_values if keep(stored)]
        )
        for group in side.groups
    ]
    return msgspec.structs.replace(side, groups=groups)


def with_seeds(side: Baseline, seeds: Sequence[int], *, renumber: bool = True) -> Baseline:
    """Some of a side's seeds, numbered from 0."""
    new = {seed: place if renumber else seed for place, seed in enumerate(seeds)}
    groups = []
    for group in side.groups:
        values = [
            msgspec.structs.replace(
                stored, seeds={new[s]: stored.seeds[s] for s in seeds if s in stored.seeds}, doubts={}
            )
            for stored in group.stored_values
        ]
        jobs = [
            msgspec.structs.replace(state, seed=new[state.seed]) for state in group.jobs if state.seed in new
        ]
        groups.append(msgspec.structs.replace(group, stored_values=values, jobs=jobs))
    return msgspec.structs.replace(side, groups=groups)


def draw_pairs(many: Baseline, first: int, second: int, count: int) -> Iterator[tuple[Baseline, Baseline]]:
    """Without replacement within a pair: no seed is on both sides."""
    chance = random.Random(0)
    seeds = sorted(state.seed for state in many.groups[0].jobs)
    for _ in range(count):
        drawn = chance.sample(seeds, first + second)
        yield with_seeds(many, drawn[:first]), with_seeds(many, drawn[first:])


def worsened(side: Baseline, place: tuple[int, int], size: float) -> Baseline:
    """With one value worse, given by its group and its own place: by a share, or by nats."""
    groups = list(side.groups)
    group = groups[place[0]]
    values = list(group.stored_values)
    stored = values[place[1]]
    sign = 1 if stored.better == "lower" else -1

    def change(measured: Measured) -> Measured:
        if measured.value is None:
            return measured
        by = size if stored.unit in LOG_UNITS else size * abs(measured.value)
        if stored.unit in ("1/s",):  # a time that is longer by the share
            return Measured(measured.value / (1 + size))
        worse = measured.value + sign * by
        # a share that is nothing cannot get worse
        return Measured(max(0.0, worse) if stored.unit == "share" else worse, measured.stderr)

    values[place[1]] = msgspec.structs.replace(
        stored, seeds={seed: change(measured) for seed, measured in stored.seeds.items()}
    )
    groups[place[0]] = msgspec.structs.replace(group, stored_values=values)
    return msgspec.structs.replace(side, groups=groups)


# ---- what is found


def smallest_found(
    pairs: Sequence[tuple[Baseline, Baseline]], place: tuple[int, int], sizes: Iterable[float] = SIZES
) -> float | None:
    """The smallest of the sizes that is found often enough, by bisection; None where none is."""

    def is_missed(size: float) -> bool:
        missed = 0
        for one, other in pairs:
            group = one.groups[place[0]]
            name = group.stored_values[place[1]].name
            comparison = compare_sides(one, worsened(other, place, size), Thresholds())
            missed += not any(
                (each.variant, each.dataset, each.name) == (*group.name, name)
                for each in comparison.regressions
            )
            if missed > (1 - FOUND) * len(pairs):
                return True
        return False

    ordered = sorted(sizes)
    place_of_first = bisect.bisect_left(ordered, True, key=lambda size: not is_missed(size))
    return ordered[place_of_first] if place_of_first < len(ordered) else None


# Two values that many models have of each of the gate's concerns; all of them would take hours.
LOOKED_AT: Mapping[str, str] = {
    "frechet_distance": "digits",
    "kernel_distance": "digits",
    "precision": "digits",
    "recall": "digits",
    "sliced_wasserstein": "ring8",
    "high_quality_share": "ring8",
    "negative_log_likelihood": "digits",
    "bits_per_dim": "digits",
    "train_on_samples_nll": "digits",
}


def _power_of_quality(many: Baseline) -> Iterator[str]:
    kept = list(draw_pairs(many, SEEDS, SEEDS, INJECTIONS))
    same = [(one, one) for one, _ in kept[:10]]
    more = list(draw_pairs(many, 2 * SEEDS, SEEDS, INJECTIONS))
    for name, dataset in LOOKED_AT.items():
        places = [
            (at, within)
            for at, group in enumerate(many.groups)
            for within, stored in enumerate(group.stored_values)
            if stored.name == name
            and group.job.dataset == dataset
            and len(stored.values()) == MANY_SEEDS
            # a share of nothing cannot get worse by a share
            and any(measured.value for measured in stored.seeds.values())
        ]
        values = [many.groups[at].stored_values[within] for at, within in places]
        limits = [
            Thresholds().of(f).size(statistics.mean(m.value for m in f.seeds.values() if m.value is not None))
            for f in values
        ]
        unit = values[0].unit
        if unit not in LOG_UNITS:
            limits = [
                limit / abs(statistics.mean(m.value for m in f.seeds.values() if m.value is not None))
                for limit, f in zip(limits, values, strict=True)
            ]
            unit = "share of the baseline's"
        columns = [_range(limits, unit)]
        columns += [_range([smallest_found(pairs, p) for p in places], unit) for pairs in (same, kept, more)]
        print(f"measured {name}", file=sys.stderr)
        yield f"| `{name}` on {dataset} | {unit} | {' | '.join(columns)} |"


def _power_of_costs(pairs: Sequence[tuple[Baseline, Baseline]]) -> Iterator[str]:
    some = random.Random(0).sample(list(pairs), min(INJECTIONS, len(pairs)))
    names = (
        "train_examples_per_second",
        "samples_per_second",
        "sample_latency_seconds",
        "train_peak_rss_bytes",
        "sample_peak_rss_bytes",
    )
    for name in names:
        places = [
            (at, within)
            for at, group in enumerate(pairs[0][0].groups)
            for within, stored in enumerate(group.stored_values)
            if stored.name == name
        ]
        print(f"measured {name}", file=sys.stderr)
        found = _range([smallest_found(some, place) for place in places], "")
        yield f"| `{name}` | {len(places)} | {found} |"


def _range(values: Sequence[float | None], unit: str) -> str:
    """From the best row to the worst."""
    known = [value for value in values if value is not None]
    if not known:
        return f"none up to {SIZES[-1]:g}"

    def text(value: float) -> str:
        return f"{value:.3g}" if unit in LOG_UNITS else f"{value:.0%}"

    low, high = text(min(known)), text(max(known))
    if len(known) < len(values):
        high = "never"
    return low if low == high else f"{low} to {high}"


if __name__ == "__main__":
    main()
