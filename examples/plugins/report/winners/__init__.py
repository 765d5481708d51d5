"""A report for genai-bench. It is imported whenever the command line starts, so it imports nothing heavy."""

from collections.abc import Iterable

from genbench import ReportCard, hookimpl


@hookimpl
def genbench_reports() -> Iterable[ReportCard]:
    yield ReportCard(
        name="winners",
        summary="a line per data set: the model with the best value of the metric that ranks it",
        suffix=".txt",
        factory="winners.render:render",
    )
