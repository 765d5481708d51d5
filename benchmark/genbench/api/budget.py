"""What training may cost: seconds by the wall clock or of the processor, steps, examples or FLOPs, alone or together,
and memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from genbench.errors import BudgetError

CHECKPOINT_FRACTIONS = (0.1, 0.25, 0.5, 0.75)
"""Shares of the budget after which a checkpoint is taken; the last state is always a checkpoint too."""
MAX_OVERRUN = 0.1
"""By this share a budget may be exceeded, or by one step, before the training is called over budget."""
_PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}
_UNITS = {
    "s": "seconds",
    "m": "seconds",
    "min": "seconds",
    "h": "seconds",
    "cpu-s": "cpu_seconds",
    "cpu-m": "cpu_seconds",
    "cpu-min": "cpu_seconds",
    "cpu-h": "cpu_seconds",
    "steps": "steps",
    "examples": "examples",
    "flops": "flops",
}
_OF_A_UNIT = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_SECONDS = _OF_A_UNIT | {f"cpu-{unit}": seconds for unit, seconds in _OF_A_UNIT.items()}
_BYTES = {"KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30}
_PART = re.compile(r"(?P<number>\d+(?:\.\d*)?(?:e[+-]?\d+)?)\s*(?P<suffix>(?:cpu-)?[A-Za-z]+)")
# A larger budget is taken for a typing error: 30 days, and more work than any machine has done.
_LARGEST = {
    "seconds": 30 * 86400.0,
    "cpu_seconds": 30 * 86400.0,
    "steps": 1e12,
    "examples": 1e15,
    "flops": 1e24,
    "memory_bytes": 2.0**50,
}
_EXAMPLES = "30s, 3min, 10cpu-s, 2000steps, 1e12flops, 100kexamples, 4GiB, or several: 30s,1e12flops"


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of training. The first limit that is reached ends it; None sets no limit."""

    seconds: float | None = None
    """Time that the model may train, by the wall clock."""
    cpu_seconds: float | None = None
    """Processor time that the model may train, all threads together."""
    steps: int | None = None
    """Batches."""
    examples: int | None = None
    """Examples, counted as often as they are used."""
    flops: float | None = None
    """Floating-point operations, as `genbench.api.flop_counter` counts them."""
    memory_bytes: int | None = None
    """Resident memory that the worker may hold above its baseline. A job that exceeds it is killed, with the status
    "oom"."""

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read "30s", "3m" or "3 min", "10cpu-s", "2000steps", "1e12flops", "100kexamples", "4GiB", or several joined
        by commas. A space may precede the unit.

        Raises BudgetError, which repeats the part that could not be read.
        """
        limits: dict[str, float] = {}
        for part in text.split(","):
            limit, value = _parse_part(part.strip(), text)
            if limit in limits:
                raise BudgetError(f"budget {text!r} limits {limit} twice")
            limits[limit] = value
        if set(limits) == {"memory_bytes"}:
            raise BudgetError(
                f"budget {text!r} limits only memory; add a limit on training, as in 30s,{text}"
            )
        whole = {key: round(limits[key]) for key in ("steps", "examples", "memory_bytes") if key in limits}
        return cls(
            seconds=limits.get("seconds"),
            cpu_seconds=limits.get("cpu_seconds"),
            flops=limits.get("flops"),
            **whole,
        )

    def __str__(self) -> str:
        parts = [
            None if self.seconds is None else f"{self.seconds:g}s",
            None if self.cpu_seconds is None else f"{self.cpu_seconds:g}cpu-s",
            None if self.steps is None else f"{self.steps}steps",
            None if self.examples is None else f"{self.examples}examples",
            None if self.flops is None else f"{self.flops:g}flops",
            None if self.memory_bytes is None else f"{self.memory_bytes / 2**20:g}MiB",
        ]
        return ",".join(part for part in parts if part)

    @property
    def is_repeatable(self) -> bool:
        """Whether two runs end at the same step, because no limit depends on a clock."""
        return self.seconds is None and self.cpu_seconds is None

    @property
    def expected_seconds(self) -> float | None:
        """How long training takes by the wall clock on an idle machine; None where no limit is a time. A second of
        one processor is taken for a second of the clock."""
        times = [limit for limit in (self.seconds, self.cpu_seconds) if limit is not None]
        return min(times, default=None)

    def share(self, fraction: float) -> Budget:
        """The budget whose limits on training are `fraction` of these; the one on memory stays.

        Raises BudgetError where it would allow less than one step or example.
        """
        counts = {"steps": self.steps, "examples": self.examples}
        shared = {name: None if most is None else round(most * fraction) for name, most in counts.items()}
        for name, most in shared.items():
            if most is not None and most < 1:
                raise BudgetError(f"{fraction:.3g} of the budget {self} is less than one of its {name}")
        return msgspec.structs.replace(
            self,
            seconds=None if self.seconds is None else self.seconds * fraction,
            cpu_seconds=None if self.cpu_seconds is None else self.cpu_seconds * fraction,
            flops=None if self.flops is None else self.flops * fraction,
            **shared,
        )

    def on_device(self, device: str) -> Budget:
        """What a suite's budget means on a device: on a GPU the processor waits for the device, so that seconds of
        the processor are taken as seconds of the wall clock, which waits for the device before it is read."""
        if device == "cpu" or self.cpu_seconds is None:
            return self
        return msgspec.structs.replace(self, seconds=self.expected_seconds, cpu_seconds=None)


def _parse_part(part: str, text: str) -> tuple[str, float]:
    match = _PART.fullmatch(part)
    if not match:
        raise BudgetError(
            f"cannot read budget {text!r}: {part!r} needs a positive number and a unit ({_EXAMPLES})"
        )
    number, suffix = float(match["number"]), match["suffix"]
    limit, factor = _read_suffix(suffix, text)
    value = number * factor
    if value > _LARGEST[limit]:
        raise BudgetError(
            f"budget {text!r}: {part!r} is beyond {_LARGEST[limit]:g} {limit}; is it what you meant?"
        )
    if value <= 0 or (limit in ("steps", "examples", "memory_bytes") and value < 1):
        raise BudgetError(f"budget {text!r}: {part!r} allows nothing; expected more than 0 {limit}")
    return limit, value


def _read_suffix(suffix: str, text: str) -> tuple[str, float]:
    if suffix in _BYTES:
        return "memory_bytes", _BYTES[suffix]
    for unit, limit in _UNITS.items():
        prefix = suffix.removesuffix(unit)
        if prefix == suffix or prefix not in _PREFIXES:
            continue
        if limit in ("seconds", "cpu_seconds") and prefix:
            continue
        return limit, _PREFIXES[prefix] * _SECONDS.get(unit, 1.0)
    raise BudgetError(f"cannot read budget {text!r}: unknown unit {suffix!r} ({_EXAMPLES})")


def overrun(used: Iterable[tuple[str, float, float]], one_step: Mapping[str, float]) -> float:
    """By which share the limit was exceeded that was exceeded most. 0 where each was exceeded by a tenth or by one step
    at most.

    used: name, amount used and amount allowed of each limit. one_step: what a mean step uses, by limit.
    """
    return max(
        (
            amount / allowed - 1
            for limit, amount, allowed in used
            if amount - allowed > max(MAX_OVERRUN * allowed, one_step[limit])
        ),
        default=0.0,
    )
