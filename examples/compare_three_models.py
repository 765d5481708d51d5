"""Compare three models on one data set: train each for 100 steps with two seeds, and print who leads.

    python examples/compare_three_models.py FOLDER

FOLDER will hold the run. Start the script again with the same folder, and it trains only what is missing.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean

from genbench.cli.main import run_command_line
from genbench.records.run_folder import Run

MODELS = ("gan", "vae", "made")
SUITE = Path(__file__).with_name("small.toml")  # budget, seeds, number of samples


def main(folder: Path) -> int:
    # On the command line: genai-bench run --suite examples/small.toml -m gan -m vae -m made -d ring8 --out FOLDER
    models = [argument for model in MODELS for argument in ("-m", model)]
    code = run_command_line(["run", "--suite", str(SUITE), *models, "-d", "ring8", "--out", str(folder)])
    if code != 0:
        return code  # 2: some job failed, 4: an argument was wrong; the reason is on the screen

    # The command has printed a leaderboard. The same results as Python objects:
    distances: dict[str, list[float]] = defaultdict(list)
    for result in Run.open(folder).results():
        for metric in result.metrics:
            if metric.name == "sliced_wasserstein" and metric.value is not None:
                distances[result.job.variant].append(metric.value)
    ranking = sorted(distances, key=lambda model: mean(distances[model]))
    for model in ranking:
        values = ", ".join(f"{value:.3f}" for value in distances[model])
        print(f"{model:5} sliced Wasserstein distance {mean(distances[model]):.3f}  (seeds: {values})")
    print(f"closest to real data: {ranking[0]}")
    return 0


# The guard is needed: worker processes import this script again.
if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
