"""Suites: named sets of models, data sets and budgets, kept in TOML files with the reason for each choice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from genbench.api.budget import Budget
from genbench.api.cards import SuiteCard
from genbench.errors import UnknownNameError, UsageError
from genbench.records.result import Tuned
from genbench.util.untrusted_text import decode_toml, read_bounded

MAX_SUITE_BYTES = 2**20
_MAX_SEEDS, _MAX_NAMES = 10_000, 1_000
BUILTIN = resources.files("genbench") / "suites"


class Suite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The models, the data sets and the settings of a comparison."""

    summary: str
    """What the suite is for, in one line."""
    budget: Budget
    """The training budget of each job; text in a suite file."""
    sampling_seconds: float
    """The time in which the samples that are scored must be drawn."""
    seeds: int
    """How many seeds each model is run with on each data set: 0, 1, ..."""
    samples: int
    """How many samples are scored, if the data set has as many validation and test examples; else as many as it has."""
    importance_samples: int
    """k of the IWAE bound."""
    ais_examples: int = 0
    """Test examples for annealed importance sampling; 0 for none of it."""
    ais_chains: int = 2
    """Chains per example; see `Job.ais_chains`."""
    ais_steps: int = 0
    """Temperatures of annealed importance sampling; 0 for none of it."""
    models: tuple[str, ...] = ("*",)
    """Names, "family:NAME", or "*" for all."""
    without: tuple[str, ...] = ()
    """Names of models to leave out again. A model that the user asks for by name is never left out."""
    datasets: tuple[str, ...] = ("*",)
    """Names, "embedded", or "*" for all."""
    ranking: dict[str, str] = {}
    """The metric that ranks a data set, by the name of the data set, in place of the one on its card."""
    tuned: tuple[Tuned, ...] = ()
    """The searches that found the hyperparameters of some of the models; `genai-bench tune` writes them."""
    name: str = ""
    """The name of the file without its suffix; runs and reports are named after it."""


def suite_names() -> list[str]:
    """The built-in suites."""
    return sorted(
        entry.name.removesuffix(".toml") for entry in BUILTIN.iterdir() if entry.name.endswith(".toml")
    )


def load_suite(name_or_file: str, announced: Mapping[str, SuiteCard] | None = None) -> Suite:
    """A suite by its name, built in or announced by a plugin, or a TOML file by its path.

    announced: the suites of plugins, by name. Raises UsageError if the file is not a suite, UnknownNameError if
    there is no suite of that name.
    """
    announced = announced or {}
    if name_or_file in suite_names():
        text, name = (BUILTIN / f"{name_or_file}.toml").read_bytes(), name_or_file
    elif name_or_file in announced:
        text, name = _packaged(announced[name_or_file]), name_or_file
    elif name_or_file.endswith(".toml"):
        path = Path(name_or_file)
        try:
            text, name = read_bounded(path, max_bytes=MAX_SUITE_BYTES), path.stem
        except OSError as error:
            raise UsageError(f"cannot read suite {name_or_file}: {error.strerror}") from None
    else:
        raise UnknownNameError("suite", name_or_file, [*suite_names(), *announced])
    try:
        suite = _decode(text)
    except msgspec.DecodeError as error:
        raise UsageError(f"suite {name_or_file}: {error}") from None
    if not math.isfinite(suite.sampling_seconds):
        raise UsageError(
            f"suite {name_or_file}: sampling_seconds is {suite.sampling_seconds}, expected a number of seconds"
        )
    if suite.seeds < 1 or suite.samples < 2 or suite.importance_samples < 1 or suite.sampling_seconds <= 0:
        raise UsageError(
            f"suite {name_or_file}: seeds and importance_samples must be at least 1, samples at least 2,"
            " sampling_seconds more than 0"
        )
    names = max(map(len, (suite.models, suite.without, suite.datasets, suite.ranking)))
    if suite.seeds > _MAX_SEEDS or names > _MAX_NAMES:
        raise UsageError(
            f"suite {name_or_file}: at most {_MAX_SEEDS:,} seeds, and {_MAX_NAMES:,} names in a list; it has"
            f" {suite.seeds:,} and {names:,}"
        )
    if suite.ais_examples < 0 or suite.ais_steps < 0 or suite.ais_chains < 1:
        raise UsageError(
            f"suite {name_or_file}: ais_examples and ais_steps must be at least 0 (none), ais_chains at least 1"
        )
    return msgspec.structs.replace(suite, name=name)


def _packaged(card: SuiteCard) -> bytes:
    """The file that a card names. Raises UsageError where there is none."""
    package, _, path = card.file.partition(":")
    try:
        return resources.files(package).joinpath(path).read_bytes()[: MAX_SUITE_BYTES + 1]
    except (OSError, ImportError, ValueError, TypeError) as error:
        raise UsageError(
            f"cannot read suite {card.name}: {card.file!r} on its card: {type(error).__name__}: {error}; expected"
            " 'package:file.toml', and a file that is in the wheel"
        ) from None


def _decode(text: bytes) -> Suite:
    """Raises msgspec.DecodeError, BudgetError."""
    fields: dict[str, Any] = decode_toml(text, dict)
    known = msgspec.structs.fields(Suite)
    missing = [field.name for field in known if field.required and field.name not in fields]
    if missing and fields.keys() <= {field.name for field in known}:
        raise msgspec.ValidationError(f"misses {', '.join(missing)}; docs/suites.md describes each field")
    if "budget" in fields:
        fields["budget"] = Budget.parse(msgspec.convert(fields["budget"], str))
    if "tuned" in fields:
        fields["tuned"] = _nan_as_none(fields["tuned"])
    return msgspec.convert(fields, Suite)


def _nan_as_none(value: Any) -> Any:
    """TOML has no null: a trial that failed has nan in place of a value."""
    if isinstance(value, dict):
        return {name: _nan_as_none(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_nan_as_none(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value
