"""Each check of the contract suite passes a sound model and fails one that breaks it."""

from __future__ import annotations

import broken_models
import msgspec
import pytest
import torch
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, ModelCard, Split
from genbench.api import IntRange
from genbench.errors import PluginError
from genbench.testing import (
    CONTRACT_CHECKS,
    Case,
    ContractCheck,
    NotApplicable,
    Subject,
    check_model,
    contract_cases,
    contract_test,
    examine_model,
    tiny_specs,
)

SOUND = ModelCard(
    name="sound",
    family="baseline",
    summary="a frequency for each value",
    factory="broken_models:Sound",
    modalities=("points",),
    discrete=True,
    capabilities=(
        "sample",
        "log_prob",
        "log_density",
        "log_weights",
        "elbo",
        "decode",
        "energy",
        "condition",
        "complete",
        "missing_log_prob",
        "predictive_entropy",
        "encode",
        "sampling_steps",
        "lengths",
        "continue",
        "attention",
        "translate",
    ),
    defaults={"learning_rate": 0.1},
)
OF_SEQUENCES = ("lengths", "continue", "attention", "translate")
"""Capabilities whose checks say nothing about points."""
SEQUENCES = DataSpec(name="small", modality="tokens", event_shape=(6,), levels=5, source_steps=3)
SPEC = DataSpec(name="small", modality="points", event_shape=(4,), levels=5, classes=3)


def announced_as(model: str, **changes: object) -> ModelCard:
    return msgspec.structs.replace(
        SOUND, **{"name": "broken", "factory": f"broken_models:{model}", **changes}
    )


def check_named(name: str) -> ContractCheck:
    (check,) = (check for check in CONTRACT_CHECKS if check.name == name)
    return check


def failure(card: ModelCard, check: str, spec: DataSpec = SPEC) -> str:
    with pytest.raises(PluginError) as raised:
        Case(Subject(card, spec), check_named(check)).run()
    return str(raised.value)


# ---- checks can fail


def test_a_sound_model_with_every_capability_has_nothing_wrong() -> None:
    verdict = examine_model(SOUND)
    assert verdict.problems == ()
    assert len(verdict.held) > len(verdict.unjudged)
    here = {check for check in CONTRACT_CHECKS if torch.cuda.is_available() or not check.gpu}
    assert {case.check for case in contract_cases(SOUND)} == here


@pytest.mark.parametrize("check", [check.name for check in CONTRACT_CHECKS])
def test_a_broken_model_fails_its_check(check: str) -> None:
    if check_named(check).gpu and not torch.cuda.is_available():
        pytest.skip("torch finds no GPU")
    name = "Broken Model" if check == "card_is_well_formed" else "broken"
    card = announced_as("".join(word.capitalize() for word in check.split("_")), name=name)
    spec = SEQUENCES if check_named(check).capability in OF_SEQUENCES else SPEC
    assert failure(card, check, spec).startswith(f"{name} on small: {check}: ")


def test_a_sound_model_of_sequences_takes_lengths_and_prompts() -> None:
    subject = Subject(SOUND, SEQUENCES)
    for check in CONTRACT_CHECKS:
        if check.capability in OF_SEQUENCES:
            Case(subject, check).run()


def test_each_broken_model_is_some_checks() -> None:
    """None is left over from a check that was renamed or taken away."""
    classes = {
        name
        for name, value in vars(broken_models).items()
        if isinstance(value, type) and issubclass(value, broken_models.Sound)
    }
    checks = {"".join(word.capitalize() for word in check.name.split("_")) for check in CONTRACT_CHECKS}
    assert classes == checks | {"Sound"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"summary": "two\nlines"}, "summary: expected one line"),
        ({"modalities": ("points", "points")}, "modalities: points, points has repetitions"),
        ({"modalities": ("pictures",)}, "Invalid enum value 'pictures'"),
        ({"factory": "broken_models:Missing"}, "broken_models has no 'Missing'"),
        ({"factory": "broken_models:LATENT"}, "is not a subclass of genbench.GenerativeModel"),
        ({"modalities": ("tokens",), "discrete": False}, "tokens: the card takes no such data"),
        ({"search_space": {"depth": IntRange(1, 2)}}, "search_space: its search space has 'depth'"),
    ],
)
def test_what_a_card_may_get_wrong(changes: dict[str, object], expected: str) -> None:
    assert expected in failure(announced_as("Sound", **changes), "card_is_well_formed")


def test_decoders_of_symbols_are_asked_for_probabilities() -> None:
    spec = DataSpec(name="small", modality="tokens", event_shape=(5,), levels=3)
    for model, sound in (("DecodesSymbols", True), ("DecodesLogits", False)):
        card = announced_as(
            model,
            factory=f"likelihood_models:{model}",
            modalities=("tokens",),
            capabilities=("sample", "decode"),
            defaults={},
        )
        if sound:
            Case(Subject(card, spec), check_named("decode_is_differentiable")).run()
        else:
            assert "not probabilities" in failure(card, "decode_is_differentiable", spec)


def test_defaults_and_capabilities_are_compared_both_ways() -> None:
    assert "which card.defaults leaves out" in failure(
        announced_as("Sound", defaults={}), "defaults_match_the_factory"
    )
    assert "which the factory does not take" in failure(
        announced_as("Sound", defaults={"learning_rate": 0.1, "depth": 2}), "defaults_match_the_factory"
    )
    assert "which the card does not announce" in failure(
        announced_as("Sound", capabilities=("sample",)), "capabilities_match_the_class"
    )


@pytest.mark.parametrize(
    ("factory", "check", "expected"),
    [
        ("NarrowIntegers", "samples_lie_in_the_domain", "returned torch.int32, expected torch.int64"),
        ("RealSamples", "samples_lie_in_the_domain", "returned torch.float32, expected integers 0..4"),
        ("ForgetsTheRest", "state_dict_holds_the_model", "holds _extra_state, expected nothing but tensors"),
        ("BatchNormalised", "log_prob_depends_on_the_example_alone", "(relative) alone"),
        ("RandomLikelihood", "log_prob_depends_on_the_example_alone", "an estimate belongs in log_weights"),
        ("OneBudget", "sampling_steps_are_taken", "sampling_budgets is (3,), expected at least two"),
        ("OverBudget", "training_stops_at_the_budget", "spent 13 steps of a budget of 12"),
        ("RefusesInSilence", "the_smallest_shape_is_taken_or_refused", "a ValueError that says nothing"),
    ],
)
def test_other_ways_to_break_a_check(
    factory: str, check: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broken_models, factory, globals()[factory], raising=False)
    assert expected in failure(announced_as(factory), check)


class NarrowIntegers(broken_models.Sound):
    def sample(self, count: int, generator: torch.Generator, **condition: object) -> Tensor:
        return super().sample(count, generator).int()


class RealSamples(broken_models.Sound):
    def sample(self, count: int, generator: torch.Generator, **condition: object) -> Tensor:
        return super().sample(count, generator).float()


class ForgetsTheRest(broken_models.Sound):
    def get_extra_state(self) -> list[int]:
        return [1]

    def set_extra_state(self, state: object) -> None:
        pass


class BatchNormalised(broken_models.Sound):
    """Normalises with the statistics of the batch, in evaluation too."""

    def log_prob(self, x: Tensor) -> Tensor:
        return super().log_prob(x) - (x.float() - x.float().mean(0)).square().mean(1)


class RandomLikelihood(broken_models.Sound):
    def log_prob(self, x: Tensor) -> Tensor:
        return super().log_prob(x) + 1e-4 * torch.randn(())


class OverBudget(broken_models.Sound):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        super().fit(train, meter)
        meter.charge(steps=1)


class OneBudget(broken_models.Sound):
    def __init__(self, spec: DataSpec, *, learning_rate: float = 0.1) -> None:
        super().__init__(spec, learning_rate=learning_rate)
        self.sampling_budgets = (3,)


class RefusesInSilence(broken_models.Sound):
    def __init__(self, spec: DataSpec, *, learning_rate: float = 0.1) -> None:
        if spec.dimension < 2:
            raise ValueError
        super().__init__(spec, learning_rate=learning_rate)


# ---- what the suite offers


def test_a_card_is_checked_on_every_domain_that_it_takes() -> None:
    everything = announced_as("Sound", modalities=("points", "image", "series", "tokens"), discrete=None)
    specs = tiny_specs(everything)
    found = {(spec.modality, spec.is_discrete) for spec in specs}
    assert found == {
        *((modality, True) for modality in ("points", "image", "series", "tokens")),
        *((modality, False) for modality in ("points", "image", "series")),
    }
    assert all(spec.is_discrete for spec in tiny_specs(SOUND))
    real = announced_as("Sound", modalities=("points",), discrete=False)
    assert [spec.levels for spec in tiny_specs(real)] == [None]


def test_ids_name_model_data_and_check() -> None:
    (mark,) = contract_test(SOUND).pytestmark  # type: ignore[attr-defined]
    assert mark.name == "parametrize"
    ids = [mark.kwargs["ids"](case) for case in mark.args[1]]
    assert len(set(ids)) == len(ids)
    assert "sound-tiny-points-5-levels-log_prob_sums_to_one" in ids


def test_a_check_that_cannot_judge_says_why() -> None:
    spec = DataSpec(name="fine", modality="points", event_shape=(2,), levels=500, classes=3)
    with pytest.raises(NotApplicable, match="no space of 500 levels is small enough"):
        Case(Subject(SOUND, spec), check_named("log_prob_sums_to_one")).run()


def test_a_class_that_cannot_be_loaded_is_one_problem() -> None:
    card = announced_as("ThereIsNoSuchClass")
    (problem,) = examine_model(card).problems
    assert len(problem.cases) == 1
    assert "broken_models has no 'ThereIsNoSuchClass'" in problem.text
    selected = contract_cases(card)[-1]  # as `pytest -k` may select it
    with pytest.raises(PluginError, match="has no 'ThereIsNoSuchClass'"):
        selected.run()


def test_a_fit_that_fails_is_one_problem_a_kind_of_data() -> None:
    with pytest.raises(PluginError) as raised:
        check_model(announced_as("", factory="failing_fit:FailsInFit", capabilities=("sample",)), SPEC)
    lines = [line for line in str(raised.value).splitlines() if "no such feature" in line]
    assert len(lines) == 1


def test_hyperparameters_reach_the_model() -> None:
    (case, *_) = contract_cases(SOUND, SPEC, {"learning_rate": 0.5})
    assert case.subject.build().learning_rate == 0.5


# ---- densities and bounds in closed form


class Normal(GenerativeModel):
    """Two correlated normal numbers. excess: added to the log density, which is right at 0."""

    def __init__(self, spec: DataSpec, *, narrow: float = 1.0, excess: float = 0.0) -> None:
        super().__init__(spec)
        self.excess = excess
        factor = torch.tensor([[1.0, 0.0], [1.0, narrow]])
        self.density = torch.distributions.MultivariateNormal(torch.tensor([3.0, -5.0]), scale_tril=factor)

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        raise NotImplementedError

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        noise = torch.randn(count, 2, generator=generator)
        return self.density.loc + noise @ self.density.scale_tril.T


PLANE = DataSpec(name="plane", modality="points", event_shape=(2,))


class RealDensity(Normal):
    """Real numbers have a density that is a likelihood as it is; a bound below it."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        for _ in meter.batches(train, 16):
            pass

    def log_density(self, x: Tensor) -> Tensor:
        return self.density.log_prob(x) + self.excess

    def elbo(self, x: Tensor) -> Tensor:
        return self.log_density(x) - 0.1 + 0.2 * torch.randn(len(x))


@pytest.mark.parametrize(
    ("excess", "check", "expected"),
    [
        (0.0, "log_density_integrates_to_one", None),
        (0.1, "log_density_integrates_to_one", "is 1.10"),
        (-0.1, "log_density_integrates_to_one", "is 0.904"),
        (0.0, "elbo_stays_below_a_likelihood", None),
        (0.5, "elbo_stays_below_a_likelihood", "expected 1 at most"),
    ],
)
def test_densities_and_bounds_of_real_numbers(
    excess: float, check: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broken_models, "RealDensity", RealDensity, raising=False)
    subject = Subject(announced_as("RealDensity", discrete=None), PLANE, {"excess": excess})
    if expected is None:
        check_named(check).function(subject)
        return
    with pytest.raises(PluginError, match=expected):
        check_named(check).function(subject)
