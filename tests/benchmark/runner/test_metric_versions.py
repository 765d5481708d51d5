"""Versions of metrics: they change with the source that computes the value, and with nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jobs import make_job

from genbench.metrics.cards import METRIC_CARDS
from genbench.records.record_index import head_of
from genbench.records.result import MetricValue, Result
from genbench.runner.metric_versions import metric_version, metric_versions, outdated
from genbench.util.source_hash import source_files

FRECHET = "genbench.metrics.frechet:score_frechet"


def test_every_built_in_metric_has_a_version_of_its_own() -> None:
    versions = metric_versions(METRIC_CARDS)
    assert versions.keys() == {card.factory for card in METRIC_CARDS if card.factory}
    assert len(set(versions.values())) == len(versions)


def test_a_built_in_version_covers_the_metric_and_not_those_who_call_it() -> None:
    callers = ("genbench.metrics.scoring", "genbench.metrics.cards")
    covered = source_files("genbench.metrics.frechet", within="genbench.metrics", without=callers)
    assert "genbench.metrics.frechet" in covered
    assert "genbench.metrics.numerics.feature_arrays" in covered
    assert not covered.keys() & {*callers, "genbench.records.result"}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "own_metrics_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "metric.py").write_text("from own_metrics_package import helper\n")
    (folder / "helper.py").write_text("x = 1\n")
    (folder / "stranger.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_a_plugins_version_changes_with_what_the_metric_imports(package: Path) -> None:
    factory = "own_metrics_package.metric:score"
    before = metric_version(factory)
    (package / "stranger.py").write_text("x = 22\n")
    assert metric_version(factory) == before
    (package / "helper.py").write_text("x = 22\n")
    assert metric_version(factory) != before
    assert "own_metrics_package" not in sys.modules


def test_values_of_another_version_are_out_of_date() -> None:
    cards = [card for card in METRIC_CARDS if card.name in ("frechet_distance", "precision", "recall")]
    versions = metric_versions(cards)

    def stored(name: str, version: str | None) -> MetricValue:
        return MetricValue(name=name, value=1.0, unit="", better="lower", version=version)

    job = make_job("Good")
    metrics = [stored("frechet_distance", versions[FRECHET]), stored("precision", "0" * 12)]
    result = Result(id=job.id, status="ok", job=job, metrics=metrics)
    assert [card.name for card in outdated(head_of(result).versions, cards, versions)] == ["precision"]
    old = Result(id=job.id, status="ok", job=job, metrics=[stored("recall", None)])
    assert [card.name for card in outdated(head_of(old).versions, cards, versions)] == ["recall"]
