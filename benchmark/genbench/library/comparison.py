"""The results of a run as tables and pictures, for programs and notebooks."""

from __future__ import annotations

import json
import sys
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.api.cards import load_factory
from genbench.errors import PluginError, UnknownNameError, UsageError
from genbench.plugin.registry import Registry
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench.samples.stored import load_samples_and_lengths

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

_METRIC_FIELDS = ("value", "stderr", "unit", "better", "kind", "n")


class Comparison:
    """A run and what it says. `genbench.run` and `genbench.load` return one.

    Tables are computed from the folder of the run when they are asked for, so that they hold what jobs have finished
    since.
    """

    def __init__(self, run: Run, registry: Registry) -> None:
        self._run = run
        self._registry = registry

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self._run.folder

    @property
    def results(self) -> list[Result]:
        """The records: one per job, failures included, and one per model that a data set does not suit."""
        return self._run.results()

    @property
    def verdict(self) -> str:
        """Which family comes nearest to real data, and how sure that is, in a sentence or two."""
        return str(self._summary()["overview"]["verdict"])

    def leaderboard(self, dataset: str | None = None) -> pd.DataFrame:
        """One row per data set and model, best first.

        Columns: dataset, rank (as "2-5"), model, family, metric, value and stderr of the metric that ranks the data
        set, score (1 is real data, 0 the zero of the data set) with score_stderr, and like_real_data. dataset: only
        this one; UnknownNameError if the run has none of that name.
        """
        import pandas as pd

        boards = self._summary()["boards"]
        names = [str(board["dataset"]) for board in boards]
        if dataset is not None and dataset not in names:
            raise UnknownNameError("data set of the run", dataset, names)
        rows = [
            {
                "dataset": board["dataset"],
                "rank": _interval(row["rank_interval"], row["rank"]),
                "model": row["model"],
                "family": row["family"],
                "metric": board["metric"],
                **_mean("value", row["value"], value=""),
                **_mean("score", row["score"]),
                "like_real_data": row["is_like_real_data"],
            }
            for board in boards
            if dataset in (None, board["dataset"])
            for row in board["rows"]
        ]
        columns = ["dataset", "rank", "model", "family", "metric", "value", "stderr", "score", "score_stderr"]
        return pd.DataFrame(rows, columns=[*columns, "like_real_data"])

    def families(self) -> pd.DataFrame:
        """One row per family, in the order of the first screen: its best model, score with score_stderr, rank, the
        number of boards that it was compared on, and costs: samples per second, seconds of training, bytes of
        memory."""
        import pandas as pd

        rows = [
            {
                "family": row["family"],
                "best_model": row["best_model"],
                "rank": _interval(row["rank_interval"], None),
                **_mean("score", row["score"]),
                "boards": row["boards"]["covered"],
                **row["costs"],
            }
            for row in self._summary()["overview"]["families"]
        ]
        return pd.DataFrame(rows)

    def frame(self) -> pd.DataFrame:
        """Tidy: one row per job and metric. A job that failed has one row without a metric.

        Columns: dataset, model, family, seed, status, reason, job, metric, and value, stderr, unit, better, kind and n
        of the metric.
        """
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for result in self.results:
            job = {
                "dataset": result.job.dataset,
                "model": result.job.variant,
                "family": result.job.family,
                "seed": result.job.seed,
                "status": result.status,
                "reason": result.reason,
                "job": result.id,
            }
            for metric in result.metrics:
                values = {name: getattr(metric, name) for name in _METRIC_FIELDS}
                rows.append({**job, "metric": metric.name, **values})
            if not result.metrics:
                rows.append({**job, "metric": None, **dict.fromkeys(_METRIC_FIELDS)})
        columns = ["dataset", "model", "family", "seed", "status", "reason", "job", "metric", *_METRIC_FIELDS]
        return pd.DataFrame(rows, columns=columns).astype({"value": float, "stderr": float})

    def samples(self, model: str, dataset: str | None = None, seed: int = 0) -> Tensor:
        """The samples that were drawn, (N, *event_shape), in the domain of the data.

        model: its name, with the settings that the user chose. dataset: may be left out where the run has one. Raises
        UsageError where the run has no such job or the job left no samples, DataError where the file is damaged.
        """
        jobs = [job for job in self._run.plan.jobs if job.variant == model]
        if not jobs:
            raise UnknownNameError("model of the run", model, {job.variant for job in self._run.plan.jobs})
        if dataset is None and len({job.dataset for job in jobs}) > 1:
            raise UsageError(
                f"{model} ran on {', '.join(dict.fromkeys(job.dataset for job in jobs))}: which one?"
            )
        chosen = [job for job in jobs if dataset in (None, job.dataset) and job.seed == seed]
        if not chosen:
            raise UsageError(
                f"the run has no job of {model} on {dataset or jobs[0].dataset} with seed {seed}"
            )
        return self._samples_of(chosen[0])

    def _samples_of(self, job: Job) -> Tensor:
        result = self._run.result(job)
        if result is None or result.status != "ok":
            state = "has not run yet" if result is None else f"{result.status}: {result.reason}"
            raise UsageError(f"there are no samples of {job.variant} on {job.dataset}: its job {state}")
        spec = self._run.plan.datasets[job.dataset].spec
        return load_samples_and_lengths(self._run.samples_path(job), spec, job.drawn_samples)[0]

    def report(self, format: str = "md", path: Path | str | None = None) -> str | bytes | None:
        """A report: "md", "html", "latex", "csv", "json", "summary", or that of a plugin.

        path: where to write it; None returns it. Raises UnknownNameError where there is no such format, UsageError
        where the report is a folder of files (`genai-bench report` writes those) or cannot be written.
        """
        card = self._registry.report(format)
        content = load_factory(card.factory)(self._run, self._registry)
        if not isinstance(content, str | bytes):
            raise UsageError(
                f"{format} is several files: genai-bench report {self.folder} --format {format} -o FOLDER"
            )
        if path is None:
            return content
        try:
            Path(path).write_bytes(content.encode() if isinstance(content, str) else content)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}") from None
        return None

    def show(self) -> None:
        """Show the verdict, the families and the leaderboards: as tables in a notebook, as text elsewhere."""
        ipython = sys.modules.get("IPython")  # a notebook has imported it
        if ipython is None or ipython.get_ipython() is None:
            print(self._text())
        else:
            ipython.display.display(ipython.display.HTML(self._repr_html_()))

    def _text(self) -> str:
        tables = [self.families(), *(self.leaderboard(name) for name in self._boards())]
        parts = [table.to_string(index=False) for table in tables if len(table)]
        return "\n\n".join([self.verdict, *parts])

    def _boards(self) -> list[str]:
        return [str(board["dataset"]) for board in self._summary()["boards"]]

    def _repr_html_(self) -> str:
        """What a notebook shows of the last value of a cell."""
        tables = [self.families(), *(self.leaderboard(name) for name in self._boards())]
        shown = [table.to_html(index=False, border=0, na_rep="") for table in tables if len(table)]
        return "\n".join([f"<p><strong>{escape(self.verdict)}</strong></p>", *shown])

    def __repr__(self) -> str:
        done = sum(self._run.result(job) is not None for job in self._run.plan.jobs)
        return f"Comparison({str(self.folder)!r}: {done} of {len(self._run.plan.jobs)} jobs)"

    def _summary(self) -> dict[str, Any]:
        content = load_factory(self._registry.report("summary").factory)(self._run, self._registry)
        if not isinstance(content, str):
            raise PluginError("the report `summary` is no text")
        summary: dict[str, Any] = json.loads(content)
        return summary


def _interval(interval: list[int] | None, number: int | None) -> str | None:
    """ "2-5", or one number."""
    if interval is None:
        return None if number is None else str(number)
    low, high = interval
    return str(low) if low == high else f"{low}-{high}"


def _mean(
    name: str, mean: dict[str, float | None] | None, value: str | None = None
) -> dict[str, float | None]:
    prefix = f"{name}_" if value is None else value
    found = mean or {"mean": None, "stderr": None}
    return {name: found["mean"], f"{prefix}stderr": found["stderr"]}
