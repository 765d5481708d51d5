"""Suites: named sets of models, data sets and budgets, kept as TOML files with the reason for each choice."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import msgspec

from genbench.api.budget import Budget
from genbench.errors import UnknownNameError, UsageError

BUILTIN = resources.files("genbench") / "suites"


class Suite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a suite file holds.

    models: names, "family:NAME", or "*" for all. without: names of those to leave out again; what the user asks
    for by name is never left out. datasets: names, "embedded", or "*" for all.
    samples: how many are scored, where the data set has as many validation and test examples.
    ais_examples, ais_chains, ais_steps: of annealed importance sampling (see `Job`); left out, there is none.
    """

    summary: str
    budget: str
    sampling_seconds: float
    seeds: int
    samples: int
    importance_samples: int
    ais_examples: int = 0
    ais_chains: int = 2
    ais_steps: int = 0
    models: tuple[str, ...] = ("*",)
    without: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ("*",)
    name: str = ""


def suite_names() -> list[str]:
    return sorted(
        entry.name.removesuffix(".toml") for entry in BUILTIN.iterdir() if entry.name.endswith(".toml")
    )


def load_suite(name_or_file: str) -> Suite:
    """A built-in suite by name, or a TOML file by its path.

    Raises UsageError where the file is not a suite, UnknownNameError where there is none of that name.
    """
    if name_or_file in suite_names():
        text, name = (BUILTIN / f"{name_or_file}.toml").read_bytes(), name_or_file
    elif name_or_file.endswith(".toml"):
        path = Path(name_or_file)
        try:
            text, name = path.read_bytes(), path.stem
        except OSError as error:
            raise UsageError(f"cannot read suite {name_or_file}: {error.strerror}") from None
    else:
        raise UnknownNameError("suite", name_or_file, suite_names())
    try:
        suite = msgspec.toml.decode(text, type=Suite)
    except msgspec.DecodeError as error:
        raise UsageError(f"suite {name_or_file}: {error}") from None
    Budget.parse(suite.budget)
    if suite.seeds < 1 or suite.samples < 2 or suite.importance_samples < 1 or suite.sampling_seconds <= 0:
        raise UsageError(
            f"suite {name_or_file}: seeds and importance_samples must be at least 1, samples at least 2,"
            " sampling_seconds more than 0"
        )
    if suite.ais_examples < 0 or suite.ais_steps < 0 or suite.ais_chains < 1:
        raise UsageError(
            f"suite {name_or_file}: ais_examples and ais_steps must be at least 0 (none), ais_chains at least 1"
        )
    return msgspec.structs.replace(suite, name=name)
