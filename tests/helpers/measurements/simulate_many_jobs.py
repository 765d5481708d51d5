"""How long many jobs take on several workers that fail now and then (docs/planning-100000-jobs.md):

    python tests/helpers/measurements/simulate_many_jobs.py --jobs 100000 --workers 400

Workers take jobs in the order of the plan when they are free. A job takes its budget, a fixed time for the harness, and
a time besides the budget (sampling, scoring) whose logarithm is normal. A worker that fails loses its job, which starts
anew when its lease has lapsed; the worker comes back after a while.
"""

from __future__ import annotations

import argparse
import heapq
import random
from dataclasses import dataclass

LEASE_SECONDS = 90.0
"""After so long without a sign of life, others run a job (`genbench.util.leases`)."""


@dataclass(frozen=True)
class Setting:
    """What is simulated. Times are in seconds."""

    jobs: int
    """How many jobs there are."""
    workers: int
    """How many run at once."""
    budget: float = 10.0
    """Training of a job."""
    harness: float = 0.5
    """What the harness takes besides, per job."""
    besides: float = 4.0
    """The median time of a job for sampling and scoring."""
    spread: float = 0.5
    """The standard deviation of the logarithm of that time."""
    failures_per_hour: float = 0.0
    """How often a worker fails per hour of work."""
    repair: float = 600.0
    """After so long a worker that failed is back."""
    seed: int = 0
    """The seed of the random numbers."""


@dataclass(frozen=True)
class Outcome:
    """What came out."""

    seconds: float
    """From the first job to the last result."""
    busy_share: float
    """The share of the workers' time that went into results."""
    lost_seconds: float
    """Work on jobs that was lost with a worker."""
    failures: int
    """How many workers failed at a job."""
    tail_seconds: float
    """How long at the end some workers had nothing to do."""


def simulate(setting: Setting) -> Outcome:
    """Run the plan once."""
    chance = random.Random(setting.seed)
    rate = setting.failures_per_hour / 3600
    free = [0.0] * setting.workers  # when each worker is free
    waiting: list[tuple[float, int]] = []  # lost jobs: when their lease has lapsed
    durations = [
        setting.budget + setting.harness + setting.besides * chance.lognormvariate(0, setting.spread)
        for _ in range(setting.jobs)
    ]
    following, useful, lost, failures, end, idle = 0, 0.0, 0.0, 0, 0.0, float("inf")
    while following < setting.jobs or waiting:
        now = heapq.heappop(free)
        if waiting and (waiting[0][0] <= now or following == setting.jobs):
            lapsed, job = heapq.heappop(waiting)
            begin = max(now, lapsed)
        else:
            begin, job, following = now, following, following + 1
        if following == setting.jobs:
            idle = min(idle, free[0] if free else begin)
        until_failure = chance.expovariate(rate) if rate else float("inf")
        if until_failure < durations[job]:
            failures += 1
            lost += until_failure
            heapq.heappush(waiting, (begin + until_failure + LEASE_SECONDS, job))
            heapq.heappush(free, begin + until_failure + setting.repair)
        else:
            useful += durations[job]
            end = max(end, begin + durations[job])
            heapq.heappush(free, begin + durations[job])
    return Outcome(end, useful / (end * setting.workers), lost, failures, max(0.0, end - idle))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=400)
    parser.add_argument("--budget", type=float, default=10.0)
    parser.add_argument("--besides", type=float, default=4.0)
    parser.add_argument("--spread", type=float, default=0.5)
    parser.add_argument("--failures-per-hour", type=float, default=0.0)
    parser.add_argument("--repair", type=float, default=600.0)
    wanted = Setting(**vars(parser.parse_args()))
    found = simulate(wanted)
    print(
        f"{found.seconds / 3600:.2f} h, {found.busy_share:.1%} of the workers' time went into results,"
        f" {found.failures} failures lost {found.lost_seconds / 3600:.2f} h of work, tail {found.tail_seconds:.0f} s"
    )
