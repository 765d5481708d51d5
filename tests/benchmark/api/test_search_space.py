"""Search spaces: what a range may be, and whether it fits a constructor."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.api.cards import ModelCard
from genbench.api.search_space import Choices, FloatRange, IntRange, contradiction
from genbench.plugin.discovery import load_registry

DEFAULTS = {"learning_rate": 1e-3, "hidden": 64, "architecture": "auto", "direct": False, "dropout": None}


@pytest.mark.parametrize(
    ("low", "high", "log"),
    [(1.0, 1.0, False), (2.0, 1.0, False), (0.0, float("inf"), False), (0.0, 1.0, True)],
)
def test_a_range_has_two_ends_and_a_logarithm_positive_ones(low: float, high: float, log: bool) -> None:
    with pytest.raises(ValueError, match=r"expected two finite numbers|above 0"):
        FloatRange(low, high, log=log)


@pytest.mark.parametrize("values", [(), (1,), (1, 1), ("a", "b,c"), ("a", ""), (1.0, float("nan"))])
def test_choices_differ_and_can_be_set_on_a_command_line(values: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match=r"different values|command line|finite"):
        Choices(values)  # type: ignore[arg-type]


def test_equal_values_of_different_types_are_different_choices() -> None:
    assert Choices((1, True)).values == (1, True)


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({}, "empty"),
        ({"latent": IntRange(1, 2)}, "does not take"),
        ({"learning_rate": IntRange(1, 2)}, "whole numbers"),
        ({"hidden": FloatRange(1.0, 2.0)}, "real numbers"),
        ({"direct": IntRange(0, 1)}, "whole numbers"),
        ({"hidden": Choices((32, 64.0))}, "64.0"),
        ({"architecture": Choices(("mlp", None))}, "None"),
    ],
)
def test_a_space_that_contradicts_the_constructor_is_told_in_one_line(space: dict, words: str) -> None:  # type: ignore[type-arg]
    found = contradiction(space, DEFAULTS)
    assert found is not None
    assert words in found
    assert "\n" not in found


def test_any_range_fits_a_default_of_none() -> None:
    for values in (IntRange(1, 2), FloatRange(0.0, 0.5), Choices((0.1, None))):
        assert contradiction({"dropout": values}, DEFAULTS) is None


RANGES = st.one_of(
    st.tuples(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6)).map(lambda p: FloatRange(p[0], p[0] + p[1])),
    st.tuples(st.integers(1, 99), st.integers(1, 99)).map(lambda p: IntRange(p[0], p[0] + p[1], log=True)),
    st.lists(st.sampled_from(["a", "b", 1, 2.5, True, None]), min_size=2, unique_by=repr).map(
        lambda values: Choices(tuple(values))
    ),
)


@given(st.dictionaries(st.sampled_from("abc"), RANGES))
def test_a_card_with_a_space_survives_json(space: dict) -> None:  # type: ignore[type-arg]
    card = ModelCard(
        name="m", family="vae", summary="s", factory="m:M", modalities=("points",), search_space=space
    )
    assert msgspec.json.decode(msgspec.json.encode(card), type=ModelCard) == card


def test_the_spaces_of_the_built_in_models_fit_their_constructors() -> None:
    cards = [card for card in load_registry().models.values() if card.search_space is not None]
    assert len(cards) > 30
    problems = {card.name: contradiction(card.search_space or {}, card.hyperparameters) for card in cards}
    assert {name: problem for name, problem in problems.items() if problem} == {}
