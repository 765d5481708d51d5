"""A search decides by the validation split alone, and the same results give the same decisions again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from genbench.api.cards import ModelCard
from genbench.api.search_space import Choices, FloatRange, IntRange, Range
from genbench.errors import BudgetError, UsageError
from genbench.records.job import Job
from genbench.records.result import Cost, CurvePoint, MetricValue, Result, Status
from genbench.records.tuned import tuned_of
from genbench.runner.planning import Variant
from genbench.runner.suite import load_suite
from genbench.tuning.proposals import Sampler, Tried, propose
from genbench.tuning.settings import StudySettings, check_numbers, open_study
from genbench.tuning.spaces import space_of
from genbench.tuning.study import FIRST_SEED, Study, search
from genbench.tuning.validation import validation_value
from genbench.tuning.winners import suite_toml, winner_of

SPACE: dict[str, Range] = {
    "learning_rate": FloatRange(1e-4, 1e-1, log=True),
    "hidden": IntRange(8, 512, log=True),
    "norm": Choices(("none", "batch", "layer")),
}
CARD = ModelCard(
    name="mine",
    family="vae",
    summary="",
    factory="nowhere:Mine",
    modalities=("points",),
    defaults={"learning_rate": 1e-3, "hidden": 64, "norm": "none"},
    search_space=SPACE,
)
BASE = Job(
    model="mine", family="vae", model_version="1", variant="mine", hyperparameters={}, dataset="ring8",
    dataset_version="1", budget="90steps", sampling_seconds=1.0, samples=2, importance_samples=1, seed=0,
    device="cpu", threads=1, ranking="js_divergence",
)  # fmt: skip


def settings(**changes: object) -> StudySettings:
    fields = {
        "models": ["mine"],
        "datasets": ["ring8"],
        "spaces": {"mine": SPACE},
        "suite": "quick",
        "budget": "90steps",
    }
    return msgspec.convert({**msgspec.to_builtins(fields), **changes}, StudySettings)


def study(trials: int, number: int = 0, **changes: object) -> Study:
    def variant_of(chosen: object) -> Variant:
        assert isinstance(chosen, dict)
        label = ",".join(f"{name}={value}" for name, value in sorted(chosen.items()))
        return Variant(CARD, {**CARD.hyperparameters, **chosen}, f"mine:{label}")

    return Study(settings(**changes), trials, number, BASE, SPACE, "lower", variant_of)


def loss(job: Job) -> float:
    """A validation value: best at a learning rate of 0.01, better with more steps."""
    rate, hidden = job.hyperparameters["learning_rate"], job.hyperparameters["hidden"]
    assert isinstance(rate, float)
    assert isinstance(hidden, int)
    steps = job.training_budget.steps or 0
    return abs(math.log10(rate) + 2) + abs(math.log2(hidden) - 6) / 10 + 10 / steps


def result(
    job: Job, validation: float | None, test: float = 0.0, status: Status = "ok", steps: int = 5
) -> Result:
    def metric(value: float | None) -> MetricValue:
        return MetricValue(name="js_divergence", value=value, unit="nats", better="lower")

    def point(fraction: float, value: float | None) -> CurvePoint:
        return CurvePoint(fraction=fraction, seconds=1, steps=5, examples=9, flops=0, metrics=[metric(value)])

    curve = [point(0.5, validation), point(1.0, None if validation is None else validation + 1)]
    return Result(
        id=job.id,
        status=status,
        job=job,
        metrics=[metric(test)],
        curve=curve,
        selected_fraction=0.5,
        cost=Cost(steps=steps, train_seconds=1.0, train_cpu_seconds=2.0, bound_by="steps"),
    )


class Recorder:
    """Runs jobs by a function, and stores the results as a run folder does."""

    def __init__(self, of: Callable[[Job], Result], fails_after: int | None = None) -> None:
        self.of, self.left = of, fails_after
        self.stored: dict[str, Result] = {}
        self.order: list[str] = []

    def __call__(self, jobs: Sequence[Job]) -> dict[str, Result]:
        for job in jobs:
            if job.id in self.stored:
                continue
            if self.left == 0:
                raise KeyboardInterrupt
            self.left = None if self.left is None else self.left - 1
            self.stored[job.id] = self.of(job)
            self.order.append(job.id)
        return self.stored


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_search_that_was_killed_goes_on_as_if_it_had_not_been(sampler: str) -> None:
    def of(job: Job) -> Result:
        return result(job, loss(job))

    undisturbed = Recorder(of)
    whole = study(12, sampler=sampler)
    search([whole], undisturbed)
    for killed_after in (0, 3, 7, 12):
        disturbed = Recorder(of, fails_after=killed_after)
        with pytest.raises(KeyboardInterrupt):
            search([study(12, sampler=sampler)], disturbed)
        disturbed.left = None
        again = study(12, sampler=sampler)
        search([again], disturbed)
        assert disturbed.order == undisturbed.order
        assert again.values == whole.values
        assert [trial.settings for trial in again.trials] == [trial.settings for trial in whole.trials]


def test_nothing_is_decided_by_the_test_split() -> None:
    """Two searches with the same validation values and opposite test values make the same jobs."""
    agreeing = Recorder(lambda job: result(job, loss(job), test=loss(job)))
    opposed = Recorder(lambda job: result(job, loss(job), test=-loss(job)))
    first, second = study(9), study(9)
    search([first], agreeing)
    search([second], opposed)
    assert agreeing.order == opposed.order
    assert first.winner is not None
    assert second.winner is not None
    assert first.winner.variant.label == second.winner.variant.label


def test_trials_stop_after_training_and_have_seeds_of_their_own() -> None:
    recorder = Recorder(lambda job: result(job, loss(job)))
    searches = [study(6, number) for number in range(2)]
    search(searches, recorder)
    jobs = [each.job for each in recorder.stored.values()]
    assert {job.ends_after for job in jobs} == {"train"}
    assert {job.budget for job in jobs} == {"10steps", "30steps", "90steps"}
    seeds = [trial.last.job.seed for each in searches for trial in each.trials if trial.last is not None]
    assert len(set(seeds)) == len(seeds) == 12
    assert min(seeds) >= FIRST_SEED


def test_a_trial_that_goes_on_keeps_its_seed_and_its_settings() -> None:
    recorder = Recorder(lambda job: result(job, loss(job)))
    found = study(6)
    search([found], recorder)
    gone_on = [trial for trial in found.trials if len(trial.results) > 1]
    assert gone_on
    for trial in gone_on:
        jobs = [each.job for each in trial.results.values()]
        assert len({(job.seed, job.variant) for job in jobs}) == 1


def test_more_trials_begin_with_the_same_draws() -> None:
    few, many = study(4, sampler="random"), study(9, sampler="random")
    search([few, many], Recorder(lambda job: result(job, loss(job))))
    assert [trial.settings for trial in many.trials[:4]] == [trial.settings for trial in few.trials]


def test_tpe_draws_nearer_to_the_best_than_chance() -> None:
    """Over a space with one good place; the best twenty draws of each are compared by their mean."""
    space: dict[str, Range] = {"x": FloatRange(-1.0, 1.0)}

    def mean_of(sampler: Sampler) -> float:
        tried: list[Tried] = []
        for number in range(30):
            chosen = propose(space, sampler, number, tried)
            assert isinstance(chosen["x"], float)
            tried.append(Tried(chosen, {0: (chosen["x"] - 0.3) ** 2}, True))
        return sum(each.values[0] for each in tried[10:]) / 20

    assert mean_of("tpe") < mean_of("random") / 2


def test_the_value_is_of_the_checkpoint_that_the_job_chose() -> None:
    assert validation_value(result(BASE, 0.25, test=9.0)) == 0.25
    assert validation_value(result(BASE, None, test=9.0)) is None
    assert validation_value(result(BASE, 0.25, status="diverged")) is None
    assert validation_value(result(BASE, 0.25, steps=0)) is None  # its budget built it and did not train it


def test_a_trial_that_took_more_than_the_whole_budget_never_wins() -> None:
    """A row that does has no rank. At a share of the budget it may: one long step is more than a tenth of that."""

    def of(job: Job) -> Result:
        found = result(job, loss(job))
        is_over = job.seed == FIRST_SEED or job.budget != "90steps"
        return msgspec.structs.replace(
            found, cost=msgspec.structs.replace(found.cost, budget_overrun=0.2 * is_over)
        )

    found = study(3, rungs=2, reduction=3)
    search([found], Recorder(of))
    assert found.winner is not None  # on a share of the budget all of them took more
    whole = study(2, rungs=1)
    search([whole], Recorder(of))
    assert whole.values[0] is None
    assert whole.winner is whole.trials[1]
    alone = study(1, rungs=1)
    search([alone], Recorder(of))
    with pytest.raises(
        UsageError, match=r"the only trial failed; the last one: its training took 1\.2 times"
    ):
        winner_of([alone], 1)


def test_failed_trials_never_win_and_all_failed_is_one_line() -> None:
    def of(job: Job) -> Result:
        failed = job.seed % 2 == 0
        return result(job, loss(job), status="diverged" if failed else "ok")

    found = study(6)
    search([found], Recorder(of))
    assert found.winner is not None
    assert found.winner.last is not None
    assert found.winner.last.job.seed % 2 == 1
    failing = study(3)
    search([failing], Recorder(lambda job: result(job, None, status="diverged")))
    with pytest.raises(UsageError, match="mine on ring8: all 3 trials failed; the last one: diverged"):
        winner_of([failing], 3)


def test_the_winner_is_that_of_the_median_study() -> None:
    studies = [study(4, number) for number in range(3)]
    shift = dict(enumerate((5.0, 1.0, 3.0)))

    def of(job: Job) -> Result:
        return result(job, loss(job) + shift[(job.seed - FIRST_SEED) // 10_000])

    search(studies, Recorder(of))
    winner = winner_of(studies, 4)
    assert studies[2].winner is winner.trial
    assert winner.tuned.studies == 3
    assert winner.tuned.cost.trainings == sum(len(each.results) for each in studies)
    assert winner.tuned.cost.cpu_seconds == 2.0 * winner.tuned.cost.trainings


def test_the_suite_of_the_winners_is_read_back_as_it_was(tmp_path: Path) -> None:
    found = study(5)
    search([found], Recorder(lambda job: result(job, loss(job) if job.seed % 2 else None)))
    winner = winner_of([found], 5)
    assert None in winner.tuned.values[0]
    suite = msgspec.structs.replace(
        load_suite("quick"),
        models=("mine", winner.tuned.variant, 'a "quoted" name'),
        ranking={"csv:a b.csv": "kernel_distance"},
        tuned=(winner.tuned,),
        name="winners",
    )
    path = tmp_path / "winners.toml"
    path.write_text(suite_toml(suite, ["written by a test"]), encoding="utf-8")
    read = load_suite(str(path))
    assert read == suite
    assert tuned_of(read.tuned, winner.tuned.variant, "ring8") == winner.tuned
    assert tuned_of(read.tuned, winner.tuned.variant, "grid25") is None


def test_spaces_that_cannot_be_searched_are_refused_in_one_line() -> None:
    assert space_of(CARD).note is None
    assert set(space_of(CARD, ["norm"]).ranges) == {"learning_rate", "hidden"}
    without = msgspec.structs.replace(CARD, search_space=None)
    fallback = space_of(without)
    assert fallback.ranges == {"learning_rate": FloatRange(1e-4, 1e-2, log=True)}
    assert fallback.note is not None
    assert "learning rate alone" in fallback.note
    cases = [
        (msgspec.structs.replace(CARD, search_space={}), (), "empty"),
        (msgspec.structs.replace(CARD, search_space={"beta": IntRange(1, 2)}), (), "does not take"),
        (msgspec.structs.replace(CARD, search_space=None, defaults={"hidden": 1}), (), "no learning_rate"),
        (CARD, tuple(SPACE), "you have set all"),
    ]
    for card, fixed, words in cases:
        with pytest.raises(UsageError, match=words):
            space_of(card, fixed)


def test_budgets_and_numbers_that_make_no_study_are_refused() -> None:
    check_numbers(settings(), 1)
    with pytest.raises(UsageError, match=r"smaller than one trial.*9steps or more, or --rungs 1"):
        check_numbers(settings(budget="2steps"), 1)
    check_numbers(settings(budget="2steps", rungs=1), 1)
    with pytest.raises(BudgetError, match="less than one"):
        _ = settings(budget="2steps").budgets
    for wrong in ({"rungs": 0}, {"reduction": 1}, {"at_once": 0}, {"studies": 0}):
        with pytest.raises(UsageError, match="expected"):
            check_numbers(settings(**wrong), 1)


def test_a_folder_holds_one_study(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    open_study(folder, settings())
    open_study(folder, settings())
    with pytest.raises(UsageError, match='sampler "tpe", not "random"'):
        open_study(folder, settings(sampler="random"))
    (tmp_path / "something").write_text("else")
    with pytest.raises(UsageError, match="holds no study"):
        open_study(tmp_path, settings())
    (folder / "study.json").write_text("{}")
    with pytest.raises(UsageError, match="no study of this version"):
        open_study(folder, settings())
