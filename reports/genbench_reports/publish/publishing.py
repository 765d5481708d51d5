"""Publishing into a folder: what is new is added, then the site and the exports are made of all that is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run
from genbench_reports.overview.document import make_document
from genbench_reports.publish.collection import (
    Added,
    add_collection,
    add_run,
    is_collection,
    make_collection,
    read_collection,
)
from genbench_reports.publish.croissant import croissant_files
from genbench_reports.publish.eval_results import eval_results_files
from genbench_reports.publish.every_eval_ever import every_eval_ever_files
from genbench_reports.publish.safe_writing import write_within
from genbench_reports.publish.site import run_of, site_files

EXPORTS = "exports"


@dataclass(frozen=True)
class Options:
    """What the site and the exports say besides the results."""

    hub_name: str | None = None
    """The data set on the Hugging Face Hub, "USER/NAME"; None: there is none, and no `.eval_results` are exported."""
    publisher: str = "unknown"
    """Who ran the evaluations."""


@dataclass
class Published:
    """What publishing has done."""

    added: Added
    """The records."""
    total: int = 0
    """How many records the collection has now."""
    changed: int = 0
    """How many files of the site and the exports changed."""

    @property
    def is_changed(self) -> bool:
        return bool(self.added.new or self.changed)


def publish_into(folder: Path, sources: Sequence[Path], registry: Registry, options: Options) -> Published:
    """Add runs, or other collections, to the collection in `folder`, and make its site and exports anew.

    Raises UsageError and RunFolderError where one cannot be read or the folder cannot be written.
    """
    make_collection(folder)
    added = Added()
    for source in sources:
        done = add_collection(folder, source) if is_collection(source) else add_run(folder, Run.open(source))
        added.new += done.new
        added.present += done.present
        added.damaged += done.damaged
    return _made_anew(folder, added, registry, options)


def _made_anew(folder: Path, added: Added, registry: Registry, options: Options) -> Published:
    collection = read_collection(folder)
    added.damaged += [each for each in collection.damaged if each not in added.damaged]
    run = run_of(collection)
    boards = [each.board for each in make_document(run, registry).leaderboards.boards]
    files = site_files(run, registry, options.hub_name)
    files |= every_eval_ever_files(boards, options.publisher)
    files |= croissant_files({card.name: card for card in run.plan.datasets.values()})
    if options.hub_name is not None:
        files |= eval_results_files(boards, options.hub_name)
    changed = sum(write_within(folder, path, content) for path, content in files.items())
    for path in sorted((folder / EXPORTS).rglob("*")) if not (folder / EXPORTS).is_symlink() else ():
        # an export of fewer results has another name, and would count twice for who reads them all
        if path.is_file() and path.relative_to(folder).as_posix() not in files and _is_ours(path):
            path.unlink()
            changed += 1
    return Published(added, len(collection.records), changed)


def _is_ours(path: Path) -> bool:
    return not path.is_symlink() and path.suffix in (".json", ".yaml")
