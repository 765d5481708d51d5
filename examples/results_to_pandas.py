"""Read the results of a run into pandas: one row per job and metric, then means over seeds.

    python examples/results_to_pandas.py FOLDER

FOLDER is the folder of a run, as `genai-bench run --out FOLDER` or compare_three_models.py leave it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pandas as pd

from genbench.records.run_folder import Run


def read_metrics(folder: Path) -> pd.DataFrame:
    """One row per job and metric.

    Columns: dataset, model, seed and status of the job; metric, value, stderr, unit, better and n of the metric.
    A job that failed has one row, whose metric is missing, so that no failure drops out of the table.
    """
    rows = []
    for result in Run.open(folder).results():
        job = {
            "dataset": result.job.dataset,
            "model": result.job.variant,
            "seed": result.job.seed,
            "status": result.status,
        }
        metrics = [msgspec.to_builtins(metric) for metric in result.metrics] or [{}]
        for metric in metrics:
            wanted = {key: metric.get(key) for key in ("value", "stderr", "unit", "better", "n")}
            rows.append({**job, "metric": metric.get("name"), **wanted})
    return pd.DataFrame(rows).astype({"value": float, "stderr": float})


def main(folder: Path) -> int:
    table = read_metrics(folder)
    print(f"{len(table)} rows, {table['metric'].nunique()} metrics\n")

    # A standard error over seeds needs two seeds; with one seed pandas gives NaN.
    over_seeds = table.groupby(["dataset", "model", "metric"])["value"].agg(["mean", "sem", "count"])
    wanted = ["sliced_wasserstein", "high_quality_share", "modes_covered"]
    chosen = over_seeds[over_seeds.index.isin(wanted, level="metric")]
    print(chosen.round(4).to_string(), "\n")

    # One row per model, one column per metric: the form that plotting libraries take.
    means = table.pivot_table(index="model", columns="metric", values="value")
    print(means[[name for name in wanted if name in means]].round(4).to_string())
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
