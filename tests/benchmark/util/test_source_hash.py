"""The hash changes with the source that a factory reaches, and with no other; nothing is imported for it."""

from __future__ import annotations

import itertools
import py_compile
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.plugin.discovery import load_registry
from genbench.util.source_hash import source_files, source_hash

_numbers = itertools.count()
Tree = Callable[[dict[str, str]], str]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """Writes files ("PKG" in their text becomes the package's name); returns that name. Importing any of
    them would raise."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(files: dict[str, str]) -> str:
        name = f"hashed_package_{next(_numbers)}"
        for path, text in files.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.replace("PKG", name) + "\nraise RuntimeError('imported')\n")
        return name

    return write


def edit(tmp_path: Path, name: str, path: str, text: str = "# a comment") -> None:
    file = tmp_path / name / path
    file.write_text(f"{text}\n{file.read_text()}")


LAYERS = {
    "__init__.py": "from PKG import gan, vae",
    "layers.py": "",
    "gan/__init__.py": "CARDS = ()",
    "gan/dcgan.py": "from PKG.layers import Conv",
    "vae/__init__.py": "",
    "vae/vae.py": "import torch",
}


def test_a_shared_layer_changes_the_models_that_import_it_and_no_others(tree: Tree, tmp_path: Path) -> None:
    name = tree(LAYERS)
    gan, vae = f"{name}.gan.dcgan:DCGAN", f"{name}.vae.vae:VAE"
    before = source_hash(gan), source_hash(vae)
    edit(tmp_path, name, "layers.py")
    assert source_hash(gan) != before[0]
    assert source_hash(vae) == before[1]


def test_a_family_s_cards_do_not_change_its_models(tree: Tree, tmp_path: Path) -> None:
    name = tree(LAYERS)
    before = source_hash(f"{name}.gan.dcgan:DCGAN")
    edit(tmp_path, name, "gan/__init__.py")
    edit(tmp_path, name, "__init__.py")
    assert source_hash(f"{name}.gan.dcgan:DCGAN") == before


@pytest.mark.parametrize(
    ("statement", "reached"),
    [
        ("import PKG.deep.layer", {"PKG", "PKG.deep", "PKG.deep.layer"}),
        ("import PKG.deep.layer as layer", {"PKG.deep.layer"}),
        ("import PKG", {"PKG"}),
        ("from PKG import deep", {"PKG.deep"}),
        ("from PKG import VERSION", {"PKG"}),
        ("from PKG.deep import layer", {"PKG.deep.layer"}),
        ("from PKG.deep import Layer", {"PKG.deep"}),
        ("from PKG.deep.layer import Layer", {"PKG.deep.layer"}),
        ("from PKG.deep.layer import *", {"PKG.deep.layer"}),
        ("from PKG.deep import *", {"PKG.deep"}),
        ("from . import sibling", {"PKG.models.sibling"}),
        ("from .sibling import x", {"PKG.models.sibling"}),
        ("from . import something", {"PKG.models"}),
        ("from .. import deep", {"PKG.deep"}),
        ("from ..deep import layer", {"PKG.deep.layer"}),
        ("from ..deep.layer import Layer", {"PKG.deep.layer"}),
        ("def fit():\n    from ..deep.layer import Layer", {"PKG.deep.layer"}),
        ("if TYPE_CHECKING:\n    from ..deep.layer import Layer", {"PKG.deep.layer"}),
        ("from .sibling import x; from .. import deep", {"PKG.models.sibling", "PKG.deep"}),
        ("import torch, numpy.linalg\nfrom os import path", set()),
        ("from PKG_other import x", set()),
        ("from .absent import x", set()),
        ("from ....... import x", set()),
    ],
)
def test_every_form_of_import_is_followed(tree: Tree, statement: str, reached: set[str]) -> None:
    name = tree(
        {
            "__init__.py": "",
            "deep/__init__.py": "",
            "deep/layer.py": "",
            "models/__init__.py": "",
            "models/sibling.py": "",
            "models/model.py": statement,
        }
    )
    expected = {module.replace("PKG", name) for module in reached} | {f"{name}.models.model"}
    assert set(source_files(f"{name}.models.model")) == expected


def test_imports_are_followed_through_modules_and_in_circles(tree: Tree, tmp_path: Path) -> None:
    name = tree(
        {
            "__init__.py": "",
            "model.py": "from .a import x",
            "a.py": "from .b import x",
            "b.py": "from .model import x",
        }
    )
    factory = f"{name}.model:Model"
    before = source_hash(factory)
    edit(tmp_path, name, "b.py")
    assert source_hash(factory) != before


def test_relative_imports_of_an_init_are_its_own_submodules(tree: Tree) -> None:
    name = tree(
        {
            "__init__.py": "",
            "layers/__init__.py": "from .conv import Conv\nfrom . import dense",
            "layers/conv.py": "",
            "layers/dense.py": "",
            "model.py": "from .layers import Conv",
        }
    )
    assert set(source_files(f"{name}.model")) == {
        f"{name}.{module}" for module in ("model", "layers", "layers.conv", "layers.dense")
    }


def test_nothing_is_imported(tree: Tree) -> None:
    name = tree(LAYERS)
    before = set(sys.modules)
    assert len(source_files(f"{name}.gan.dcgan")) == 2
    source_hash(f"{name}.gan.dcgan:DCGAN")
    assert set(sys.modules) == before


def test_a_module_that_is_a_single_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "lonely_model_module.py"
    file.write_text("import os")
    before = source_hash("lonely_model_module:Model")
    assert set(source_files("lonely_model_module")) == {"lonely_model_module"}
    file.write_text("import os, sys")
    assert source_hash("lonely_model_module:Model") != before


def test_a_package_without_init(tree: Tree) -> None:
    name = tree({"part/model.py": "from PKG.part import layer", "part/layer.py": ""})
    assert set(source_files(f"{name}.part.model")) == {f"{name}.part.model", f"{name}.part.layer"}


def test_byte_code_without_source_counts(tree: Tree, tmp_path: Path) -> None:
    name = tree({"__init__.py": "", "model.py": "from .layer import x", "layer.py": "x = 1"})
    source, compiled = tmp_path / name / "layer.py", tmp_path / name / "layer.pyc"
    py_compile.compile(str(source), cfile=str(compiled))
    source.unlink()
    assert source_files(f"{name}.model")[f"{name}.layer"] == compiled
    before = source_hash(f"{name}.model:Model")
    compiled.write_bytes(compiled.read_bytes() + b"\0")
    assert source_hash(f"{name}.model:Model") != before


def test_a_package_comes_before_a_module_of_the_same_name(tree: Tree, tmp_path: Path) -> None:
    name = tree({"__init__.py": "", "model.py": "", "model/__init__.py": ""})
    assert source_files(f"{name}.model")[f"{name}.model"] == tmp_path / name / "model" / "__init__.py"


def test_source_that_cannot_be_parsed_still_has_a_hash(tree: Tree, tmp_path: Path) -> None:
    name = tree({"__init__.py": "", "model.py": "def broken(:"})
    before = source_hash(f"{name}.model:Model")
    edit(tmp_path, name, "model.py")
    assert source_hash(f"{name}.model:Model") != before


@pytest.mark.parametrize("factory", ["no_such_package_here.model:M", "sys:M", "__main__:M", ":M", "nonsense"])
def test_what_cannot_be_found_has_a_hash_of_its_own(factory: str) -> None:
    assert source_hash(factory) == source_hash(factory)
    assert source_hash(factory) != source_hash(f"{factory}2")


def test_two_objects_of_one_module_differ(tree: Tree) -> None:
    name = tree({"__init__.py": "A = B = 1"})
    assert source_hash(f"{name}:A") != source_hash(f"{name}:B")


@given(st.text(alphabet="ab \n#=1(:", max_size=40))
def test_any_text_has_a_hash(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("any")
    with pytest.MonkeyPatch.context() as patch:
        name = f"any_text_{next(_numbers)}"
        (folder / f"{name}.py").write_text(text)
        patch.syspath_prepend(folder)
        digest = source_hash(f"{name}:x")
    assert len(digest) == 12
    assert int(digest, 16) >= 0


def test_covers_what_python_itself_loads() -> None:
    """In a process of its own: what importing the built-in models and data sets loads, beyond announcing them."""
    registry = load_registry()
    cards = [*registry.models.values(), *registry.datasets.values()]
    factories = [card.factory for card in cards if registry.origin(card).distribution == "genbench"]
    assert factories
    modules = sorted({factory.partition(":")[0] for factory in factories})
    code = (
        "import importlib, sys\n"
        f"modules = {modules!r}\n"
        "tops = {module.partition('.')[0] for module in modules}\n"
        "for top in tops: importlib.import_module(top)\n"
        "announced = set(sys.modules)\n"
        "for module in modules: importlib.import_module(module)\n"
        "loaded = set(sys.modules) - announced\n"
        "print(*(name for name in loaded if name.partition('.')[0] in tops\n"
        "        and not hasattr(sys.modules[name], '__path__')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = {name for module in modules for name in source_files(module)}
    assert set(done.stdout.split()) <= found
    assert set(modules) <= found
