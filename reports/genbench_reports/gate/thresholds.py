"""How large a change must be before it counts: by metric, else by group, with a floor in the unit of the value.

A change counts when it passes its threshold *and* a test (`difference_test`). The defaults are what a reader would
call a change at all; what the gate can tell from noise is measured (docs/regression-gate.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from genbench.errors import UnknownNameError, UsageError
from genbench.util.untrusted_text import decode_toml, read_bounded
from genbench_reports.gate.baseline import StoredValue

ALPHA = 0.05
_MAX_BYTES = 2**20


@dataclass(frozen=True)
class Threshold:
    """How large a change must be before it counts: the larger of a relative and an absolute size."""

    relative: float = 0.0
    """Share of the baseline's value."""
    absolute: float = 0.0
    """Size in the unit of the value."""

    def size(self, baseline: float) -> float:
        return max(self.relative * abs(baseline), self.absolute)


GROUP_DEFAULTS: Mapping[str, float] = {
    "quality": 0.10,
    "diversity": 0.10,
    "memorisation": 0.10,
    "likelihood": 0.01,
    "speed": 0.25,
    "memory": 0.15,
    "cost": 0.01,
}
"""Relative. Speed and memory are noisy on shared machines; counts (FLOPs, parameters) have no noise."""

METRIC_DEFAULTS: Mapping[str, float] = {"train_on_samples_nll": 0.01, "train_on_samples_bits_per_dim": 0.01}
"""Relative. Log-likelihoods have the threshold of likelihoods, whatever group their card names."""

UNIT_FLOORS: Mapping[str, float] = {
    "share": 0.03,
    "accuracy from 1/2": 0.03,
    "ratio": 0.03,
    "correlation": 0.03,
    "nats": 0.05,
    "bits/dim": 0.005,
    "bits/character": 0.005,
    "modes": 0.5,
    "z-score": 1.0,
    "bytes": 8 * 2.0**20,
}
"""Absolute. A tenth of a share of 0.01 is no change that anyone would act on, and a log-likelihood can be near 0."""


RUN_NOISE: Mapping[str, float] = {"speed": 0.10, "memory": 0.01}
"""How much whole runs of unchanged code differ, as the standard deviation of a logarithm; measured on a busy machine
(docs/regression-gate.md). On a quiet machine a smaller number can be set."""


@dataclass(frozen=True)
class Thresholds:
    """All settings of a comparison."""

    alpha: float = ALPHA
    """Chance that a comparison in which nothing changed reports any change at all."""
    chosen: Mapping[str, Threshold] = field(default_factory=dict)
    """Thresholds that the user set, by name of a metric or a group."""
    run_noise: Mapping[str, float] = field(default_factory=lambda: RUN_NOISE)
    """By group, see `RUN_NOISE`."""

    def of(self, stored: StoredValue) -> Threshold:
        """The threshold that was set for the metric, else the one that was set for its group, else the default."""
        for name in (stored.name, stored.group):
            if name in self.chosen:
                return self.chosen[name]
        return Threshold(
            relative=METRIC_DEFAULTS.get(
                stored.name, GROUP_DEFAULTS.get(stored.group, GROUP_DEFAULTS["quality"])
            ),
            absolute=UNIT_FLOORS.get(stored.unit, 0.0),
        )


class ThresholdFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a TOML file of thresholds can hold."""

    alpha: float = ALPHA
    """As in `alpha = 0.01`."""
    run_noise: float = RUN_NOISE["speed"]
    """Noise of speed between runs, as in `run_noise = 0.03`."""
    thresholds: dict[str, str | float] = {}
    """The table `[thresholds]`, as in `speed = "30%"` and `bits_per_dim = 0.02`."""


def read_thresholds(
    file: Path | None, settings: Iterable[str], alpha: float | None, known: Iterable[str]
) -> Thresholds:
    """From a file, and over it the command line's METRIC=VALUE. known: names of metrics, besides the groups.

    Raises UsageError, UnknownNameError.
    """
    written = ThresholdFile() if file is None else _read_file(file)
    names = {*known, *GROUP_DEFAULTS}
    chosen: dict[str, Threshold] = {}
    for name, value in written.thresholds.items():
        chosen[_known(name, names)] = parse_threshold(str(value), f"{file}: {name} = {value!r}")
    for setting in settings:
        name, equals, value = (part.strip() for part in setting.partition("="))
        if not equals:
            raise UsageError(f"--threshold {setting}: expected METRIC=VALUE, as in frechet_distance=5%")
        chosen[_known(name, names)] = parse_threshold(value, f"--threshold {setting}")
    level = written.alpha if alpha is None else alpha
    if not 0 < level < 1:
        raise UsageError(f"alpha {level}: expected a number between 0 and 1, as in 0.05")
    if not 0 <= written.run_noise < math.inf:
        raise UsageError(f"thresholds {file}: run_noise = {written.run_noise}: expected a share, as in 0.03")
    return Thresholds(level, chosen, {**RUN_NOISE, "speed": written.run_noise})


def parse_threshold(text: str, where: str) -> Threshold:
    """Read "5%", "0.02" or "5%,0.02". Raises UsageError that begins with `where`."""
    relative = absolute = 0.0
    for part in text.split(","):
        number = part.strip().removesuffix("%")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= 0):
            raise UsageError(f"{where}: expected a share as in 5%, a size as in 0.02, or both as in 5%,0.02")
        if part.strip().endswith("%"):
            relative = value / 100
        else:
            absolute = value
    return Threshold(relative, absolute)


def _known(name: str, names: set[str]) -> str:
    if name not in names:
        raise UnknownNameError("metric", name, names)
    return name


def _read_file(path: Path) -> ThresholdFile:
    try:
        return decode_toml(read_bounded(path, max_bytes=_MAX_BYTES), ThresholdFile)
    except OSError as error:
        raise UsageError(f"cannot read thresholds {path}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise UsageError(f"thresholds {path}: {error}") from None
