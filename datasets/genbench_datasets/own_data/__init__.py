"""The user's own data, `-d csv:PATH` and the like. No torch here.

A module of `readers` for each kind of file reads it into `OwnData`, from which `reader` makes cards and data sets.
"""

from __future__ import annotations

from genbench import DatasetSourceCard


def _source(
    name: str,
    summary: str,
    argument: str,
    module: str,
    samples: str | None = None,
    suffixes: tuple[str, ...] = (),
    prompt: str | None = None,
) -> DatasetSourceCard:
    return DatasetSourceCard(
        name=name,
        summary=summary,
        argument=argument,
        factory=f"genbench_datasets.own_data.readers.{module}:card",
        samples=None if samples is None else f"genbench_datasets.own_data.brought:{samples}",
        suffixes=suffixes,
        prompt=None if prompt is None else f"genbench_datasets.own_data.brought:{prompt}",
    )


SOURCES: tuple[DatasetSourceCard, ...] = (
    _source(
        "csv",
        "a table of numbers with a header, a row an example",
        "FILE[?columns=A,B&drop=C&label=D&levels=K&separator=semicolon|tab|space|pipe&decimal=comma&header=no&index=yes"
        "&standardise=yes]",
        "table",
        "table",
        (".csv", ".tsv"),
    ),
    _source(
        "npy",
        "an array of numbers, first axis the examples",
        "FILE[?levels=K&modality=points|image|series|tokens|pianoroll&standardise=yes]",
        "array",
    ),
    _source(
        "series",
        "a table that is one series, a row a moment and a column a channel, cut into windows",
        "FILE[?columns=A,B&drop=C&time=D&window=24&separator=semicolon|tab|space|pipe&decimal=comma&header=no&index=yes"
        "&standardise=yes]",
        "series",
    ),
    _source(
        "imagefolder",
        "a folder of images, or of folders that are classes, or of train, valid and test",
        "FOLDER[?size=WIDTHxHEIGHT&only=GLOB&bad=refuse|skip]",
        "image_folder",
        "images",
        (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"),
    ),
    _source(
        "midi",
        "a folder of MIDI files, or one: piano rolls of 88 keys",
        "PATH[?window=32&per_quarter=4&outside=refuse|drop&bad=refuse|skip]",
        "midi",
        "midi",
        (".mid", ".midi"),
        "midi_prompt",
    ),
    _source(
        "text",
        "a text in UTF-8, cut into windows of characters",
        "FILE[?window=256]",
        "text",
        "text",
        (".txt",),
    ),
    _source(
        "pairs",
        "pairs for translation: a line each, the source and its translation with a tab between",
        "FILE.tsv[?symbols=characters|words]",
        "pairs",
    ),
    _source(
        "hf",
        "a data set of the Hugging Face hub, or parquet files; needs the extra genbench[hf]",
        "NAME|PATH[?column=A|columns=A,B&label=C&config=D&split=E&revision=F&size=WIDTHxHEIGHT&window=256&levels=K"
        "&modality=points|image|series|tokens|pianoroll&standardise=yes]",
        "hugging_face",
    ),
)
