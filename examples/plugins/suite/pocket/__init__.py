"""A suite for genai-bench: the file beside this one, by name."""

from collections.abc import Iterable

from genbench import SuiteCard, hookimpl


@hookimpl
def genbench_suites() -> Iterable[SuiteCard]:
    yield SuiteCard(name="pocket", file="pocket:pocket.toml")
