"""Runs the whole test session with shapes and types checked: every jaxtyping annotation is executed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import hypothesis
import pytest
import typecheck

# a project of its own, whose tests run in the environment that test_example_plugin.py makes
collect_ignore = ["example-plugin"]

# the first call of a function compiles its type checks, and other tests keep the machine busy: the time that an example
# takes says nothing
hypothesis.settings.register_profile("genbench", deadline=None)
hypothesis.settings.load_profile("genbench")

typecheck.install(["genbench", "genbench_models", "genbench_datasets", "genbench_reports", "pytest_genbench"])


SLOW_SECONDS = 1800
"""The limit of a slow test; that of all others is in pyproject.toml."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_SECONDS))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests never read or fill the user's cache of prepared data."""
    os.environ["GENBENCH_DATA"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session", autouse=True)
def _no_probe() -> None:
    """Beside other tests the machine's probe only finds company; tests that need it ask for it."""
    os.environ["GENBENCH_PROBE"] = "0"


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """A shell starts what runs in the background with SIGINT ignored, and so would all that tests start."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def repository() -> Path:
    return Path(__file__).parent.parent
