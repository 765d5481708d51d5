"""A hyperparameter out of range is named in one line, whichever model it is given to."""

from __future__ import annotations

import pytest
import torch
from small_models import small

from genbench import ComputeMeter, DataSpec, Split
from genbench.api.budget import Budget
from genbench.api.cards import ModelCard, load_factory
from genbench.api.model import HasLogProb, HasLogWeights
from genbench.errors import UnknownNameError
from genbench.plugin.discovery import load_registry
from genbench.runner.planning import parse_variant
from genbench.samples.draw import checked_samples
from genbench.testing.tiny_data import tiny_specs

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
    *(
        "upper_dim",
        "lower_dim",
        "penalty_every",
        "components",
        "states",
        "max_symbols",
        "orderings",
        "heads",
        "prior_width",
        "prior_layers",
    ),
)
_CASES = [
    (card, name, 0 if name in _COUNTS else 0.0)
    for card in load_registry().models.values()
    for name in card.hyperparameters
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


_DROPOUTS = [card for card in load_registry().models.values() if "dropout" in card.defaults]


@pytest.mark.parametrize("card", _DROPOUTS, ids=[card.name for card in _DROPOUTS])
def test_not_all_is_dropped(card: ModelCard) -> None:
    with pytest.raises(ValueError, match=r"^dropout=1\.0: expected at least 0 and less than 1$"):
        load_factory(card.factory)(tiny_specs(card)[0], dropout=1.0)


def test_an_order_is_not_negative() -> None:
    card = load_registry().model("ar")
    with pytest.raises(ValueError, match=r"^max_order=-1: expected 0 or more$"):
        load_factory(card.factory)(tiny_specs(card)[0], max_order=-1)


def test_heads_share_the_width() -> None:
    card = load_registry().model("gpt")
    with pytest.raises(ValueError, match=r"^width=10: expected a multiple of heads=4$"):
        load_factory(card.factory)(tiny_specs(card)[0], width=10)


@pytest.mark.parametrize("name", list(load_registry().models))
def test_an_unknown_hyperparameter_is_named_with_those_that_there_are(name: str) -> None:
    card = load_registry().model(name)
    with pytest.raises(UnknownNameError) as caught:
        parse_variant(f"{name}:depth_of_thought=3", load_registry())
    message = str(caught.value)
    assert f"unknown hyperparameter of {name} 'depth_of_thought'" in message
    assert "\n" not in message
    for known in card.hyperparameters:
        assert known in message


_ON_IMAGES = [card for card in load_registry().models.values() if "image" in card.modalities]


@pytest.mark.parametrize("levels", [2, 256, None])
@pytest.mark.parametrize("card", _ON_IMAGES, ids=[card.name for card in _ON_IMAGES])
def test_images_all_of_whose_pixels_are_equal_do_no_harm(card: ModelCard, levels: int | None) -> None:
    """Black images, fewer than a batch, all of one class: trained on, sampled, and judged by a finite likelihood."""
    spec = DataSpec(name="black", modality="image", event_shape=(1, 8, 8), levels=levels, classes=2)
    refusal = card.refusal(spec)
    if refusal is not None:
        assert refusal == f"{card.name} takes integers; black has real values"
        return
    torch.manual_seed(0)
    x = torch.zeros(5, 1, 8, 8, dtype=torch.float32 if levels is None else torch.uint8)
    black = Split(spec, x, torch.zeros(5, dtype=torch.int64))
    model = load_factory(card.factory)(spec, **small(card))
    model.fit(black, ComputeMeter(Budget(steps=3), valid=black))
    model.eval()
    checked_samples(model.sample(3, torch.Generator().manual_seed(0)), 3, spec)
    with torch.no_grad():
        if isinstance(model, HasLogProb):
            assert model.log_prob(black.tensor()).isfinite().all()
        if isinstance(model, HasLogWeights):
            assert model.log_weights(black.tensor(), 2).isfinite().all()
