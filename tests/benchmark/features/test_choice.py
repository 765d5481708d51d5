"""Which extractor a job uses: defaults, `--extractor`, refusals; a plugin's extractors, good and bad."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch
from hostile_models import tiny_dataset
from jobs import make_task
from torch import Tensor

from genbench.api.cards import ExtractorCard
from genbench.api.data import Dataset, Split
from genbench.api.spec import DataSpec
from genbench.cli.run import choose_device
from genbench.errors import FeatureError, UnknownNameError, UsageError
from genbench.execution.worker import run_task
from genbench.features import Extractor
from genbench.features.loading import load_extractor
from genbench.metrics.cards import METRIC_CARDS
from genbench.metrics.scoring import ScoringInputs, score
from genbench.plugin.discovery import load_registry
from genbench.runner.planning import Request, folder_name, make_plan
from genbench.runner.suite import load_suite


def request(*datasets: str, extractor: str | None = None) -> Request:
    return Request(
        suite=load_suite("quick"),
        models=("noise",),
        datasets=datasets,
        device=choose_device("cpu"),
        extractor=extractor,
    )


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ("digits", "digits-cnn"),
        ("mnist", "mnist-cnn"),
        ("mnist5k", "mnist-cnn"),
        ("mnist-static", "mnist-cnn"),
        ("mnist-dynamic", "mnist-cnn"),
        ("fashion-mnist", "fashion-cnn"),
        ("cifar10", "pca"),
        ("ring8", "values"),
        ("sunspots", "values"),
        ("text8", "histogram"),
        ("jsb-chorales", "pca"),
    ],
)
def test_defaults(dataset: str, expected: str) -> None:
    registry = load_registry()
    assert registry.default_extractor(registry.dataset(dataset).spec).name == expected


def test_a_data_set_of_another_name_has_its_modalitys_default() -> None:
    spec = DataSpec(name="mine", modality="image", event_shape=(1, 8, 8), levels=17)
    assert load_registry().default_extractor(spec).name == "pca"
    misnamed = DataSpec(name="digits", modality="image", event_shape=(1, 9, 9), levels=17)
    assert load_registry().default_extractor(misnamed).name == "pca"


def test_the_extractor_is_part_of_the_jobs_identity() -> None:
    registry = load_registry()
    plans = [
        make_plan(request("digits", extractor=name), registry, []) for name in (None, "pca", "digits-cnn")
    ]
    jobs = [plan.jobs[0] for plan in plans]
    assert jobs[0].extractor == registry.extractor("digits-cnn").label
    assert jobs[1].extractor == "pca"
    assert jobs[0].id == jobs[2].id != jobs[1].id
    names = [folder_name(plan, whole_suite=False) for plan in plans]
    assert names[0] == names[2] != names[1]


@pytest.mark.parametrize(
    ("dataset", "extractor", "message"),
    [
        ("digits", "mnist-cnn", "extractor mnist-cnn takes 1×28×28; digits has 1×8×8"),
        ("ring8", "digits-cnn", "extractor digits-cnn takes image; ring8 is points"),
        ("ring8", "histogram", "extractor histogram takes tokens; ring8 is points"),
    ],
)
def test_an_extractor_that_cannot_take_the_data_is_refused(
    dataset: str, extractor: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        make_plan(request(dataset, extractor=extractor), load_registry(), [])


def test_a_typo_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown extractor 'digit-cnn'; did you mean 'digits-cnn'"):
        make_plan(request("digits", extractor="digit-cnn"), load_registry(), [])


def test_a_job_of_another_hash_is_refused() -> None:
    registry = load_registry()
    assert registry.recorded_extractor("pca").name == "pca"
    with pytest.raises(UsageError, match="planned with extractor digits-cnn:abc; here it is digits-cnn:"):
        registry.recorded_extractor("digits-cnn:abc")


# ---- a plugin's


def unequal(dataset: Dataset) -> Extractor:
    calls: list[int] = []

    def compute(x: Tensor) -> Tensor:
        calls.append(0)
        return torch.zeros(len(x), 2 + len(calls))

    return Extractor("mine", "4", compute)


def not_a_number(dataset: Dataset) -> Extractor:
    return Extractor("mine", "2", lambda x: torch.full((len(x), 3), torch.nan))


def flat(dataset: Dataset) -> Extractor:
    return Extractor("mine", "3", lambda x: x.flatten().float())


def failing(dataset: Dataset) -> Extractor:
    def compute(x: Tensor) -> Tensor:
        raise ValueError("no\nsecond line")

    return Extractor("mine", "5", compute)


def card(factory: str, **changes: object) -> ExtractorCard:
    plain = ExtractorCard(name="mine", summary="", modalities=("points",), factory=factory)
    return msgspec.structs.replace(plain, **changes)


FACTORIES: dict[str, Callable[[Dataset], Extractor]] = {
    "failing": failing,
    "unequal": unequal,
    "not_a_number": not_a_number,
    "flat": flat,
}


@pytest.mark.parametrize(
    ("function", "note"),
    [
        ("failing", "extractor mine: ValueError: no"),
        ("unequal", "features of unequal width: "),
        ("not_a_number", "the features of the samples are not all finite"),
        ("flat", "extractor mine: features are (80,) torch.float32, expected (40, any)"),
    ],
)
def test_a_plugins_bad_features_cost_their_own_figures(function: str, note: str) -> None:
    spec = DataSpec(name="toy", modality="points", event_shape=(2,))
    x = torch.randn(3, 40, 2, generator=torch.Generator().manual_seed(0))
    extractor = FACTORIES[function](None)  # type: ignore[arg-type]
    scored = ScoringInputs(
        spec=spec, samples=x[0], reference=x[1], train=Split(spec, x[2]), extractor=extractor
    )
    figures = {figure.name: figure for figure in score(METRIC_CARDS, scored)}
    assert note in (figures["frechet_distance"].note or "")
    assert figures["frechet_distance"].value is None
    assert figures["copied_share"].value is not None


@pytest.mark.parametrize(
    ("factory", "changes", "message"),
    [
        ("no.such.module:x", {}, "extractor mine: PluginError: factory 'no.such.module:x'"),
        ("jobs:make_job", {}, "extractor mine: "),
        ("genbench.features.pixels:values", {"hash": "abc"}, "its hash is .*, its card records abc; refused"),
    ],
)
def test_an_extractor_that_cannot_be_had_is_one_line(
    factory: str, changes: dict[str, object], message: str
) -> None:
    wanted = card(factory, **changes)
    with pytest.raises(FeatureError, match=message) as caught:
        load_extractor(wanted, tiny_dataset())
    assert "\n" not in str(caught.value)


def test_a_job_survives_its_extractor(tmp_path: Path) -> None:
    task = msgspec.structs.replace(
        make_task("Good", tmp_path),
        extractor=card("no.such.module:x"),
        metrics=[c for c in METRIC_CARDS if c.factory],
    )
    outcome = run_task(task)
    assert outcome.status == "ok"
    figures = {figure.name: figure for figure in outcome.metrics}
    assert "no.such.module" in (figures["frechet_distance"].note or "")
    assert figures["copied_share"].value is not None
