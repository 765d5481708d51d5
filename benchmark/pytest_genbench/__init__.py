"""A pytest plugin: the quality and the speed of a generative model as tests of its own repository.

    def test_it_learns_the_ring(genbench_run):
        result = genbench_run("my-model", "ring8", budget="500steps")
        assert result.ok, result.reason
        result.expect("sliced_wasserstein", at_most=0.2)

Every pytest session loads this plugin if genbench is installed. Therefore this module imports only pytest, and the
harness is imported when a fixture is first used. The package is not a part of `genbench` for that reason too: importing
`genbench.anything` imports `genbench`, before a conftest could install an import hook.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from typing import Unpack

    from genbench.api.budget import Budget
    from genbench.api.cards import DatasetCard, ModelCard
    from pytest_genbench.outcome import RunResult
    from pytest_genbench.session import RunSession, RunSettings

_FORCED_BUDGET = pytest.StashKey["Budget | None"]()
_DEFAULT_BUDGET = pytest.StashKey["Budget | None"]()
_BUDGET_HELP = "Training budget of genbench_run, in place of what tests ask for: 30s, 500steps, 1e12flops."
_DEVICE_HELP = "Device of genbench_run, in place of what tests ask for: auto, cpu or cuda."


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("genbench", "generative models under a budget")
    group.addoption("--genbench-budget", metavar="BUDGET", default=None, help=_BUDGET_HELP)
    group.addoption("--genbench-device", metavar="DEVICE", default=None, help=_DEVICE_HELP)
    parser.addini("genbench_budget", "budget of genbench_run for tests that ask for none", default=None)
    parser.addini("genbench_device", "device of genbench_run for tests that ask for none", default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Check the options before any test runs."""
    config.stash[_FORCED_BUDGET] = _parse_budget(config.getoption("genbench_budget", default=None))
    config.stash[_DEFAULT_BUDGET] = _parse_budget(_ini(config, "genbench_budget"))
    for device in (config.getoption("genbench_device", default=None), _ini(config, "genbench_device")):
        if device not in (None, "auto", "cpu", "cuda"):
            raise pytest.UsageError(f"genbench device {device!r}: expected auto, cpu or cuda")


def _parse_budget(text: str | None) -> Budget | None:
    if not text:
        return None
    from genbench.api.budget import Budget
    from genbench.errors import BudgetError

    try:
        return Budget.parse(text)
    except BudgetError as error:
        raise pytest.UsageError(f"genbench budget: {error}") from None


def _ini(config: pytest.Config, name: str) -> str | None:
    value: str | None = config.getini(name) or None
    return value


@pytest.fixture(scope="session")
def genbench_run(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> RunSession:
    """Run one generative model on one data set under a compute budget, and return the result.

    `genbench_run(model, dataset, budget="5s", seed=0, hyperparameters={...})` trains, samples and scores in a worker
    process of its own, as `genai-bench run` does, and returns a result: `.ok`, `.status`, `.reason`,
    `.metrics["frechet_distance"].value`, `.cost`, `.expect("frechet_distance", at_most=3.0, standard_errors=2)`.
    model: a name that a plugin announces, with settings ("vae:latent_dim=8"), a ModelCard, or a GenerativeModel class.
    dataset: a name, "csv:PATH" and the like, or a DatasetCard. A call with the arguments of an earlier one in the
    session returns its result.
    """
    from pytest_genbench.session import RunSession

    folder = tmp_path_factory.getbasetemp()
    if hasattr(pytestconfig, "workerinput"):  # of pytest-xdist
        folder = folder.parent  # shared by all workers of the session
    return RunSession(
        Path(folder) / "genbench",
        forced_budget=pytestconfig.stash[_FORCED_BUDGET],
        forced_device=pytestconfig.getoption("genbench_device"),
        default_budget=pytestconfig.stash[_DEFAULT_BUDGET],
        default_device=_ini(pytestconfig, "genbench_device"),
    )


@pytest.fixture
def genbench_benchmark(request: pytest.FixtureRequest, genbench_run: RunSession) -> Callable[..., RunResult]:
    """Time a model's training or sampling with pytest-benchmark, and record its quality with the time.

    `genbench_benchmark(model, dataset, what="sample", count=64, budget="500steps")` runs the model as `genbench_run`
    does, then times calls of `sample(count)` in rounds; `what="train"` times rounds of `steps` training steps.
    Metrics, costs and settings are in the benchmark's `extra_info`. Returns the result, to assert on.
    Skips the test if pytest-benchmark is not installed or is switched off.
    """
    if not request.config.pluginmanager.hasplugin("benchmark"):
        pytest.skip("pytest-benchmark is not installed, or is switched off")
    benchmark = request.getfixturevalue("benchmark")

    def run_and_time(
        model: str | ModelCard | type,
        dataset: str | DatasetCard,
        *,
        what: str = "sample",
        count: int = 64,
        steps: int = 20,
        rounds: int = 20,
        **settings: Unpack[RunSettings],
    ) -> RunResult:
        __tracebackhide__ = True
        result = genbench_run(model, dataset, **settings)
        return result.benchmark(benchmark, what=what, count=count, steps=steps, rounds=rounds)

    return run_and_time
