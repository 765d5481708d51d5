"""A hyperparameter out of range is named in one line, whichever model it is given to."""

from __future__ import annotations

import pytest

from genbench.cards import ModelCard, load_factory
from genbench.plugin_manager import load_registry
from genbench.testing.tiny_data import tiny_specs

_FAMILIES = ("gan", "vae", "hybrid", "flow", "diffusion")
_POSITIVE_NUMBERS = ("learning_rate", "clip")
_COUNTS = (
    *(
        "latent_dim",
        "hidden",
        "layers",
        "width",
        "batch_size",
        "n_critic",
        "pack",
        "blocks",
        "style",
        "codes",
    ),
    *(
        "code_dim",
        "steps",
        "sampler_steps",
        "solver_steps",
        "transforms",
        "bins",
        "train_samples",
        "pseudo_inputs",
    ),
    *("upper_dim", "lower_dim", "penalty_every"),
)
_CASES = [
    (card, name, 0 if name in _COUNTS else 0.0)
    for card in load_registry().models.values()
    if card.family in _FAMILIES
    for name in card.defaults
    if name in _COUNTS or name in _POSITIVE_NUMBERS
]


@pytest.mark.parametrize(("card", "name", "value"), _CASES, ids=[f"{c.name}-{n}" for c, n, _ in _CASES])
def test_nothing_of_zero_size_is_built(card: ModelCard, name: str, value: float) -> None:
    spec = tiny_specs(card)[0]
    with pytest.raises(ValueError, match=rf"^{name}=0(\.0)?: expected [^\n]+$"):
        load_factory(card.factory)(spec, **{name: value})


@pytest.mark.parametrize("value", [-0.1, 1.0])
@pytest.mark.parametrize("name", ["dcgan", "stylegan", "ddpm"])
def test_a_decay_is_a_share(name: str, value: float) -> None:
    card = load_registry().model(name)
    with pytest.raises(ValueError, match=f"^ema={value}: expected at least 0 and less than 1$"):
        load_factory(card.factory)(tiny_specs(card)[0], ema=value)
