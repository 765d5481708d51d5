"""The rooms that plugins import from: every name they promise is there, and none is loaded before it is used."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

PUBLIC = ("genbench", "genbench.api", "genbench.datasets")


@pytest.mark.parametrize("room", PUBLIC)
def test_every_promised_name_is_there(room: str) -> None:
    module = importlib.import_module(room)
    assert sorted(set(module.__all__)) == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match=f"module '{room}' has no attribute 'no_such_name'"):
        _ = module.no_such_name


@pytest.mark.parametrize("room", PUBLIC)
def test_importing_a_room_loads_nothing_heavy(room: str) -> None:
    script = (
        f"import sys, {room}; print(sorted({{'torch', 'numpy', 'pandas', 'pooch'}} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr[-2000:]
