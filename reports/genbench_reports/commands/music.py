"""The command `music`: samples that the jobs of a run kept, as MIDI files for a notation program and as WAV files to
listen to, beside held-out real music. Needs nothing that is not installed already."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genbench.errors import DataError, UsageError
from genbench.plugin.registry import Registry, registry_of
from genbench_reports.commands.finish_run import write_bytes
from genbench_reports.format.text import clean, file_name, plural

if TYPE_CHECKING:
    from torch import Tensor

    from genbench.api import DatasetCard
    from genbench.records.job import Job
    from genbench.records.run_folder import Run


def music(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="A folder for the files.")],
    dataset: Annotated[str | None, typer.Option("-d", "--dataset", help="Only this data set.")] = None,
    model: Annotated[str | None, typer.Option("-m", "--model", help="Only this model.")] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="Pieces of each model.")] = 3,
) -> None:
    """Write samples of music as MIDI and WAV files, beside held-out real music."""
    from genbench.records.run_folder import Run

    opened, registry = Run.open(run), registry_of(context)
    cards = registry.datasets_of(opened.plan.datasets)
    jobs = [
        job
        for job in opened.plan.jobs
        if dataset in (None, job.dataset)
        and model in (None, job.model, job.variant)
        and job.dataset in cards
        and cards[job.dataset].spec.modality == "pianoroll"
        and opened.samples_path(job).exists()
    ]
    if not jobs:
        raise UsageError(f"{run} has no music of {model or 'any model'} on {dataset or 'any data set'}")
    output.mkdir(parents=True, exist_ok=True)
    written = 0
    for name, rolls in _rolls(opened, jobs, cards, registry):
        for number, roll in enumerate(islice(rolls, count), start=1):
            _write(output / file_name(f"{name}-{number}"), roll)
            written += 1
    print(f"wrote {plural(written, 'piece')} as MIDI and WAV to {output}", file=sys.stderr)


def _rolls(
    run: Run, jobs: list[Job], cards: dict[str, DatasetCard], registry: Registry
) -> Iterator[tuple[str, Iterable[Tensor]]]:
    """Names, and piano rolls (time, keys): real music of each data set first, where this machine has it."""
    from genbench.datasets.pieces import Pieces
    from genbench.samples.stored import load_samples_and_lengths
    from genbench_reports.samples.stored_samples import load_real

    for name in dict.fromkeys(job.dataset for job in jobs):
        of_dataset = [job for job in jobs if job.dataset == name]
        real = load_real(cards[name], of_dataset[0], is_announced=name in registry.datasets)
        if isinstance(real, str):
            print(f"left out: real music of {clean(name)}: {clean(real)}", file=sys.stderr)
        else:
            yield f"{name}-held-out", real.pieces or real.reference
        for job in of_dataset:
            try:
                x, lengths = load_samples_and_lengths(
                    run.samples_path(job), cards[name].spec, job.drawn_samples
                )
            except DataError as error:
                print(f"left out: {clean(str(error))}", file=sys.stderr)
                continue
            title = f"{name}-{job.variant}-seed{job.seed}"
            yield title, x if lengths is None else Pieces(x, lengths)


def _write(path: Path, roll: Tensor) -> None:
    from genbench_reports.samples.piano_rolls import midi_of, notes_of
    from genbench_reports.samples.synthesiser import wav_of

    notes = notes_of(roll)
    write_bytes(path.with_name(path.name + ".mid"), midi_of(notes))
    write_bytes(path.with_name(path.name + ".wav"), wav_of(notes, len(roll)))
