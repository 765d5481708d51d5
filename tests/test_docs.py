"""What the documents show is what there is: code blocks, commands, links."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from importlib import import_module
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from genbench import GenerativeModel, metrics
from genbench.api.cards import Family, load_factory
from genbench.api.spec import MODALITIES
from genbench.metrics.cards import METRIC_CARDS
from genbench.plugin.discovery import load_registry
from genbench.runner.suite import Suite

REPOSITORY = Path(__file__).parent.parent
DOCUMENTS = sorted(
    str(path.relative_to(REPOSITORY))
    for path in (
        *REPOSITORY.glob("*.md"),
        *(REPOSITORY / "docs").rglob("*.md"),
        *(REPOSITORY / "examples").glob("*.md"),
    )
)
DECISIONS = sorted((REPOSITORY / "docs" / "decisions").glob("*.md"))
SOURCE_ROOTS = ("benchmark", "plugins", "datasets", "reports")
EXAMPLE = Path(__file__).parent / "example-plugin"
PLUGINS = REPOSITORY / "examples" / "plugins"


@pytest.mark.parametrize(
    "name", ["pyproject.toml", "mean_field/__init__.py", "mean_field/model.py", "tests/test_mean_field.py"]
)
def test_the_guide_shows_the_example_plugin_as_it_is(name: str, repository: Path) -> None:
    guide = (repository / "docs" / "adding-a-model.md").read_text(encoding="utf-8")
    assert f"# {name}\n{(EXAMPLE / name).read_text(encoding='utf-8')}```" in guide


def test_the_readmes_model_has_what_a_model_has_to_have(repository: Path) -> None:
    readme = (repository / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n# my_model.py\n(.*?)```", readme, flags=re.DOTALL)
    (model,) = [each for each in ast.parse(block).body if isinstance(each, ast.ClassDef)]
    functions = {each.name: each for each in model.body if isinstance(each, ast.FunctionDef)}
    for name in ("fit", "sample"):
        expected = inspect.signature(getattr(GenerativeModel, name)).parameters
        assert [each.arg for each in functions[name].args.args] == list(expected)
    (shown,) = [ast.literal_eval(each.value) for each in model.body if isinstance(each, ast.Assign)]
    family, modalities = shown
    assert family in get_args(Family)
    assert set(modalities) <= set(MODALITIES)


def test_the_testing_guide_shows_the_example_plugins_tests_as_they_are(repository: Path) -> None:
    guide = (repository / "docs" / "testing-your-model.md").read_text(encoding="utf-8")
    name = "tests/test_quality.py"
    assert f"# {name}\n{(EXAMPLE / name).read_text(encoding='utf-8')}```" in guide


@pytest.mark.parametrize("kind", sorted(path.parent.name for path in PLUGINS.glob("*/pyproject.toml")))
def test_the_page_of_each_kind_of_plugin_shows_its_package_as_it_is(kind: str, repository: Path) -> None:
    page = (repository / "docs" / "plugins" / f"{kind.replace('_', '-')}.md").read_text(encoding="utf-8")
    files = [path for path in (PLUGINS / kind).rglob("*") if path.suffix in (".py", ".toml")]
    assert len(files) >= 3
    for path in files:
        name = path.relative_to(PLUGINS / kind).as_posix()
        assert f"# {name}\n{path.read_text(encoding='utf-8')}```" in page, name


def headings_of(document: Path) -> set[str]:
    """The headings of a Markdown file, as GitHub makes anchors of them."""
    return {
        re.sub(r"[^a-z0-9 _-]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in document.read_text(encoding="utf-8").splitlines()
        if line.startswith("#")
    }


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str, repository: Path) -> None:
    path = repository / document
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if target.startswith("#"):
            assert target[1:] in headings_of(path)
        elif "://" not in target:
            file, _, heading = target.partition("#")
            assert (path.parent / file).exists(), target
            if heading:
                assert heading in headings_of(path.parent / file), target


def import_dotted(dotted: str) -> object:
    """The module, or the name in one, that a dotted path like `genbench.api.spec.DataSpec` leads to."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = import_module(".".join(parts[:length]))
        except ModuleNotFoundError as error:
            if not dotted.startswith(str(error.name)):
                raise
            continue
        for name in parts[length:]:
            found = getattr(found, name)
        return found
    raise ModuleNotFoundError(dotted)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_modules_that_documents_name_can_be_imported(document: str) -> None:
    text = (REPOSITORY / document).read_text(encoding="utf-8")
    shown = (
        text if not document.endswith("CHANGELOG.md") else text.partition("\n## 0.")[0]
    )  # history keeps its names
    for dotted in sorted(
        set(re.findall(r"\bgenbench(?:_(?:models|datasets|reports))?(?:\.[A-Za-z_]\w*)+", shown))
    ):
        import_dotted(dotted.removesuffix(".html"))


FILE_SUFFIXES = "py|md|toml|yml|json|txt"
ROOTS = "benchmark|plugins|datasets|reports|tests|docs|examples|.github"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_documents_name_exist(document: str) -> None:
    text = (REPOSITORY / document).read_text(encoding="utf-8")
    for name in set(re.findall(rf"(?<![\w/.-])((?:{ROOTS})/[\w./-]+\.(?:{FILE_SUFFIXES}))\b", text)):
        # guides show the files of the example plugin under the names that they have in it, and link to docs/plugins
        folders = (REPOSITORY, EXAMPLE, (REPOSITORY / document).parent)
        assert any((folder / name).exists() for folder in folders), name


def test_files_that_docstrings_and_comments_name_exist() -> None:
    """Documents, tests and examples by their path, decisions by their number."""
    missing = []
    for source in (path for root in SOURCE_ROOTS for path in (REPOSITORY / root).rglob("*.py")):
        text = source.read_text(encoding="utf-8")
        paths = re.findall(rf"(?<![\w/.-])((?:tests|docs|examples)/[\w./-]+\.(?:{FILE_SUFFIXES}))\b", text)
        missing += [(source.name, name) for name in paths if not (REPOSITORY / name).exists()]
        numbers = re.findall(r"docs/decisions/(\d{4})", text)
        missing += [
            (source.name, number) for number in numbers if number not in {path.name[:4] for path in DECISIONS}
        ]
    assert not missing


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.name[:4])
def test_decisions_have_one_form(decision: Path) -> None:
    """A numbered title, then What, Why and, last, Left: what was not done, and the reason."""
    text = decision.read_text(encoding="utf-8")
    assert re.match(rf"# {int(decision.name[:4])}\. [A-Z].*[^.]\n\n\*\*What\.\*\*", text)
    parts = re.findall(r"^\*\*([A-Z][^*\n]*)\.\*\*", text, flags=re.MULTILINE)
    assert (parts[0], parts[-1]) == ("What", "Left")
    assert [parts.count(part) for part in ("What", "Why", "Left")] == [1, 1, 1]


def test_the_readme_fits_a_few_screens() -> None:
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= 130


@pytest.mark.parametrize("document", DOCUMENTS)
def test_names_in_commands_exist(document: str, repository: Path) -> None:
    """Models and data sets that a shown command asks for. The example plugin and a reader's own model are strangers."""
    registry = load_registry()
    text = (repository / document).read_text(encoding="utf-8")
    commands = [line for line in text.splitlines() if re.match(r"\s*genai-bench (run|show) ", line)]
    for command in commands:
        for model in re.findall(r"-m ([a-z][\w./-]*)", command):
            if model.endswith(".py"):
                assert model == "my_model.py" or (repository / model).is_file(), command
            else:
                assert model in registry.models or model in ("mean-field", "my-model"), command
        for dataset in re.findall(r"-d ([a-z][a-z0-9-]*)", command):
            assert dataset in (*registry.datasets, "spiral") or f"{dataset}:" in command, command
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


def test_every_field_of_a_suite_file_is_described(repository: Path) -> None:
    text = (repository / "docs" / "suites.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)
    assert rows == [field.name for field in msgspec.structs.fields(Suite) if field.name != "name"]
    example = text.split("```toml\n")[1].split("```")[0]
    suite = tomllib.loads(example)
    assert set(suite) >= {field.name for field in msgspec.structs.fields(Suite) if field.required}


def test_the_reading_order_is_seven_files_that_exist(repository: Path) -> None:
    readme = (repository / "README.md").read_text(encoding="utf-8")
    order = readme.split("\nSeven files to read")[1].split("\n## ")[0]
    items = re.findall(r"^(\d)\. `([\w/.]+\.py)`(.*)$", order, flags=re.MULTILINE)
    assert [int(number) for number, _, _ in items] == list(range(1, 8))
    for _, file, also in items:
        assert (repository / file).is_file(), file
        for name in re.findall(
            r"`([\w/.]+\.py)`", also
        ):  # from the root, the file's folder or the one above it
            folders = (repository, (repository / file).parent, (repository / file).parent.parent)
            assert any((folder / name).is_file() for folder in folders), name


def test_the_tree_of_the_readme_is_that_of_the_repository(repository: Path) -> None:
    """Every folder that it shows is there, and every room of the harness is shown."""
    readme = (repository / "README.md").read_text(encoding="utf-8")
    tree = readme.split("\n## Where things are\n")[1].split("\n\nSeven files")[0].strip("\n").splitlines()
    rooms = set()
    for line in tree:
        names = re.findall(r"([\w-]+(?:/[\w-]+)*)/(?=\s)", line[:34])
        assert names, line
        if line.startswith("      "):
            rooms |= set(names)
        else:
            assert all((repository / name).is_dir() for name in names), line
    harness = repository / "benchmark" / "genbench"
    assert rooms == {path.parent.name for path in harness.glob("*/__init__.py")}


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
        first, *others = re.findall(r"`([\w.]+)`", functions)
        import_dotted(f"genbench.metrics.{first}")
        for name in others:  # of the same module
            import_dotted(f"genbench.metrics.{first.rpartition('.')[0]}.{name}")
