"""The pytest plugin as another repository uses it: real inner sessions, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hostile_models import Good
from jobs import TINY, VALUES, make_job, make_task

from genbench.errors import UnknownNameError
from genbench.records.audit import Audit, AuditCheck
from genbench.records.result import MetricValue, Result
from genbench.records.task import Task
from pytest_genbench.outcome import RunResult
from pytest_genbench.session import RunSession
from pytest_genbench.subject import can_be_imported

pytest_plugins = ["pytester"]

MODELS = '''
import time
import torch
from genbench import GenerativeModel

class Normal(GenerativeModel):
    """A normal distribution, fitted in closed form."""

    def __init__(self, spec, *, shift: float = 0.0, note: str = ""):
        super().__init__(spec)
        self.shift, self.note = shift, note
        self.mean = torch.nn.Parameter(torch.zeros(spec.event_shape))

    def fit(self, train, meter):
        if self.note:
            with open(self.note, "a") as file:
                file.write("fitted\\n")
        optimiser = torch.optim.SGD(self.parameters(), lr=0.1)
        for batch in meter.batches(train, batch_size=64):
            loss = ((batch.x - self.mean) ** 2).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            meter.log(loss=loss)

    def sample(self, count, generator):
        noise = torch.randn(count, *self.spec.event_shape, generator=generator)
        return self.mean + self.shift + noise

class Broken(Normal):
    def sample(self, count, generator):
        raise RuntimeError("no samples today")
'''


@pytest.fixture
def stranger(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    for name in [name for name in os.environ if name.startswith("PYTEST_XDIST_")]:
        monkeypatch.delenv(name)  # the sessions inside are workers of nobody; pytest-benchmark goes by these
    pytester.makepyfile(my_models=MODELS)
    return pytester


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments, timeout=600)


def test_a_repository_tests_its_own_model(stranger: pytest.Pytester) -> None:
    """What goes well, what fails and how it reads, what is asked wrongly; one run for the same arguments."""
    stranger.makepyfile(
        test_quality="""
        import pytest
        from my_models import Broken, Normal
        from genbench import ModelCard

        def test_quality(genbench_run, tmp_path):
            note = str(tmp_path / "note")
            arguments = dict(budget="40steps", samples=200, hyperparameters={"note": note})
            result = genbench_run(Normal, "ring8", **arguments)
            assert result.ok, result.reason
            assert result.status == "ok" and result.cost.steps == 40
            assert result.metrics["frechet_distance"].value > 0
            result.expect("frechet_distance", at_most=50.0).expect("recall", at_least=0.0, at_most=1.0)
            assert result.samples().shape == (200, 2)
            assert len(result.curve) >= 2
            assert genbench_run(Normal, "ring8", **arguments) is result
            assert open(note).read() == "fitted\\n"
            other = genbench_run(Normal, "ring8", seed=1, **arguments)
            assert other is not result and other.record.job.seed == 1
            again = genbench_run("marginals", "ring8", budget="40steps", samples=200)
            again.expect_no_worse_than(result, "sliced_wasserstein", standard_errors=3)

        def test_a_card_that_nobody_announces(genbench_run):
            card = ModelCard(name="mine", family="flow", summary="", factory="my_models:Normal",
                             modalities=("points",), defaults={"shift": 0.0})
            result = genbench_run(card, "ring8", budget="5steps", samples=50, hyperparameters={"shift": 1.0})
            assert result.expect_ok().record.job.variant == "mine:shift=1.0"
            assert result.record.job.family == "flow"

        def test_too_high_a_hope(genbench_run):
            result = genbench_run(Normal, "ring8", budget="5steps", samples=50, hyperparameters={"shift": 9.0})
            result.expect("frechet_distance", at_most=0.001)

        def test_unknown_metric(genbench_run):
            result = genbench_run(Normal, "ring8", budget="5steps", samples=50, hyperparameters={"shift": 9.0})
            result.metrics["frechet_distanc"]

        def test_broken(genbench_run):
            result = genbench_run(Broken, "ring8", budget="5steps", samples=50)
            assert result.status == "plugin_error"
            result.expect("frechet_distance", at_most=1.0)

        def test_unknown_model(genbench_run):
            genbench_run("vaae", "ring8")

        def test_unknown_hyperparameter(genbench_run):
            genbench_run(Normal, "ring8", hyperparameters={"shfit": 1.0})

        def test_unfit(genbench_run):
            genbench_run("dcgan", "ring8")

        def test_local_class(genbench_run):
            class Local(Normal): ...
            genbench_run(Local, "ring8")

        def test_no_model(genbench_run):
            genbench_run(3, "ring8")
        """
    )
    done = run(stranger)
    done.assert_outcomes(passed=2, failed=8)
    done.stdout.fnmatch_lines_random(
        [
            "*AssertionError: Normal:shift=9.0 on ring8, seed 0, 5steps: frechet_distance * expected at most 0.001",
            "*unknown metric 'frechet_distanc'; did you mean 'frechet_distance'?",
            "*AssertionError: Broken on ring8, seed 0, 5steps: plugin_error: *no samples today*",
            "E *RuntimeError: no samples today",
            "*genbench_run: unknown model 'vaae'; did you mean 'vae'?",
            "*genbench_run: unknown hyperparameter of Normal 'shfit'; did you mean 'shift'?",
            "*genbench_run: dcgan takes image; ring8 is points",
            "*genbench_run: *Local is defined inside another class or a function;*",
            "*genbench_run: model 3: expected a name, a ModelCard or a GenerativeModel class, not int",
        ]
    )
    assert "planning.py" not in done.stdout.str()  # our own frames tell a reader nothing


def test_pytest_benchmark_records_the_speed_with_the_quality(stranger: pytest.Pytester) -> None:
    stranger.makepyfile(
        test_speed="""
        from my_models import Normal

        SETTINGS = dict(budget="30steps", samples=100, rounds=4)

        def test_sampling(genbench_benchmark):
            genbench_benchmark(Normal, "ring8", what="sample", count=32, **SETTINGS)

        def test_training(genbench_benchmark):
            result = genbench_benchmark(Normal, "ring8", what="train", steps=7, **SETTINGS)
            result.expect("frechet_distance", at_most=100.0)

        def test_by_hand(genbench_run, benchmark):
            result = genbench_run(Normal, "ring8", budget="30steps", samples=100)
            result.benchmark(benchmark, count=8, rounds=3)
        """
    )
    done = run(stranger, "--benchmark-json=speed.json")
    done.assert_outcomes(passed=3)
    report = json.loads((stranger.path / "speed.json").read_text())
    by_name = {each["name"]: each for each in report["benchmarks"]}
    for name, rounds, figures in (
        ("test_sampling", 4, {"what": "sample", "samples_per_round": 32}),
        ("test_training", 4, {"what": "train", "steps_per_round": 7}),
        ("test_by_hand", 3, {"what": "sample", "samples_per_round": 8}),
    ):
        assert by_name[name]["stats"]["rounds"] == rounds
        assert by_name[name]["stats"]["min"] > 0
        info = by_name[name]["extra_info"]
        assert info.items() >= {"model": "Normal", "dataset": "ring8", "budget": "30steps", **figures}.items()
        assert info["frechet_distance"] > 0
        assert info["cost_steps"] == 30


@pytest.mark.slow
def test_without_pytest_benchmark_speed_is_skipped_and_the_budget_can_be_forced(
    stranger: pytest.Pytester,
) -> None:
    stranger.makepyfile(
        test_both="""
        def test_speed(genbench_benchmark):
            genbench_benchmark("noise", "ring8")

        def test_quality(genbench_run):
            assert genbench_run("vae", "ring8", budget="900s", samples=20).cost.steps == 3

        def test_the_same(genbench_run):
            assert genbench_run("vae", "ring8", samples=20).record.job.budget == "3steps"
        """
    )
    done = run(stranger, "-p", "no:benchmark", "--genbench-budget=3steps", "--genbench-device=cpu", "-rs")
    done.assert_outcomes(passed=2, skipped=1)
    done.stdout.fnmatch_lines("*pytest-benchmark is not installed, or is switched off*")


@pytest.mark.slow
def test_processes_of_a_session_share_runs_and_the_ini_file_sets_defaults(stranger: pytest.Pytester) -> None:
    stranger.makeini("[pytest]\ngenbench_budget = 6steps\n")
    note = stranger.path / "note"
    stranger.makepyfile(
        test_shared=f"""
        import os, pytest
        from my_models import Normal

        @pytest.mark.parametrize("turn", range(4))
        def test_shared(genbench_run, turn):
            assert os.environ["PYTEST_XDIST_WORKER"]
            result = genbench_run(Normal, "ring8", samples=20, hyperparameters={{"note": {str(note)!r}}})
            assert result.expect_ok().cost.steps == 6
        """
    )
    run(stranger, "-n", "2", "--dist", "load").assert_outcomes(passed=4)
    assert note.read_text() == "fitted\n"


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--genbench-budget=soon", "*genbench budget: cannot read budget 'soon'*"),
        ("--genbench-device=tpu", "*genbench device 'tpu': expected auto, cpu or cuda*"),
    ],
)
def test_options_that_cannot_be_read_stop_the_session(
    pytester: pytest.Pytester, option: str, said: str
) -> None:
    done = run(pytester, option)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(said)


def test_sessions_that_do_not_use_it_are_left_alone(pytester: pytest.Pytester) -> None:
    """Neither the harness nor anything heavy is imported; and it can be left out."""
    pytester.makepyfile(
        """
        import sys

        def test_it(request):
            assert request.config.pluginmanager.hasplugin("genbench")
            assert not {"genbench", "torch", "pandas", "numpy", "msgspec", "rich"} & set(sys.modules)
        """
    )
    isolated = ("-p", "no:jaxtyping", "-p", "no:hypothesispytest", "-W", "error")
    run(pytester, *isolated).assert_outcomes(passed=1)
    without = run(pytester, *isolated, "-p", "no:genbench", "--fixtures-per-test")
    assert "genbench" not in without.stdout.str()
    shown = run(pytester, "--fixtures").stdout
    shown.fnmatch_lines(
        [
            "*genbench_run*scope*",
            "*Run one generative model on one data set under a compute budget*",
            "*genbench_benchmark*",
            "*Time a model's training or sampling with pytest-benchmark*",
        ]
    )


def test_the_plugin_imports_only_pytest() -> None:
    code = (
        "import pytest, sys; before = set(sys.modules); import pytest_genbench;"
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['pytest_genbench']"


def test_it_runs_in_this_session_too_on_a_data_set_of_ones_own(
    genbench_run: RunSession, pytestconfig: pytest.Config
) -> None:
    """Here every annotation is executed and warnings are errors."""
    settings: dict[str, Any] = {"samples": 16, "hyperparameters": {"rate": 0.2}}
    result = genbench_run(Good, TINY, budget="30steps", device="cpu", **settings)
    assert result.ok, result.reason
    assert result.record.job.variant == "Good:rate=0.2"
    assert (result.record.job.dataset, result.record.job.family) == ("tiny", "hybrid")
    assert tuple(result.samples().shape) == (16, 2)
    assert "ok, frechet_distance" in repr(result)
    # the same to the last digit, from another process
    again = RunSession(Path(result.folder).parents[2] / "again")(Good, TINY, budget="30steps", **settings)
    assert again is not result
    assert again.record.metrics == result.record.metrics
    with pytest.raises(pytest.fail.Exception, match="genbench_run: dict is not a GenerativeModel: "):
        genbench_run(dict, TINY)
    with pytest.raises(pytest.fail.Exception, match="genbench_run: cannot read budget 'much'"):
        genbench_run(Good, TINY, budget="much")


# ---- assertions, on records made by hand


def result_of(folder: Path, figure: MetricValue, audit: Audit | None = None) -> RunResult:
    job = make_job("Good")
    record = Result(id=job.id, status="ok", job=job, metrics=[figure], audit=audit)
    task: Task = make_task("Good", folder)
    assert (task.dataset, task.extractor) == (TINY, VALUES)
    return RunResult(record, task, folder)


def distance(value: float | None, stderr: float | None = None, **fields: object) -> MetricValue:
    base: dict[str, object] = {"name": "distance", "unit": "", "better": "lower", "n": 100}
    return MetricValue(**{**base, "value": value, "stderr": stderr, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "bounds", "errors", "passes"),
    [
        (3.0, {"at_most": 3.0}, 0.0, True),
        (3.1, {"at_most": 3.0}, 0.0, False),
        (3.1, {"at_most": 3.0}, 1.0, True),  # 0.5 standard errors past it
        (3.5, {"at_most": 3.0}, 2.0, False),  # 2.5 of them
        (2.9, {"at_most": 3.0}, -1.0, False),  # not as far within as was asked
        (2.7, {"at_most": 3.0}, -1.0, True),
        (0.9, {"at_least": 1.0}, 0.0, False),
        (0.9, {"at_least": 1.0}, 1.0, True),
        (1.5, {"at_least": 1.0, "at_most": 2.0}, 0.0, True),
        (2.5, {"at_least": 1.0, "at_most": 2.0}, 0.0, False),
    ],
)
def test_expectations_take_standard_errors_into_account(
    tmp_path: Path, value: float, bounds: dict[str, float], errors: float, passes: bool
) -> None:
    result = result_of(tmp_path, distance(value, 0.2))
    if passes:
        assert result.expect("distance", standard_errors=errors, **bounds) is result
    else:
        with pytest.raises(AssertionError, match=r"Good on tiny.*distance \d.* ± 0\.2, expected at "):
            result.expect("distance", standard_errors=errors, **bounds)


def test_a_value_that_cannot_be_judged_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="distance has no value: all samples are equal"):
        result_of(tmp_path, distance(None, note="all samples are equal")).expect("distance", at_most=9.0)
    with pytest.raises(AssertionError, match="distance has no standard error"):
        result_of(tmp_path, distance(1.0)).expect("distance", at_most=9.0, standard_errors=1)
    with pytest.raises(AssertionError, match="unknown metric 'distence'; did you mean 'distance'"):
        result_of(tmp_path, distance(1.0)).expect("distence", at_most=9.0)
    with pytest.raises(UnknownNameError, match="did you mean 'distance'"):
        result_of(tmp_path, distance(1.0)).metrics["distence"]
    with pytest.raises(TypeError, match="at_most, at_least or both"):
        result_of(tmp_path, distance(1.0)).expect("distance")
    failed = Audit(
        likelihood="log_prob", checks=(AuditCheck(name="total", passed=False, detail="sums to 2.00"),)
    )
    doubted = result_of(tmp_path, distance(1.0, kind="exact"), failed)
    with pytest.raises(AssertionError, match=r"fails its audit: .*sums to 2\.00"):
        doubted.expect("distance", at_most=9.0)


def test_two_runs_are_compared_in_the_metrics_own_direction(tmp_path: Path) -> None:
    better, worse = (result_of(tmp_path, distance(value, 0.3)) for value in (1.0, 2.0))
    better.expect_no_worse_than(worse, "distance")
    with pytest.raises(AssertionError, match=r"distance 2 ± 0\.3, worse than distance 1 ± 0\.3 of Good"):
        worse.expect_no_worse_than(better, "distance", standard_errors=2)  # 2 of 0.42 is less than 1
    worse.expect_no_worse_than(better, "distance", standard_errors=3)
    high, low = (result_of(tmp_path, distance(value, better="higher")) for value in (2.0, 1.0))
    high.expect_no_worse_than(low, "distance")
    with pytest.raises(AssertionError, match="worse than"):
        low.expect_no_worse_than(high, "distance")
    other = result_of(tmp_path, distance(1.0, n=50))
    with pytest.raises(AssertionError, match="cannot be compared"):
        other.expect_no_worse_than(low, "distance")


def test_modules_that_only_this_process_knows_cannot_be_imported_by_a_worker() -> None:
    assert can_be_imported("genbench_models.vae")
    assert can_be_imported("json")
    assert not can_be_imported("genbench.absent")
    assert not can_be_imported("json.decoder.nothing")
    sys.modules["conjured"] = sys  # as pytest's importlib mode does with test files
    try:
        assert not can_be_imported("conjured")
    finally:
        del sys.modules["conjured"]
