"""What the documents show is what there is: code blocks, commands, links."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from genbench import metrics
from genbench.api.cards import load_factory
from genbench.metrics.cards import METRIC_CARDS
from genbench.plugin.discovery import load_registry

DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/adding-a-model.md",
    "docs/hooks.md",
    "docs/html-report.md",
    "docs/likelihood.md",
    "docs/metrics.md",
    "docs/regression-gate.md",
    "docs/statistics.md",
    "docs/testing-your-model.md",
    "docs/watching-a-run.md",
    "docs/your-own-data.md",
)
EXAMPLE = Path(__file__).parent / "example-plugin"


@pytest.mark.parametrize(
    "name", ["pyproject.toml", "mean_field/__init__.py", "mean_field/model.py", "tests/test_mean_field.py"]
)
def test_the_guide_shows_the_example_plugin_as_it_is(name: str, repository: Path) -> None:
    guide = (repository / "docs" / "adding-a-model.md").read_text(encoding="utf-8")
    assert f"# {name}\n{(EXAMPLE / name).read_text(encoding='utf-8')}```" in guide


def test_the_readmes_card_is_the_example_plugins(repository: Path) -> None:
    readme = (repository / "README.md").read_text(encoding="utf-8")
    (card,) = re.findall(r"```python\n# [^\n]*\n(CARD = .*?)```", readme, flags=re.DOTALL)
    assert card in (EXAMPLE / "mean_field" / "__init__.py").read_text(encoding="utf-8")


def test_the_testing_guide_shows_the_example_plugins_tests_as_they_are(repository: Path) -> None:
    guide = (repository / "docs" / "testing-your-model.md").read_text(encoding="utf-8")
    name = "tests/test_quality.py"
    assert f"# {name}\n{(EXAMPLE / name).read_text(encoding='utf-8')}```" in guide


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str, repository: Path) -> None:
    path = repository / document
    text = path.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings
        elif "://" not in target:
            assert (path.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS)
def test_names_in_commands_exist(document: str, repository: Path) -> None:
    """Models and data sets that a shown command asks for; the example plugin is the one stranger."""
    registry = load_registry()
    text = (repository / document).read_text(encoding="utf-8")
    commands = [line for line in text.splitlines() if re.match(r"\s*genai-bench (run|show) ", line)]
    for command in commands:
        for model in re.findall(r"-m ([a-z][a-z0-9-]*)", command):
            assert model in registry.models or model == "mean-field", command
        for dataset in re.findall(r"-d ([a-z][a-z0-9-]*)", command):
            assert dataset in registry.datasets or f"{dataset}:" in command, command
        for scheme in re.findall(r"-d \"?([a-z]+):\S", command):
            assert scheme in registry.dataset_sources, command


def test_every_source_of_own_data_is_described_with_all_its_options(repository: Path) -> None:
    """The document, the listing and the reader know the same options."""
    text = (repository / "docs" / "your-own-data.md").read_text(encoding="utf-8")
    for name, card in load_registry().dataset_sources.items():
        reader = load_factory(card.factory.partition(":")[0] + ":READER")
        section = text.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert set(re.findall(r"[?&|](\w+)=", card.argument)) == set(reader.options)
        for option in reader.options:
            assert f"{option}=" in section or f"`{option}`" in section, (name, option)
        (command,) = re.findall(rf'genai-bench run .*-d "({name}:[^"]+)"', section)[:1]
        shown = command.partition("?")[2].split("&")
        assert {setting.partition("=")[0] for setting in filter(None, shown)} <= set(reader.options)


def test_the_files_of_the_reading_order_exist(repository: Path) -> None:
    readme = (repository / "README.md").read_text(encoding="utf-8")
    order = readme.split("in reading order")[1].split("\n## ")[0]
    for line in filter(None, order.splitlines()):
        folder = repository / "benchmark" / "genbench"
        for name in re.findall(r"`([a-z_/]+(?:\.py|/))`", line):
            here = next(
                path for path in (repository / name, folder / name, folder.parent / name) if path.exists()
            )
            folder = here.parent if here.is_file() else here


def test_every_metric_is_explained(repository: Path) -> None:
    text = (repository / "docs" / "metrics.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"\*\*`(\w+)`\*\*", text))
    assert explained >= {card.name for card in METRIC_CARDS}
    assert explained <= set(load_registry().metrics)


def test_classes_and_functions_of_metrics_exist(repository: Path) -> None:
    text = (repository / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `[^|]*\|([^|]*)\|([^|]*)\|$", text, flags=re.MULTILINE)
    classes = {name for row, _ in rows for name in re.findall(r"`(\w+)`", row)}
    assert classes == set(metrics.__all__)
    for _, functions in rows:
        module, *names = re.findall(r"\w+", " ".join(re.findall(r"`([\w.]+)`", functions)))
        for name in names:
            assert hasattr(import_module(f"genbench.metrics.{module}"), name), f"{module}.{name}"
