"""The built-in models, one folder a family. Importing this announces them; it does not import torch."""

from __future__ import annotations

from collections.abc import Iterable

from genbench import ModelCard, hookimpl
from genbench_models import autoregressive, baselines, energy, gan, vae


@hookimpl
def genbench_models() -> Iterable[ModelCard]:
    """Announce every family's cards."""
    return (*gan.CARDS, *vae.CARDS, *autoregressive.CARDS, *energy.CARDS, *baselines.CARDS)
