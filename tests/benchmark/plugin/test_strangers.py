"""What plugins of others do wrong costs what is theirs: not the output, not a good plugin, not a job."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from plugin_folders import environment_with, write_plugin

TALKING = """
import os
from genbench import ModelCard, hookimpl

print("printed at import")
os.write(1, b"written at import\\n")

@hookimpl
def genbench_models():
    print("printed in a hook")
    os.system("echo echoed in a hook")
    yield ModelCard(name="talker", family="baseline", summary="talks", factory="talking:Nothing",
                    modalities=("points",), capabilities=("sample",), defaults={"width": 8})

@hookimpl
def genbench_commands(app):
    print("printed among commands")

@hookimpl
def genbench_run_started(run):
    print("printed as a run starts")
"""
METRICS = """
import ctypes, os
from genbench import MetricCard, MetricValue, hookimpl

NAMES = ("raises", "raises_no_exception", "renames", "leaves", "segfaults", "cannot_be_imported", "returns_nothing")

@hookimpl
def genbench_metrics():
    for name in NAMES:
        module = "no_such_module" if name == "cannot_be_imported" else "bad_metrics"
        yield MetricCard(name=name, summary="bad", unit="", better="lower", group="quality",
                         modalities=("points",), factory=f"{module}:{name}")

class NoException(BaseException):
    pass

def raises(inputs):
    raise ValueError("not today")

def raises_no_exception(inputs):
    raise NoException("nor tomorrow")

def renames(inputs):
    return [MetricValue(name="by_another_name", value=1.0, unit="", better="lower")]

def leaves(inputs):
    os._exit(3)

def segfaults(inputs):
    ctypes.string_at(0)

def returns_nothing(inputs):
    return None
"""


def genbench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "genbench", *arguments],
        capture_output=True,
        text=True,
        env=environment_with(folder / "plugins"),
        timeout=200,
        check=False,
    )


def test_what_plugins_print_never_gets_into_an_answer(tmp_path: Path) -> None:
    write_plugin(tmp_path / "plugins", "talking", TALKING)
    done = genbench(tmp_path, "list", "models", "--json")
    assert "talker" in {model["name"] for model in json.loads(done.stdout)}
    for words in (
        "printed at import",
        "written at import",
        "printed in a hook",
        "echoed in a hook",
        "among commands",
    ):
        assert words in done.stderr


def test_a_module_that_two_entry_points_name_is_loaded_once(tmp_path: Path) -> None:
    """The second is of a distribution that was renamed, and whose metadata stayed."""
    plugins = tmp_path / "plugins"
    write_plugin(plugins, "talking", TALKING)
    write_plugin(plugins, "zz_again", "", module="talking", distribution="zz-former-name")
    done = genbench(tmp_path, "list", "models", "--json")
    assert sum(model["name"] == "talker" for model in json.loads(done.stdout)) == 1
    found = {
        plugin["name"]: plugin
        for plugin in json.loads(genbench(tmp_path, "list", "plugins", "--json").stdout)
    }
    assert found["talking"]["loaded"]
    assert not found["talking"]["problems"]
    assert not found["zz_again"]["loaded"]
    assert found["zz_again"]["problems"] == ["talking is loaded already, as talking:talking"]


def test_metrics_that_fail_cost_their_own_figure(tmp_path: Path) -> None:
    write_plugin(tmp_path / "plugins", "bad_metrics", METRICS)
    folder = tmp_path / "run"
    command = [
        "run",
        "-m",
        "marginals",
        "-d",
        "ring8",
        "--budget",
        "20steps",
        "--no-probe",
        "--out",
        str(folder),
    ]
    done = genbench(tmp_path, *command)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("jobs/*/result.json")
    record = json.loads(path.read_text())
    assert record["status"] == "ok"
    found = {metric["name"]: metric for metric in record["metrics"]}
    assert found[record["job"]["ranking"]]["value"] is not None
    notes = {
        "raises": "ValueError: not today",
        "raises_no_exception": "NoException: nor tomorrow",
        "renames": "the factory returned 'by_another_name', which no card announces",
        "leaves": "plugin_error: the process exited by itself with code 3 in score",
        "segfaults": "killed: SIGSEGV in score: a segmentation fault in compiled code",
        "cannot_be_imported": "PluginError: factory 'no_such_module:cannot_be_imported'",
        "returns_nothing": "TypeError",
    }
    for name, note in notes.items():
        assert found[name]["value"] is None
        assert found[name]["note"].startswith(note)


@pytest.mark.parametrize("module", ["msgspec", "typer", "genbench.plugin.discovery", "genbench_models"])
def test_ctrl_c_while_the_program_is_imported(module: str, tmp_path: Path) -> None:
    """The interrupt comes at the moment at which a module is imported."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "sitecustomize.py").write_text(
        f"""
import os, signal, sys

class Interrupter:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupter())
"""
    )
    done = genbench(tmp_path, "list", "models")
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip() == "interrupted"
