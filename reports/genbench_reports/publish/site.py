"""The static site of a collection: one HTML report over all of its results, and what forges and hubs show beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from genbench.api import DatasetCard
from genbench.plugin.registry import Registry
from genbench.records.hardware import hardware_class
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.run_folder import Plan, Run
from genbench_reports.format.joined_runs import JoinedRuns
from genbench_reports.html.page import render_html
from genbench_reports.overview.document import Document, make_document
from genbench_reports.publish.collection import Collection
from genbench_reports.render.csv_rows import render_csv
from genbench_reports.render.markdown import bullets, code, escape, escape_line, table_markdown

SUITE = "published results"


class PublishedRun(Run):
    """Results of one class of hardware, which lie in a collection and not in a run folder. Samples and logs are not
    published, so that they are missing from a folder that does not exist."""

    def __init__(self, folder: Path, plan: Plan, results: Iterable[Result]) -> None:
        super().__init__(folder / "not-published", plan)
        self._results = {result.id: result for result in results}

    def result(self, job: Job) -> Result | None:
        return self._results.get(job.id)


def run_of(collection: Collection) -> Run:
    """The collection as runs that are shown together, one for each class of hardware, in an order that does not depend
    on who published first. Of several records of a job on one class of hardware, the latest counts."""
    latest: dict[tuple[str, str], tuple[str, str]] = {}
    for name, result in collection.records.items():
        key = hardware_class(result), result.id
        latest[key] = max(latest.get(key, ("", "")), (_written(result), name))
    by_hardware: dict[str, list[Result]] = {}
    for (hardware, _), (_, name) in sorted(latest.items()):
        by_hardware.setdefault(hardware, []).append(collection.records[name])
    refused = {each.id: each for one in collection.publications.values() for each in one.refused}
    cards = _cards(collection)
    runs: list[PublishedRun] = []
    for results in by_hardware.values():
        results.sort(key=lambda result: _place(result.job))
        names = {result.job.dataset for result in results}
        plan = Plan(
            suite=SUITE,
            jobs=[result.job for result in results],
            refused=[] if runs else sorted(refused.values(), key=lambda each: _place(each.job)),
            datasets={name: card for name, card in cards.items() if name in names},
        )
        runs.append(PublishedRun(collection.folder, plan, results))
    if not runs:
        return PublishedRun(collection.folder, Plan(suite=SUITE, jobs=[]), [])
    return runs[0] if len(runs) == 1 else JoinedRuns(runs)


def _place(job: Job) -> tuple[str, str, str, int, str]:
    return job.dataset, job.family, job.variant, job.seed, job.id


def _written(result: Result) -> str:
    """When the record got its latest values, as text that sorts by time."""
    scored = result.provenance.get("scored")
    last = scored[-1] if isinstance(scored, list) and scored else None
    times = [result.provenance.get("finished"), last.get("time") if isinstance(last, Mapping) else None]
    return max((str(each) for each in times if each), default="")


def _cards(collection: Collection) -> dict[str, DatasetCard]:
    """The cards by name; of several the one that the latest publication has."""
    found: dict[str, DatasetCard] = {}
    ordered = sorted(collection.publications.items(), key=lambda each: (_time(each[1].provenance), each[0]))
    for _, publication in ordered:
        for digest in publication.datasets:
            if (card := collection.datasets.get(digest)) is not None:
                found[card.name] = card
    return found


def _time(provenance: Mapping[str, object]) -> str:
    return str(provenance.get("time") or "")


def site_files(run: Run, registry: Registry, name: str | None) -> dict[str, bytes]:
    """The files of the site by path. name: of the data set on the Hugging Face Hub; None where it is not published
    there."""
    document = make_document(run, registry)
    return {
        "index.html": render_html(run, registry).encode(),
        "results.csv": render_csv(run).encode(),
        "README.md": _readme(document, name).encode(),
    }


def _readme(document: Document, name: str | None) -> str:
    """What a forge shows, and the metadata by which the Hub finds the table of results."""
    overview = document.overview
    metadata = (
        "---\npretty_name: genai-bench results\ntags:\n- benchmark\n- generative-models\n- genai-bench\n"
        "configs:\n- config_name: results\n  data_files: results.csv\n---\n\n"
    )
    blocks = [
        "# genai-bench: published results",
        f"**{escape_line(overview.verdict)}**",
        escape_line(overview.setting),
        table_markdown(overview.table),
        bullets(escape_line(note) for note in overview.notes),
        bullets(
            [
                f"Jobs: {escape(document.status)}",
                *(f"Machine: {escape(line)}" for line in document.machines),
                *(f"**{escape(line)}**" for line in document.cautions),
                f"{code('index.html')} is the whole report; it needs no network. {code('results.csv')} has a row for"
                f" each job and metric, {code('records/')} each record as its run stored it, and {code('exports/')}"
                " the results in the formats of others.",
            ]
        ),
    ]
    text = "\n\n".join(block for block in blocks if block) + "\n"
    return metadata + text if name is not None else text
