"""The share of grammatical samples, of data whose grammar is known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from genbench.datasets.prepared import load_dataset
from genbench.features import Extractor
from genbench.metrics.scoring import ScoringInputs
from genbench.metrics.text.grammar import grammatical_share, score_grammar
from genbench.plugin.discovery import load_registry


def test_counts_what_is_possible_at_all() -> None:
    assert grammatical_share(torch.tensor([-3.0, -torch.inf, 0.0, -1000.0])) == 0.75


@pytest.mark.parametrize("name", ["four-voices", "grammar"])
def test_real_samples_keep_the_grammar_and_spoilt_ones_do_not(name: str, tmp_path: Path) -> None:
    dataset = load_dataset(load_registry().datasets[name])
    assert dataset.truth is not None
    samples = dataset.valid.tensor()[:40]
    inputs = ScoringInputs(
        spec=dataset.spec,
        samples=samples,
        reference=dataset.test.tensor()[:40],
        train=dataset.train,
        extractor=Extractor(name="none", hash="0", compute=lambda x: x.flatten(1).float()),
        truth=dataset.truth,
    )
    (real,) = score_grammar(inputs)
    assert real.value == 1
    spoilt = torch.cat([samples[:10], samples[10:].flip(1)])  # backwards
    (found,) = score_grammar(dataclasses.replace(inputs, samples=spoilt))
    assert found.value is not None
    assert 0.25 <= found.value < 0.5
    (unknown,) = score_grammar(dataclasses.replace(inputs, truth=None))
    assert unknown.note == "the grammar is not known"
