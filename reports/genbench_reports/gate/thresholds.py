"""How large a change must be before it counts: by metric, else by group, with a floor in the figure's own unit.

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
from genbench_reports.gate.baseline import Figure

ALPHA = 0.05


@dataclass(frozen=True)
class Threshold:
    """relative: share of the baseline's value. absolute: in the figure's unit. The larger of the two counts."""

    relative: float = 0.0
    absolute: float = 0.0

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
"""Relative. Speed and memory are noisy on shared machines; what is counted (FLOPs, parameters) has no noise at all."""

METRIC_DEFAULTS: Mapping[str, float] = {"train_on_samples_nll": 0.01, "train_on_samples_bits_per_dim": 0.01}
"""Relative. A log-likelihood by what it is, whatever its card's group."""

UNIT_FLOORS: Mapping[str, float] = {
    "share": 0.03,
    "accuracy from 1/2": 0.03,
    "ratio": 0.03,
    "correlation": 0.03,
    "nats": 0.05,
    "bits/dim": 0.005,
    "modes": 0.5,
    "z-score": 1.0,
    "bytes": 8 * 2.0**20,
}
"""Absolute: a tenth of a share of 0.01 is no change that anyone would act on, and a log-likelihood passes through 0."""


RUN_NOISE: Mapping[str, float] = {"speed": 0.10, "memory": 0.01}
"""By how much whole runs of the same code differ, as the standard deviation of a logarithm: measured on a busy machine
(docs/regression-gate.md). A quiet one has less, and may say so."""


@dataclass(frozen=True)
class Thresholds:
    """alpha: chance that a comparison in which nothing changed counts any change at all. chosen: by metric or group
    name, as the user set them. run_noise: by group, see RUN_NOISE."""

    alpha: float = ALPHA
    chosen: Mapping[str, Threshold] = field(default_factory=dict)
    run_noise: Mapping[str, float] = field(default_factory=lambda: RUN_NOISE)

    def of(self, figure: Figure) -> Threshold:
        """The metric's own where it was set, else its group's, else the default."""
        for name in (figure.name, figure.group):
            if name in self.chosen:
                return self.chosen[name]
        return Threshold(
            relative=METRIC_DEFAULTS.get(
                figure.name, GROUP_DEFAULTS.get(figure.group, GROUP_DEFAULTS["quality"])
            ),
            absolute=UNIT_FLOORS.get(figure.unit, 0.0),
        )


class ThresholdFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a TOML file may hold: `alpha = 0.01`, `run_noise = 0.03` (of speed), and `[thresholds]` with
    `speed = "30%"`, `bits_per_dim = 0.02`."""

    alpha: float = ALPHA
    run_noise: float = RUN_NOISE["speed"]
    thresholds: dict[str, str | float] = {}


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
        return msgspec.toml.decode(path.read_bytes(), type=ThresholdFile)
    except OSError as error:
        raise UsageError(f"cannot read thresholds {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"thresholds {path}: {error}") from None
