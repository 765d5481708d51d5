"""Data of one's own: `-d csv:PATH` and its like. No torch here.

Each module reads one kind of file into `Examples`; `examples` makes cards and data sets of them.
"""

from __future__ import annotations

from genbench import DatasetSourceCard


def _source(name: str, summary: str, argument: str, module: str) -> DatasetSourceCard:
    return DatasetSourceCard(
        name=name, summary=summary, argument=argument, factory=f"genbench_datasets.own_data.{module}:card"
    )


SOURCES: tuple[DatasetSourceCard, ...] = (
    _source("csv", "a table of numbers, a row an example", "PATH[?columns=A,B&label=C]", "table"),
    _source("npy", "an array, first axis the examples", "PATH", "array"),
    _source("text", "a text, cut into windows of characters", "PATH[?window=256]", "text"),
    _source("imagefolder", "a folder of images, or of folders that are classes", "PATH", "image_folder"),
)
