"""A model in another process that speaks files."""

from __future__ import annotations

import sys
from typing import ClassVar

from genbench.adapters import CommandDensity


class Elsewhere(CommandDensity):
    """Independent normal distributions, by a program that knows neither genbench nor torch."""

    family = "baseline"
    modalities: ClassVar[tuple[str, ...]] = ("points",)
    discrete = False
    command = (sys.executable, "normal_program.py")
