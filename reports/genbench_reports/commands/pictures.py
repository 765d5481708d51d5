"""The command `pictures`: samples that the jobs of a run kept, as PNG files. It needs matplotlib, the extra `pictures`.

Real data are drawn beside the samples on one scale: grey levels, axes and limits are those of the data.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genbench.errors import DataError, UsageError
from genbench.plugin.registry import Registry, lookup, registry_of
from genbench_reports.charts.matplotlib_extra import plain, require_matplotlib
from genbench_reports.charts.one_sheet import png_sheet
from genbench_reports.commands.finish_run import write_bytes
from genbench_reports.format.text import clean, file_name, plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from genbench.api import DatasetCard
    from genbench.records.job import Job
    from genbench.records.run_folder import Run


_DOTS_PER_INCH = 100


def pictures(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="A folder for the PNG files, or FILE.png for all on one sheet.",
        ),
    ],
    dataset: Annotated[str | None, typer.Option("-d", "--dataset", help="Only this data set.")] = None,
    model: Annotated[str | None, typer.Option("-m", "--model", help="Only this model.")] = None,
) -> None:
    """Draw samples beside real data, completions, samples of classes, latent traversals, entropies and attention."""
    from genbench.records.run_folder import Run

    require_matplotlib()
    opened = Run.open(run)
    jobs = [
        job
        for job in opened.plan.jobs
        if dataset in (None, job.dataset)
        and model in (None, job.model, job.variant)
        and opened.samples_path(job).exists()
    ]
    if not jobs:
        raise UsageError(f"{run} has no samples of {model or 'any model'} on {dataset or 'any data set'}")
    made = (
        (f"{_picture_name(job)}-{kind}.png", _png(figure))
        for job in jobs
        for kind, figure in _drawn(opened, job, registry_of(context))
    )
    if output.suffix == ".png" and not output.is_dir():
        found = [picture for _, picture in made]
        write_bytes(output, png_sheet(found))
        print(f"wrote {plural(len(found), 'picture')} to {output}", file=sys.stderr)
        return
    output.mkdir(parents=True, exist_ok=True)
    count = 0
    for name, picture in made:
        write_bytes(output / name, picture)
        count += 1
    print(f"wrote {plural(count, 'picture')} to {output}", file=sys.stderr)


def _drawn(run: Run, job: Job, registry: Registry) -> Iterator[tuple[str, Figure]]:
    """`draw_job`; a job whose files are damaged is named and costs its own pictures alone."""
    try:
        yield from draw_job(run, job, registry)
    except DataError as error:
        print(f"left out: {clean(str(error))}", file=sys.stderr)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DOTS_PER_INCH)
    return buffer.getvalue()


def draw_job(run: Run, job: Job, registry: Registry) -> Iterator[tuple[str, Figure]]:
    """Every picture that can be drawn from what the job kept, with its kind."""
    from genbench.datasets.pieces import window_spec
    from genbench.metrics.scoring import ScoredExamples
    from genbench.records.run_paths import run_folder_of
    from genbench.samples.conditional_samples import LATENT_TRAVERSALS_FILE, load_conditional_samples
    from genbench.samples.stored import load_samples_and_lengths
    from genbench.util.tensor_files import read_tensors_if_any
    from genbench_reports.charts import pictures as draw
    from genbench_reports.samples.stored_samples import load_real

    card = lookup("data set", job.dataset, registry.datasets_of(run.plan.datasets))
    real = load_real(card, job, is_announced=job.dataset in registry.datasets)
    if isinstance(real, str):
        raise DataError(f"{job.dataset}: {real}")
    data, reference = real.whole, real.reference
    spec, folder = window_spec(card), run.parts_folder(job)
    title = plain(clean(f"{job.variant} on {job.dataset}, seed {job.seed}"))
    stored = load_samples_and_lengths(run.samples_path(job), data.spec, job.drawn_samples)
    samples = ScoredExamples.of_samples(*stored, card).x
    if (figure := draw.samples_beside_real(samples, reference, card, title)) is not None:
        yield "samples", figure
    made = load_conditional_samples(folder, data, job)
    if made.completions and any(each.x is not None for each in made.completions.values()):
        yield (
            "completions",
            draw.completions(made.completions, reference, spec, job.dataset, title),
        )
    if spec.is_sequence:
        yield from _along_sequences(folder, card, title)
    if spec.modality != "image":
        return
    if made.class_samples is not None and made.class_samples.drawn is not None:
        yield (
            "classes",
            draw.rows(made.class_samples.drawn[:, :12], spec, f"{title}: one class per row"),
        )
    latents = read_tensors_if_any(folder / LATENT_TRAVERSALS_FILE, within=run_folder_of(folder))
    if latents is None:
        return
    for kind, what in (("traversals", "one latent per row"), ("interpolations", "from one image to another")):
        if kind in latents.tensors:
            yield kind, draw.rows(latents.tensors[kind], spec, f"{title}: {what}")
    if "entropy" in latents.tensors:
        yield (
            "entropy",
            draw.entropy(latents.tensors["examples"], latents.tensors["entropy"], spec, title),
        )


def _along_sequences(folder: Path, card: DatasetCard, title: str) -> Iterator[tuple[str, Figure]]:
    """How uncertain a model of sequences was at each step, and which earlier steps it looked at."""
    from genbench.records.run_paths import run_folder_of
    from genbench.samples.conditional_samples import LATENT_TRAVERSALS_FILE
    from genbench.util.tensor_files import read_tensors_if_any
    from genbench_reports.charts import sequence_pictures as draw

    kept = read_tensors_if_any(folder / LATENT_TRAVERSALS_FILE, within=run_folder_of(folder))
    if kept is None or "examples" not in kept.tensors:
        return
    examples = kept.tensors["examples"]
    if "entropy" in kept.tensors:
        yield "entropy", draw.entropy_along(examples, kept.tensors["entropy"], card, title)
    if "attention" in kept.tensors:
        yield "attention", draw.attention(examples, kept.tensors["attention"], card, title)


def _picture_name(job: Job) -> str:
    return file_name(f"{job.dataset}-{job.variant}-seed{job.seed}")
