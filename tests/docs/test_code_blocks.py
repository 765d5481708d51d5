"""What documents show as code is run, or read by what reads it: Python, TOML, YAML, and the commands."""

from __future__ import annotations

import itertools
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
import yaml

from genbench.api.budget import Budget
from genbench.cli.main import with_plugins
from genbench.plugin.discovery import load_registry
from genbench.runner.suite import load_suite
from genbench_reports.gate.thresholds import ThresholdFile

REPOSITORY = Path(__file__).parent.parent.parent
DOCUMENTS = sorted(
    path
    for folder, files in (("", "*.md"), ("docs", "**/*.md"), ("examples", "*.md"))
    for path in (REPOSITORY / folder).glob(files)
)
EXAMPLES = ("winners", "mean_gap")
"""A report and a metric of the packages in examples/plugins."""
SMALLER = {"examples=100, chains=4, steps=500": "examples=2, chains=2, steps=5"}
"""Settings of a block that would take minutes, and those that it is run with, among the slow tests."""
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(*languages: str) -> list[Any]:
    """(document, code), with an id that finds the block."""
    found = []
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        for match in _BLOCK.finditer(text):
            if match[1] in languages:
                line = text[: match.start()].count("\n") + 2
                place = f"{path.relative_to(REPOSITORY)}:{line}"
                marks = [pytest.mark.slow] if any(written in match[2] for written in SMALLER) else []
                found.append(pytest.param(match[2], id=place, marks=marks))
    return found


# ---- Python


@pytest.fixture
def names() -> Callable[[str], dict[str, Any]]:
    """What the text around a block says that there is: a model, its data, some examples."""

    def make(code: str) -> dict[str, Any]:
        import torch

        from genbench.api import DataSpec
        from genbench.datasets.prepared import load_data
        from genbench_models.autoregressive.made import MADE
        from genbench_models.vae.vae import VAE

        torch.manual_seed(0)
        registry = load_registry()
        if "DecoderAnnealing" in code:
            data = load_data(registry.dataset("digits"))
            model = VAE(data.spec)
            return {
                "model": model.eval(),
                "train": data.train,
                "valid": data.valid,
                "x": data.test.x[:2].long(),
            }
        if "audit_likelihood" in code:
            return {"model": MADE(DataSpec(name="bits", modality="points", event_shape=(6,), levels=2))}
        if code.startswith("# mean_field/__init__.py"):  # the README shows a part of the file
            from genbench import ModelCard

            return {"ModelCard": ModelCard}
        return {}

    return make


@pytest.mark.parametrize("code", blocks("python"))
def test_python_runs(code: str, names: Callable[[str], dict[str, Any]]) -> None:
    """Files of the example plugin, which begin with their name, are compiled here and run by its own tests."""
    for written, smaller in SMALLER.items():
        code = code.replace(written, smaller)
    program = compile(code, "block", "exec")
    if not re.match(r'# [\w/]+\.py\n("""|from|import)', code):
        exec(program, names(code))


# ---- TOML and YAML


@pytest.mark.parametrize("code", blocks("toml"))
def test_toml_is_read(code: str, tmp_path: Path) -> None:
    read = tomllib.loads(code)
    if "thresholds" in read:
        assert msgspec.toml.decode(code, type=ThresholdFile).thresholds == read["thresholds"]
    if "models" in read:
        file = tmp_path / "my_suite.toml"
        file.write_text(code, encoding="utf-8")
        assert load_suite(str(file)).models == tuple(read["models"])


@pytest.mark.parametrize("code", blocks("yaml"))
def test_yaml_is_read(code: str) -> None:
    assert yaml.safe_load(code)


# ---- commands


def commands() -> list[Any]:
    """Every line of a block of code that calls genai-bench, each alternative of `a|b|c` by itself."""
    found = {}
    for path in DOCUMENTS:
        lines = path.read_text(encoding="utf-8").splitlines()
        history = path.name == "CHANGELOG.md"
        for number, line in enumerate(() if history else lines, 1):
            match = re.match(r"(?: {4,}|\$ )?(genai-bench .*)$", line)
            if match and (line.startswith((" ", "$")) or lines[number - 2].startswith("```")):
                for words in alternatives(match[1]):
                    found.setdefault(tuple(words), f"{path.relative_to(REPOSITORY)}:{number}")
    return [pytest.param(list(words), id=f"{place} {' '.join(words[1:4])}") for words, place in found.items()]


def alternatives(line: str) -> Iterator[list[str]]:
    words = shlex.split(line, comments=True)
    choices = [[word.strip("[]")] if "://" in word else word.strip("[]").split("|") for word in words]
    return (list(choice) for choice in itertools.product(*choices))


@pytest.fixture(scope="module")
def root() -> Any:
    return typer.main.get_command(with_plugins(load_registry()))


@pytest.mark.parametrize("words", commands())
def test_commands_are_ones(words: list[str], root: Any) -> None:
    """Read by the command's own parser, with the values that have a grammar read by what reads them."""
    command, arguments = root, words[1:]
    while hasattr(command, "commands"):
        assert arguments, words
        command = command.commands[arguments.pop(0)]
    context = command.make_context(command.name, arguments)  # raises where the command would
    given = context.params
    registry = load_registry()
    if given.get("budget"):
        assert Budget.parse(given["budget"])
    if command is root.commands["report"]:
        assert given["format_"] in {*registry.reports, "md", *EXAMPLES}, words
    if command is root.commands["show"]:
        for setting in filter(None, (given["target"], given["metric"])):
            assert setting.partition("=")[0] in {*registry.metrics, *EXAMPLES}, words
    if command is root.commands["list"]:
        assert given["what"] in root.commands["list"].params[0].help.replace(" or ", ", ").split(", ")


def test_targets_of_make_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    shown = {
        target
        for path in DOCUMENTS
        for target in re.findall(
            r"(?:^    |`)make ([a-z][a-z-]*)", path.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert {"run", "test", "docs"} <= shown <= targets
