"""The built-in models, one folder a family. Importing this announces them; it does not import torch."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from genbench import ModelCard, hookimpl
from genbench_models import autoregressive, baselines, classical, diffusion, energy, flow, gan, hybrid, vae
from genbench_models.search_spaces import SEARCH_SPACES


@hookimpl
def genbench_models() -> Iterable[ModelCard]:
    """Announce every family's cards."""
    for family in (gan, vae, autoregressive, energy, hybrid, flow, diffusion, baselines, classical):
        for card in family.CARDS:
            yield msgspec.structs.replace(
                card, search_space=card.search_space or SEARCH_SPACES.get(card.name)
            )
