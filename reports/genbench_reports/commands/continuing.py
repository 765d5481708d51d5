"""The command `continue`: what a model of sequences makes of a prompt."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genbench.api import load_factory
from genbench.errors import DataError, UsageError
from genbench.plugin.registry import registry_of
from genbench_reports.commands.finish_run import write_bytes
from genbench_reports.format.text import clean, file_name, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Generator, Tensor

    from genbench import TrainedModel
    from genbench.plugin.registry import Registry

MAX_PROMPT_BYTES = 1_000_000
"""The largest file that is read as a prompt."""


def continue_(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
    model: Annotated[str, typer.Argument(help="A model that continues prompts, as the run has it.")],
    dataset: Annotated[str, typer.Option("-d", "--dataset", help="The data set it was trained on.")],
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt",
            metavar="TEXT|FILE",
            help="The beginning of a text; for music a MIDI file. Repeatable.",
        ),
    ] = None,
    example: Annotated[
        list[int] | None,
        typer.Option("--example", min=0, help="For any data: a held-out example by its number. Repeatable."),
    ] = None,
    first: Annotated[
        int | None,
        typer.Option(
            "--first",
            min=1,
            help="Steps of an example, or of a MIDI file, that are the prompt; half of an example, if not set.",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option("--steps", min=1, help="Steps of prompt and continuation; the most, if not set."),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="Continuations of each prompt.")] = 3,
    seed: Annotated[int, typer.Option("--seed", help="Of the random numbers.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="For music: a folder for MIDI and WAV files."),
    ] = None,
) -> None:
    """Show how a model continues a prompt. The model is trained again as its job says, because runs keep no weights."""
    import torch

    from genbench import trained_model

    if bool(prompt) == bool(example):
        raise UsageError("give --prompt TEXT or FILE for text and music, or --example NUMBER for any data")
    _check(context, run, model, dataset, output)
    trained = trained_model(run, model, dataset, registry=registry_of(context))
    prompts = [_given(each, first, trained, registry_of(context)) for each in prompt or ()]
    prompts += [_beginning(number, first, trained) for number in example or ()]
    generator = torch.Generator(trained.model.device).manual_seed(seed)
    for number, beginning in enumerate(prompts):
        rows = continued(trained, beginning, steps, count, generator)
        _show(rows, len(beginning), trained, f"{dataset}-{model}-prompt{number}", output)


def continued(
    trained: TrainedModel, beginning: Tensor, steps: int | None, count: int, generator: Generator
) -> Tensor:
    """(count, steps, *step_shape): the prompt (T, *step_shape), each time continued anew. steps: as many as the model
    can read, if None. Raises DataError for a prompt that is empty or too long."""
    import torch

    from genbench.api import Continues, check_prompt, pad_steps

    assert isinstance(trained.model, Continues)
    whole = steps or max(trained.dataset.spec.event_shape[0], len(beginning))
    if whole < len(beginning):
        raise DataError(f"a prompt of {len(beginning)} steps is longer than {whole}, the steps asked for")
    x = pad_steps(beginning[None].expand(count, *beginning.shape), whole).to(trained.model.device)
    lengths = torch.full((count,), len(beginning), device=x.device)
    check_prompt(x, lengths, trained.dataset.spec)
    with torch.no_grad():
        return trained.model.continue_from(x, lengths, generator).cpu()


def _check(context: typer.Context, run: Path, model: str, dataset: str, output: Path | None) -> None:
    """Before anything is trained. Raises UsageError where the model has no continuations, or music has no folder."""
    from genbench.records.run_folder import Run

    registry, plan = registry_of(context), Run.open(run).plan
    for job in plan.jobs:
        if job.dataset != dataset or model not in (job.model, job.variant):
            continue
        if "continue" not in registry.model(job.model).capabilities:
            able = sorted(name for name, card in registry.models.items() if "continue" in card.capabilities)
            raise UsageError(f"{model} continues no prompts; these do: {', '.join(able)}")
    card = registry.datasets_of(plan.datasets).get(dataset)
    if card is not None and card.spec.modality == "pianoroll" and output is None:
        raise UsageError("music is written to files: -o DIR")


# ---- prompts


def _given(typed: str, first: int | None, trained: TrainedModel, registry: Registry) -> Tensor:
    """The steps of a prompt: a text, or a file that a source of data reads as one (`DatasetSourceCard.prompt`)."""
    if trained.dataset.spec.modality == "tokens":
        return _codes(typed, trained)
    import torch

    name = typed.partition("?")[0].lower()
    source = next(
        (each for each in registry.dataset_sources.values() if each.prompt and name.endswith(each.suffixes)),
        None,
    )
    if source is None or source.prompt is None:
        raise UsageError(
            f"{trained.job.dataset} is no text, and {clean(typed)} no MIDI file: --example NUMBER continues a held-out"
            " example"
        )
    from genbench.api import working_dtype

    card = registry.dataset(trained.job.dataset)
    steps = torch.as_tensor(load_factory(source.prompt)(typed, card)).to(working_dtype(card.spec))
    steps = steps if first is None else steps[:first]
    context = card.spec.event_shape[0]
    if len(steps) >= context:
        raise DataError(
            f"{clean(typed)}: {len(steps)} steps, which leave nothing of the {context} that {trained.job.model} reads;"
            f" --first {context // 2} takes the beginning"
        )
    return steps


def _codes(typed: str, trained: TrainedModel) -> Tensor:
    """The codes of a text, or of the text in a file."""
    import torch

    if trained.alphabet is None:
        raise UsageError(f"{trained.job.dataset} is no text: --example NUMBER continues a held-out example")
    text = _text(typed)
    codes, at = [], 0
    known = sorted(
        ((symbol, code) for code, symbol in enumerate(trained.alphabet)), key=lambda pair: -len(pair[0])
    )
    if any(len(symbol) > 1 for symbol in trained.alphabet):
        text = text.rstrip() + " " * bool(text.strip())  # words end in a space
    while at < len(text):
        found = next(((symbol, code) for symbol, code in known if text.startswith(symbol, at)), None)
        if found is None:
            raise DataError(
                f"prompt: {text[at : at + 12]!r} at character {at} begins with nothing that {trained.job.dataset} has"
            )
        codes.append(found[1])
        at += len(found[0])
    source = trained.dataset.spec.source_steps
    if source is not None and codes:  # a source of a pair, with its padding
        if len(codes) > source:
            raise DataError(
                f"prompt: {len(codes)} symbols; a source of {trained.job.dataset} has at most {source}"
            )
        codes += [0] * (source - len(codes))
    return torch.tensor(codes, dtype=torch.int64)


def _text(typed: str) -> str:
    try:
        path = Path(typed)
        if not path.is_file():
            return typed
        if path.stat().st_size > MAX_PROMPT_BYTES:
            raise DataError(f"{typed}: a prompt of more than {MAX_PROMPT_BYTES:,} bytes")
        return path.read_text("utf-8-sig").removesuffix("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{typed}: not UTF-8 at byte {error.start}") from None
    except (OSError, ValueError):  # a text that no path can be
        return typed


def _beginning(number: int, first: int | None, trained: TrainedModel) -> Tensor:
    """The first steps of a test example."""
    import torch

    test = trained.dataset.test
    if number >= len(test):
        raise UsageError(
            f"--example {number}: {trained.job.dataset} has {len(test):,} held-out examples, from 0"
        )
    batch = test.take(torch.tensor([number]))
    length = batch.x.shape[1] if batch.lengths is None else int(batch.lengths[0])
    taken = max(1, length // 2) if first is None else first
    if taken > length:
        raise UsageError(f"--first {taken}: the example has {length} steps")
    return batch.x[0, :taken]


# ---- what is shown


def _show(rows: Tensor, given: int, trained: TrainedModel, stem: str, output: Path | None) -> None:
    modality = trained.dataset.spec.modality
    if modality == "pianoroll":
        assert output is not None
        _write_music(rows, stem, output)
        return
    for number, row in enumerate(rows, 1):
        print(f"--- {number}, {plural(given, 'step')} given")
        if modality == "tokens":
            print(
                _words(row[:given].tolist(), trained.alphabet)
                + "|"
                + _words(row[given:].tolist(), trained.alphabet)
            )
        else:
            for step, values in enumerate(row.tolist()):
                print(
                    step, "given" if step < given else "drawn", *(f"{value:.6g}" for value in values), sep=","
                )


def _words(codes: Sequence[int], alphabet: Sequence[str] | None) -> str:
    if alphabet is None:
        return " ".join(map(str, codes))
    return "".join(
        c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}"
        for c in "".join(alphabet[code] for code in codes)
    )


def _write_music(rows: Tensor, stem: str, output: Path) -> None:
    from genbench_reports.samples.piano_rolls import midi_of, notes_of
    from genbench_reports.samples.synthesiser import wav_of

    output.mkdir(parents=True, exist_ok=True)
    for number, roll in enumerate(rows, 1):
        notes, path = notes_of(roll), output / file_name(f"{stem}-{number}")
        write_bytes(path.with_name(path.name + ".mid"), midi_of(notes))
        write_bytes(path.with_name(path.name + ".wav"), wav_of(notes, len(roll)))
    print(f"wrote {plural(len(rows), 'piece')} as MIDI and WAV to {clean(str(output))}", file=sys.stderr)
