"""The packages in examples/plugins, one for each kind of plugin: announced without a problem, and used end to end."""

from __future__ import annotations

import json
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import msgspec
import pytest
import torch
from installation import Installation

from genbench import DataSpec, ScoringInputs
from genbench.api.cards import load_factory
from genbench.datasets.prepared import load_data
from genbench.errors import UsageError
from genbench.features.loading import load_extractor
from genbench.metrics.scoring import score
from genbench.plugin.discovery import build_registry, load_registry
from genbench.plugin.registry import Registry
from genbench.runner.suite import load_suite
from genbench.testing.tiny_data import tiny_dataset

FOLDER = Path(__file__).parent.parent / "examples" / "plugins"
PACKAGES = {
    "data_set": "spiral",
    "metric": "mean_gap",
    "extractor": "edges",
    "executor": "own_process",
    "report": "winners",
    "suite": "pocket",
}


def test_each_kind_of_plugin_has_a_package() -> None:
    assert sorted(path.parent.name for path in FOLDER.glob("*/pyproject.toml")) == sorted(PACKAGES)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """That of an installation with all six packages, loaded from where they lie."""
    for kind in PACKAGES:
        monkeypatch.syspath_prepend(str(FOLDER / kind))
    ours = load_registry()
    entries = [EntryPoint(name, name, "genbench") for name in PACKAGES.values()]
    theirs = build_registry([EntryPoint("harness", "genbench.builtin_plugin", "genbench"), *entries])
    assert theirs.problems() == []
    merged = ours.extended(datasets=theirs.datasets.values())
    merged.metrics, merged.extractors, merged.suites = theirs.metrics, theirs.extractors, theirs.suites
    merged.executors, merged.reports = theirs.executors, theirs.reports
    return merged


def test_the_data_set_is_what_its_card_says(registry: Registry) -> None:
    card = registry.dataset("spiral")
    loaded = load_data(card)
    assert tuple(map(len, (loaded.train, loaded.valid, loaded.test))) == card.sizes
    assert not torch.equal(loaded.valid.x, loaded.test.x)


def test_the_metric_is_that_of_its_formula(registry: Registry) -> None:
    draw = torch.Generator().manual_seed(0)
    data = load_data(registry.dataset("spiral"))
    inputs = ScoringInputs(
        spec=data.spec,
        samples=data.test.x[:500] + torch.tensor([0.3, 0.4]),
        reference=data.test.x[500:],
        train=data.train,
        extractor=load_extractor(registry.extractor("values"), data),
    )
    (value,) = score([registry.metric("mean_gap")], inputs)
    assert value.value == pytest.approx(0.5, abs=4 * (value.stderr or 0))
    # the error is how far the value moves from draw to draw
    gaps = [
        load_factory("mean_gap.metric:mean_gap")(
            torch.randn(50, 2, generator=draw) + 1, torch.randn(80, 2, generator=draw)
        )
        for _ in range(300)
    ]
    values, errors = torch.tensor(gaps).T
    assert values.std().item() == pytest.approx(errors.mean().item(), rel=0.15)


def test_the_extractor_sees_edges_by_their_direction(registry: Registry) -> None:
    images = DataSpec(name="images", modality="image", event_shape=(1, 8, 8), levels=17)
    extractor = load_extractor(registry.extractor("edges"), tiny_dataset(images))
    columns = (torch.arange(8) % 2 * 16).expand(1, 1, 8, 8)
    across, down = extractor(columns).split(4, 1)
    assert across.min() > 0.5
    assert down.max() == 0
    quarters_of_rows = extractor(columns.transpose(2, 3)).split(4, 1)[1][:, [0, 2, 1, 3]]
    torch.testing.assert_close(quarters_of_rows, across)


def test_a_suite_of_a_package_is_loaded_by_its_name(registry: Registry) -> None:
    suite = load_suite("pocket", registry.suites)
    assert (suite.name, str(suite.budget), suite.datasets) == ("pocket", "200steps", ("digits",))


def test_a_suite_that_is_not_in_the_package_is_named(registry: Registry) -> None:
    lost = {"lost": msgspec.structs.replace(registry.suites["pocket"], name="lost", file="pocket:lost.toml")}
    with pytest.raises(UsageError, match=r"cannot read suite lost: 'pocket:lost.toml' on its card"):
        load_suite("lost", lost)


@pytest.mark.slow
def test_all_are_installed_and_used_in_runs(tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("the layout of the environment is that of POSIX")
    installed = Installation(tmp_path, *(FOLDER / kind for kind in PACKAGES))
    listed = installed.run("-m", "genbench", "list", "plugins", "--json")
    found = {plugin["name"]: plugin for plugin in json.loads(listed)}
    assert all(found[name]["loaded"] and not found[name]["problems"] for name in PACKAGES.values())
    assert "pocket" in installed.run("-m", "genbench", "list", "suites")

    # the suite by its name, in the executor, with the extractor
    shown = installed.run(
        *("-m", "genbench", "run", "--suite", "pocket", "--budget", "20steps", "--extractor", "edges"),
        *("--executor", "own-process", "--out", "digits"),
    )
    assert "4 of 4 jobs ok" in shown
    records = json.loads(installed.run("-m", "genbench", "report", "digits", "--format", "json"))
    assert {record["job"]["model"] for record in records} == {"vae", "gan", "held-out", "marginals"}
    for record in records:
        values = {value["name"]: value for value in record["metrics"]}
        assert values["frechet_distance"]["extractor"].startswith("edges:")
        assert values["frechet_distance"]["dimension"] == 8
        assert values["mean_gap"]["value"] >= 0
        assert values["mean_gap"]["version"]

    # the data set, the metric on the board, the report
    installed.run(
        *("-m", "genbench", "run", "-m", "vae", "-m", "held-out", "-d", "spiral"),
        *("--budget", "20steps", "--out", "spiral"),
    )
    board = installed.run("-m", "genbench", "show", "spiral", "--metric", "mean_gap")
    assert "mean_gap" in board.replace(" ", "_")
    assert "held-out" in board
    text = installed.run("-m", "genbench", "report", "digits", "spiral", "--format", "winners")
    assert sorted(line.partition(":")[0] for line in text.splitlines()) == ["digits", "spiral"]
