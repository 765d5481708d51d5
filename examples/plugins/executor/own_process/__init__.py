"""An executor for genai-bench. Importing it announces the card; it does not import torch."""

from collections.abc import Iterable

from genbench import ExecutorCard, hookimpl


@hookimpl
def genbench_executors() -> Iterable[ExecutorCard]:
    yield ExecutorCard(
        name="own-process",
        summary="a new Python process per job; put the command of a cluster before it",
        factory="own_process.executor:OwnProcess",
    )
