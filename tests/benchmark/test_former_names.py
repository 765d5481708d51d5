"""A plugin written before the harness was sorted into rooms: it imports, warns, and gets the same objects."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from genbench.former_names import FORMER_NAMES

PLUGIN = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
from genbench.cards import ModelCard
from genbench.data import Split, working_dtype
from genbench.likelihood.observation import gaussian_log_prob
from genbench.prepared_file import write_arrays
from genbench.data_cache import prepared_path
from genbench.result_store import Run
from genbench.spec import DataSpec
import genbench.api.data, genbench
assert Split is genbench.api.data.Split is genbench.Split
assert ModelCard is genbench.ModelCard and DataSpec is genbench.DataSpec
assert genbench.api.data.__spec__.name == genbench.api.data.__name__ == "genbench.api.data"
import numpy
assert genbench.data(numpy.eye(3)).startswith("npy:")  # the module stands in for the function
print("imported")
"""


def test_a_plugin_with_former_imports_still_works() -> None:
    done = subprocess.run([sys.executable, "-c", PLUGIN], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "imported\n"), done.stderr


@pytest.mark.parametrize("name", sorted(FORMER_NAMES))
def test_each_former_name_warns_and_names_the_new_place(name: str) -> None:
    sys.modules.pop(name, None)
    with pytest.warns(DeprecationWarning, match=f"{name} is now {FORMER_NAMES[name]};"):
        importlib.import_module(name)
    sys.modules.pop(name, None)


def test_announcing_cards_under_a_former_name_needs_no_torch() -> None:
    code = "import sys, genbench.cards, genbench.spec, genbench.hookspecs; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_module_that_never_was_is_still_missing() -> None:
    with pytest.raises(ModuleNotFoundError, match="never_was"):
        importlib.import_module("genbench.never_was")
