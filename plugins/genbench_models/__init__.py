"""The built-in models, one folder a family. Importing this announces them; it does not import torch."""

from __future__ import annotations

from collections.abc import Iterable

from genbench import ModelCard, hookimpl
from genbench_models import autoregressive, baselines, classical, diffusion, energy, flow, gan, hybrid, vae


@hookimpl
def genbench_models() -> Iterable[ModelCard]:
    """Announce every family's cards."""
    for family in (gan, vae, autoregressive, energy, hybrid, flow, diffusion, baselines, classical):
        yield from family.CARDS
