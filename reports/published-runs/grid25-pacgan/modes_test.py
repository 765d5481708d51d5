"""Which of two models covers more modes, over seeds, and what chance it has if they are alike.

    python modes_test.py RUN gan pacgan

RUN: a run's folder. Prints the modes covered at the end of each seed's training, as the paper counts them (not by the
selected checkpoint: it is chosen by the Fréchet distance, which of points in the plane knows mean and covariance
alone, and may be an early, blurred one), and the one-sided Mann-Whitney test
(exact where no two are tied, else by the normal approximation) and permutation test (of the difference of means, by
100,000 shuffles) of the second model's being greater.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from scipy.stats import mannwhitneyu

METRICS = ("modes_covered", "high_quality_share")
SHUFFLES = 100_000


def figures(run: Path, model: str) -> Iterator[tuple[int, dict[str, float]]]:
    """Seed, and the figures of that job's last state; a record holds them apart where another was selected."""
    for path in run.glob("jobs/*/result.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["job"]["model"] == model and record["status"] == "ok":
            values = {
                metric["name"]: metric["value"] for metric in record["last_metrics"] or record["metrics"]
            }
            yield record["job"]["seed"], {name: values[name] for name in METRICS}


def permutation_p(lesser: list[float], greater: list[float], shuffles: int = SHUFFLES) -> float:
    """Share of shuffles in which the second sample's mean is ahead by as much or more; itself counted (Phipson & Smyth
    2010)."""
    joined, count, observed = lesser + greater, len(greater), sum(greater)
    draw = random.Random(0)
    reached = sum(sum(draw.sample(joined, count)) >= observed - 1e-9 for _ in range(shuffles))
    return (reached + 1) / (shuffles + 1)


def main(run: Path, first: str, second: str) -> None:
    modes: dict[str, list[float]] = {}
    for model in (first, second):
        by_seed = dict(sorted(figures(run, model)))
        modes[model] = [each["modes_covered"] for each in by_seed.values()]
        quality = [each["high_quality_share"] for each in by_seed.values()]
        print(
            f"{model}: modes {' '.join(f'{value:.0f}' for value in modes[model])};"
            f" mean {sum(modes[model]) / len(modes[model]):.1f},"
            f" high quality {sum(quality) / len(quality):.1%}, {len(quality)} seeds"
        )
    rank_test = mannwhitneyu(modes[second], modes[first], alternative="greater")
    print(f"Mann-Whitney, one-sided: U = {rank_test.statistic:.1f}, p = {rank_test.pvalue:.2g}")
    print(f"permutation, one-sided: p = {permutation_p(modes[first], modes[second]):.2g}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
