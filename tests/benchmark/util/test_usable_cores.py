"""The cores that a process may use are those of its affinity, in every command."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from genbench.util.usable_cores import usable_cores

_HELD_TO_ONE = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from genbench.util.usable_cores import usable_cores
from genbench.cli.doctor import describe_cores
print(usable_cores(), describe_cores(), sep="|")
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinities")
def test_a_process_that_is_held_to_one_core_uses_one() -> None:
    done = subprocess.run([sys.executable, "-c", _HELD_TO_ONE], capture_output=True, text=True, check=True)
    cores, described = done.stdout.strip().split("|")
    assert cores == "1"
    installed = os.cpu_count()
    assert described == ("1 core" if installed == 1 else f"1 of {installed} cores")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinities")
def test_without_a_limit_all_cores_of_the_affinity_count() -> None:
    assert usable_cores() == len(os.sched_getaffinity(0))
