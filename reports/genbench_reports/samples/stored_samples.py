"""Real data and stored samples, from which the pictures of a leaderboard are made; or the reason why they are missing.

A report can be made on another machine than the run. Nothing is downloaded for it: where something is missing, its
picture is left out, and the report says why.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from genbench.api import Dataset, DatasetCard
from genbench.datasets import dataset_version, is_cached, prepared_path
from genbench.datasets.pieces import Pieces, windows_of_dataset
from genbench.datasets.prepared import load_data, load_prepared
from genbench.errors import GenbenchError
from genbench.metrics.scoring import ScoredExamples, reference_split
from genbench.records.job import Job
from genbench.records.run_folder import Run
from genbench.samples.conditional_samples import load_translations
from genbench.samples.stored import load_samples_and_lengths
from genbench_reports.format.text import clean
from genbench_reports.leaderboard.rows import Row


@dataclass(frozen=True)
class RealData:
    """The real data of a leaderboard."""

    whole: Dataset
    """The data set as it is."""
    dataset: Dataset
    """The data set, for its training split."""
    reference: Tensor
    """(N, *event_shape), the held-out examples that every model is scored against, in the working dtype; the windows of
    pieces of different lengths."""
    pieces: Pieces | None = None
    """The whole held-out pieces; None for data whose examples have one shape."""


@dataclass(frozen=True)
class RowSamples:
    """The samples that one row of a leaderboard kept."""

    row: Row
    """The row they belong to."""
    job: Job
    """The job that drew them."""
    samples: Tensor
    """(N, *event_shape), in the order in which they were drawn; the windows of pieces of different lengths."""
    pieces: Pieces | None = None
    """The whole pieces; None for data whose examples have one shape."""
    translations: Tensor | None = None
    """Sources of held-out pairs with the model's answers, (M, T); None where there are none."""


def load_real(card: DatasetCard, job: Job, *, is_announced: bool) -> RealData | str:
    """The real data of a leaderboard, or the reason, in words, why there are none.

    is_announced: whether an installed plugin announces the data set. Others, the user's own data among them, are read
    from the cache alone: the card then comes from the run's folder, and might name any file or function.
    """
    if not prepared_path(card).exists() and not all(is_cached(file) for file in card.files):
        return (
            f"{clean(card.name)} is not in this machine's cache (`genai-bench datasets fetch` puts it there)"
        )
    try:
        if dataset_version(card) != job.dataset_version:
            return (
                f"this machine has version {dataset_version(card)} of {clean(card.name)}, the results are of"
                f" {clean(job.dataset_version)}"
            )
        dataset = load_data(card) if is_announced else load_prepared(card)
        if dataset is None:
            return f"{clean(card.name)} is not in this machine's cache"
        real = ScoredExamples.of_split(reference_split(dataset, job), card)
        return RealData(dataset, windows_of_dataset(dataset, card), real.x, real.pieces)
    except GenbenchError as error:
        return clean(str(error))


def load_row(run: Run, row: Row, card: DatasetCard) -> RowSamples | str:
    """The samples of the row's lowest seed, so that they are not selected by hand; or the reason why there
    are none."""
    if not row.results:
        return "every seed failed"
    result = min(row.results, key=lambda each: each.job.seed)
    job, path = result.job, run.samples_path(result.job)
    try:
        run.check_part(result, path)
        stored = load_samples_and_lengths(path, card.spec, job.drawn_samples)
        samples = ScoredExamples.of_samples(*stored, card)
        answers = None
        if card.spec.source_steps is not None:
            answers = load_translations(run.parts_folder(job), card.spec)
        return RowSamples(
            row, job, samples.x, samples.pieces, translations=None if answers is None else answers.x
        )
    except GenbenchError as error:
        return clean(str(error).replace(str(run.folder), run.folder.name))
