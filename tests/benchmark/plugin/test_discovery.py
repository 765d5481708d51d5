"""Plugins are found, checked and named with their cause when they fail; the rest goes on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import msgspec
import pytest

from genbench.errors import UnknownNameError
from genbench.plugin.discovery import ENTRY_POINT_GROUP, build_registry, misspelt_groups
from genbench.plugin.registry import Registry

CARD = """ModelCard(name={name!r}, family="baseline", summary="", factory="nowhere:Class", modalities=("points",))"""
IMPORTS = "from genbench import ModelCard, hookimpl\n"
Build = Callable[..., Registry]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """build(name=source, ...): a registry of plugins made of these modules."""
    monkeypatch.syspath_prepend(tmp_path)

    def build(*, blocked: tuple[str, ...] = (), **sources: str) -> Registry:
        entries = []
        for name, source in sources.items():
            module = f"{tmp_path.name.replace('-', '_')}_{name}"
            (tmp_path / f"{module}.py").write_text(source)
            entries.append(EntryPoint(name=name, value=module, group=ENTRY_POINT_GROUP))
        return build_registry(entries, blocked)

    return build


def announcing(*names: str) -> str:
    body = "".join(f"    yield {CARD.format(name=name)}\n" for name in names)
    return f"{IMPORTS}\n@hookimpl\ndef genbench_models():\n{body}"


def problems(registry: Registry, name: str) -> str:
    (plugin,) = (plugin for plugin in registry.plugins if plugin.name == name)
    return "; ".join(plugin.problems)


def test_a_good_plugin_announces_its_cards(build: Build) -> None:
    registry = build(good=announcing("mine"))
    assert list(registry.models) == ["mine"]
    assert registry.origin(registry.models["mine"]).name == "good"
    assert registry.problems() == []


def test_an_entry_point_may_name_an_object_of_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    body = f"    @hookimpl\n    def genbench_models(self):\n        yield {CARD.format(name='mine')}\n"
    (tmp_path / "object_plugin.py").write_text(f"{IMPORTS}\nclass Mine:\n{body}\nPLUGIN = Mine()\n")
    entry = EntryPoint(name="mine", value="object_plugin:PLUGIN", group=ENTRY_POINT_GROUP)
    registry = build_registry([entry])
    assert list(registry.models) == ["mine"]
    assert registry.problems() == []


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("raise SystemExit(1)", "SystemExit: 1"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        (f"{IMPORTS}\n@hookimpl\ndef genbench_model():\n    return []", "did you mean 'genbench_models'?"),
        (f"{IMPORTS}\n@hookimpl\ndef genbench_models(colour):\n    return []", "colour"),
        (f"{IMPORTS}\n@hookimpl\ndef genbench_models():\n    yield 3", "yielded int, expected ModelCard"),
        (f"{IMPORTS}\n@hookimpl\ndef genbench_models():\n    yield 1 / 0", "ZeroDivisionError"),
        (
            announcing("x").replace('family="baseline"', 'family="magic"'),
            "card 'x': Invalid enum value 'magic' - at `$.family`",
        ),
    ],
)
def test_a_bad_plugin_is_named_with_its_cause_and_the_rest_goes_on(
    build: Build, source: str, cause: str
) -> None:
    registry = build(bad=source, good=announcing("mine"))
    assert cause in problems(registry, "bad")
    assert problems(registry, "good") == ""
    assert list(registry.models) == ["mine"]


def test_a_name_that_exists_is_refused_and_names_its_owner(build: Build) -> None:
    registry = build(a=announcing("mine", "first"), b=announcing("mine", "second"))
    assert list(registry.models) == ["mine", "first", "second"]
    assert registry.origin(registry.models["mine"]).name == "a"
    assert "'mine' is already announced by plugin 'a'" in problems(registry, "b")


def test_a_card_without_defaults_gets_those_of_the_constructor(build: Build, tmp_path: Path) -> None:
    (tmp_path / "some_model.py").write_text("class Class:\n    def __init__(self, spec, *, scale=1.5): ...\n")
    (tmp_path / "odd_model.py").write_text("class Class:\n    def __init__(self, spec, *, scale=2**4): ...\n")
    registry = build(
        good=announcing("mine").replace("nowhere", "some_model"),
        odd=announcing("odd").replace("nowhere", "odd_model"),
        told=announcing("told").replace("nowhere:Class", 'odd_model:Class", defaults={"scale": 16}, paper="'),
    )
    assert registry.models["mine"].defaults == {"scale": 1.5}
    assert registry.models["odd"].defaults == {}, "the card is kept, and its constructor's defaults hold"
    assert registry.models["told"].defaults == {"scale": 16}
    assert registry.problems() == [
        "plugin 'odd': genbench_models: card 'odd': the defaults of odd_model:Class cannot be read: hyperparameter"
        " 'scale': its default, 2 ** 4, is no plain number or text; write defaults={...} on the card"
    ]


def test_a_blocked_plugin_is_left_out(build: Build) -> None:
    registry = build(blocked=("a",), a=announcing("mine"), b=announcing("other"))
    assert list(registry.models) == ["other"]
    assert [plugin.blocked for plugin in registry.plugins] == [True, False]
    assert registry.problems() == []


def test_a_listener_that_fails_is_named_and_the_others_are_told(
    build: Build, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    listening = f"{IMPORTS}\n@hookimpl\ndef genbench_run_started(run):\n    "
    registry = build(
        a=listening + f"__import__('pathlib').Path({str(tmp_path / 'told')!r}).write_text(run)",
        b=listening + "1 / 0",
        c=listening + "raise SystemExit(3)",
    )
    registry.tell("genbench_run_started", run="x")
    assert (tmp_path / "told").read_text() == "x"
    assert "b: genbench_run_started failed: ZeroDivisionError: division by zero" in caplog.text
    assert "c: genbench_run_started failed: SystemExit: 3" in caplog.text


def test_an_unknown_name_offers_the_nearest(build: Build) -> None:
    registry = build(a=announcing("pixelcnn", "vae"))
    with pytest.raises(UnknownNameError, match="unknown model 'pixelcn'; did you mean 'pixelcnn'"):
        registry.model("pixelcn")


def test_a_former_name_says_what_the_model_is_called_now(build: Build) -> None:
    registry = build(a=announcing("vae"))
    registry.models["vae"] = msgspec.structs.replace(registry.models["vae"], former_names=("aevb",))
    with pytest.raises(UnknownNameError, match=r"unknown model 'aevb': it is called 'vae' now"):
        registry.model("aevb")
    assert registry.model("vae").name == "vae"


def test_listing_and_help_never_import_torch() -> None:
    script = """
import sys
from genbench.cli.main import run_command_line
for arguments in (["list", "models"], ["list", "datasets"], ["list", "metrics"], ["list", "suites"],
                  ["list", "plugins"], ["--help"], ["run", "--help"]):
    assert run_command_line(arguments) == 0, arguments
heavy = sorted({"torch", "pandas", "sklearn", "scipy", "matplotlib", "torchmetrics"} & set(sys.modules))
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_hook_without_its_mark_is_named(build: Build) -> None:
    registry = build(a=announcing("mine").replace("@hookimpl", ""), b=announcing("other"))
    assert list(registry.models) == ["other"]
    assert problems(registry, "a").startswith("genbench_models has no @hookimpl, so it is never called")
    assert problems(registry, "b") == ""


@pytest.mark.parametrize(
    ("group", "is_named"),
    [
        ("genbenhc", True),
        ("genbench.plugins", True),
        ("genai-bench", True),
        ("gen_bench", True),
        ("genbench", False),
        ("console_scripts", False),
        ("pytest11", False),
        ("opentelemetry_tracer", False),
    ],
)
def test_an_entry_point_in_a_misspelt_group_is_named(group: str, is_named: bool) -> None:
    said = misspelt_groups([EntryPoint(name="mine", value="mine", group=group)])
    assert [group in line for line in said] == [True] * is_named


def test_nothing_far_off_is_offered(build: Build) -> None:
    registry = build(a=announcing("noise", "vae"))
    with pytest.raises(UnknownNameError, match="unknown model 'nonsense'; known: noise, vae"):
        registry.model("nonsense")
    with pytest.raises(UnknownNameError, match="did you mean 'vae'"):
        registry.model("vea")
