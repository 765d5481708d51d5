"""The models of a suite: those that it leaves out, those of other plugins, and those that the user names."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from genbench.api.spec import MODALITIES
from genbench.errors import UnknownNameError
from genbench.plugin.discovery import load_registry
from genbench.plugin.registry import Registry
from genbench.runner.planning import Request, make_plan
from genbench.runner.suite import load_suite, suite_names

QUICK = load_suite("quick")


def variants(registry: Registry, **changes: object) -> set[str]:
    request = Request(suite=QUICK, datasets=("digits", "ring8"))
    plan = make_plan(dataclasses.replace(request, **changes), registry, ["genai-bench"])  # type: ignore[arg-type]
    return {job.variant for job in plan.jobs}


def with_a_stranger() -> Registry:
    registry = load_registry()
    card = msgspec.structs.replace(registry.model("vae"), name="of-a-stranger")
    return dataclasses.replace(
        registry,
        models={**registry.models, card.name: card},
        _origins={**registry._origins, ("ModelCard", card.name): registry.origin(registry.model("vae"))},
    )


@pytest.mark.parametrize("name", suite_names())
def test_what_a_suite_leaves_out_is_there_to_be_left_out(name: str) -> None:
    suite = load_suite(name)
    assert set(suite.without) <= load_registry().models.keys()
    assert len(set(suite.without)) == len(suite.without)


def test_quick_leaves_out_some_and_keeps_one_of_each_family() -> None:
    registry = load_registry()
    taken = variants(registry)
    assert not taken & set(QUICK.without)
    assert {registry.model(name).family for name in taken} == {
        card.family for card in registry.models.values()
    }


def test_quick_has_a_model_of_every_family_on_every_modality_that_it_takes() -> None:
    registry = load_registry()
    plan = make_plan(Request(suite=QUICK), registry, ["genai-bench"])
    met = {
        (registry.model(job.model).family, registry.dataset(job.dataset).spec.modality) for job in plan.jobs
    }
    modalities = {modality for _, modality in met}
    assert met == {
        (card.family, modality)
        for card in registry.models.values()
        for modality in card.modalities
        if modality in modalities
    }


def test_every_board_of_quick_has_a_gan_a_vae_and_an_autoregressive_model() -> None:
    registry = load_registry()
    plan = make_plan(Request(suite=QUICK), registry, ["genai-bench"])
    modalities = {registry.dataset(name).spec.modality for name in QUICK.datasets}
    assert modalities == set(MODALITIES)
    for dataset in QUICK.datasets:
        families = {job.family for job in plan.jobs if job.dataset == dataset}
        assert {"gan", "vae", "autoregressive", "baseline"} <= families, dataset


def test_quick_includes_a_plugins_model_without_naming_it() -> None:
    assert "of-a-stranger" in variants(with_a_stranger())


def test_what_is_asked_for_by_name_is_never_left_out() -> None:
    registry = load_registry()
    for name in QUICK.without:
        assert variants(registry, models=(name,), datasets=()) == {name}
    assert variants(registry, models=("pacgan:pack=2",)) == {"pacgan:pack=2"}
    assert variants(registry, models=("family:hybrid",)) == {"aae", "vae-gan"}
    specs = [registry.dataset(name).spec for name in QUICK.datasets]
    takers = {name for name, card in registry.models.items() if any(not card.refusal(spec) for spec in specs)}
    assert variants(registry, models=("*",), datasets=()) == takers


def test_a_variant_that_a_suite_leaves_out_by_its_model() -> None:
    suite = msgspec.structs.replace(QUICK, models=("pacgan:pack=2", "vae", "gan"), without=("pacgan", "gan"))
    assert variants(load_registry(), suite=suite) == {"vae"}


def test_a_name_that_no_plugin_announces_is_left_out_already() -> None:
    registry = load_registry()
    few = dataclasses.replace(registry, models={name: registry.models[name] for name in ("vae", "noise")})
    assert variants(few) == {"vae", "noise"}
    with pytest.raises(UnknownNameError):
        variants(few, models=("pacgan",))


def test_standard_and_full_leave_out_nothing() -> None:
    assert [load_suite(name).without for name in ("standard", "full")] == [(), ()]
