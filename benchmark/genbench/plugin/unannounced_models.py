"""Models that no plugin announced: `-m my_model.py:MyModel`, `-m package.module:MyModel`."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from genbench.api.cards import ModelCard
from genbench.errors import PluginError, UsageError
from genbench.plugin.registry import Registry

_IN_FILE = re.compile(r"(?P<file>.+?\.py)(?::(?P<name>[A-Za-z_]\w*))?(?::(?P<settings>.*))?")
_IN_MODULE = re.compile(r"(?P<module>[A-Za-z_]\w*(?:\.\w+)*):(?P<name>[A-Za-z_]\w*)(?::(?P<settings>.*))?")
_IMPORT_SECONDS = 120.0
"""How long the import of a model's module may take. torch alone takes several seconds on a slow machine."""


@dataclass(frozen=True)
class _Wish:
    """A class that a user named."""

    module: str
    """Name by which its module is imported."""
    name: str | None
    """Name of the class; None for the only model of the module."""
    settings: str
    """Hyperparameters as the user wrote them: "scale=2"; empty for none."""


class Answer(msgspec.Struct, frozen=True):
    """What `genbench.plugin.class_card` prints: a card, or why there is none."""

    card: ModelCard | None = None
    """The card; None where there is a problem."""
    class_name: str = ""
    """Name of the class that the card is of."""
    problem: str = ""
    """Why there is no card, in one line."""


def with_unannounced(models: Sequence[str], registry: Registry) -> tuple[list[str], Registry]:
    """The models as their names with settings, and a registry that knows those of them that are classes too.

    The folder of a named file becomes the first on `sys.path`, here and in the workers, as the folder of a script does;
    the current folder does for a module's name. Raises UsageError for a file that is not there or whose name another
    module has, PluginError where a class cannot be read.
    """
    texts: list[str] = []
    cards: dict[str, ModelCard] = {}
    read: dict[tuple[str, str | None], ModelCard] = {}
    for text in models:
        wish = _wish(text, registry)
        if wish is None:
            texts.append(text)
            continue
        card = read.get((wish.module, wish.name)) or _read_card(wish)
        read[wish.module, wish.name] = card
        other = registry.models.get(card.name) or cards.get(card.name)
        if other is not None and other.factory != card.factory:
            raise UsageError(
                f'{text}: there is a model {card.name!r} already; give the class another name: name = "my-{card.name}"'
            )
        cards[card.name] = card
        texts.append(f"{card.name}:{wish.settings}" if wish.settings else card.name)
    return texts, registry.extended(models=cards.values()) if cards else registry


def _wish(text: str, registry: Registry) -> _Wish | None:
    """None where the text is a name, with or without settings."""
    if found := _IN_FILE.fullmatch(text):
        return _Wish(module_of_file(Path(found["file"])), found["name"], found["settings"] or "")
    found = _IN_MODULE.fullmatch(text)
    if found is None or found["module"] in (*registry.models, "family"):
        return None
    _search_first(Path.cwd())
    if importlib.util.find_spec(found["module"].partition(".")[0]) is None:
        return None  # a misspelt name of a model, which planning reports
    return _Wish(found["module"], found["name"], found["settings"] or "")


def module_of_file(file: Path) -> str:
    """The name under which a file can be imported from now on. Raises UsageError."""
    if not file.is_file():
        raise UsageError(f"there is no file {file}")
    name = file.stem
    if not name.isidentifier():
        raise UsageError(f"{file} cannot be imported: rename it, with letters, digits and _ alone")
    _search_first(file.resolve().parent)
    found = importlib.util.find_spec(name)
    if name in sys.stdlib_module_names or found is None or found.origin is None:
        raise UsageError(f"{file} has the name of a module of Python: rename it")
    if Path(found.origin).resolve() != file.resolve():
        raise UsageError(f"{file} has the name of another module, {found.origin}: rename it")
    return name


def _search_first(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
        importlib.invalidate_caches()


def _read_card(wish: _Wish) -> ModelCard:
    """Asks a process that imports the module. Raises PluginError."""
    arguments = [wish.module] if wish.name is None else [wish.module, wish.name]
    command = [sys.executable, "-m", "genbench.plugin.class_card", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, env=environment, timeout=_IMPORT_SECONDS, check=False
        )
        answer = msgspec.json.decode(done.stdout, type=Answer)
    except subprocess.TimeoutExpired:
        raise PluginError(
            f"{wish.module} was not imported within {_IMPORT_SECONDS:.0f} s; a script keeps its work behind"
            ' `if __name__ == "__main__":`'
        ) from None
    except msgspec.DecodeError:
        raise PluginError(
            f"the process that imports {wish.module} died with code {done.returncode}"
        ) from None
    if answer.card is None:
        raise PluginError(answer.problem)
    return answer.card
