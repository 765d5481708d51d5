"""Built-in models made small: what tests of many models do not ask for is quality."""

from __future__ import annotations

from genbench.api.cards import Hyperparameter, ModelCard

# What models are slow at is their size, and the contract does not ask for quality: no hyperparameter of these names is
# larger than this.
_AT_MOST: dict[str, int] = {
    "hidden": 16,
    "units": 8,
    "width": 8,
    "layers": 2,
    "blocks": 1,
    "components": 3,
    "states": 4,
    "codes": 8,
    "prior_width": 16,
    "prior_layers": 1,
    "pseudo_inputs": 8,
    "style": 16,
    "transforms": 2,
    "solver_steps": 8,
    "steps": 6,
}
_OTHERWISE: dict[str, dict[str, Hyperparameter]] = {
    # four heads in layers of a quarter of the width
    "transgan": {"width": 16},
    "ddpm": {"width": 4, "layers": 1},
    "gpt": {"layers": 1},
    "flow-matching": {"layers": 1},
    # with few units its posterior misses mass, and a sum of weights needs more draws
    "ladder-vae": {"hidden": 128, "layers": 1},
}


def small(card: ModelCard) -> dict[str, Hyperparameter]:
    """The model's hyperparameters that are smaller than by default."""
    sizes: dict[str, Hyperparameter] = {
        name: most
        for name, most in _AT_MOST.items()
        if isinstance(default := card.hyperparameters.get(name), int) and default > most
    }
    return sizes | _OTHERWISE.get(card.name, {})
