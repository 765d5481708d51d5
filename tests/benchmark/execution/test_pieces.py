"""A job on pieces of different lengths, from training to its metrics."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from jobs import make_task
from safetensors.torch import load_file
from small_data import ROLLS, rolls

from genbench.api import DatasetCard
from genbench.api.cards import ExtractorCard
from genbench.execution.worker import run_task
from genbench.metrics.cards import METRIC_CARDS

CARD = DatasetCard(
    spec=ROLLS,
    summary="noisy waves, cut to random lengths",
    sizes=(48, 16, 16),
    splits="in order",
    source="made up",
    licence="CC0",
    citation="none",
    factory="small_data:rolls",
    window=3,
)
EXTRACTOR = ExtractorCard(
    name="pca", summary="", modalities=("pianoroll",), factory="genbench.features.pca:pca"
)


@pytest.mark.parametrize("model", ["baselines.marginals:Marginals", "baselines.held_out:HeldOut"])
def test_a_job_is_judged_by_whole_pieces_and_by_their_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path / "cache"))
    names = ("train_on_samples_bits_per_dim", "train_on_samples_nll", "copied_share")
    task = msgspec.structs.replace(
        make_task("unused", tmp_path, CARD),
        model_factory=f"genbench_models.{model}",
        extractor=EXTRACTOR,
        metrics=[card for card in METRIC_CARDS if card.name in names],
    )
    outcome = run_task(task)
    assert outcome.status == "ok", outcome.reason
    metrics = {metric.name: metric for metric in outcome.metrics}
    stored = load_file(task.samples_path)
    assert stored["samples"].shape == (16, 12, 4)
    train = rolls().train
    assert train.lengths is not None
    assert set(stored["lengths"].tolist()) <= set(train.lengths.tolist())
    windows = min(int((lengths // 3).sum()) for lengths in (stored["lengths"], rolls().test.lengths))
    assert metrics["train_on_samples_bits_per_dim"].n == windows
    assert not outcome.warnings
    if "Marginals" in model:
        assert metrics["nats_per_step"].unit == "nats/frame"
        assert metrics["nats_per_step"].n == 16
        assert outcome.audit is not None
        assert outcome.audit.passed, outcome.audit.detail
        assert outcome.audit.check("padding") is not None
