"""The cards and their factories: every figure, its record, and the reason where there is none."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from genbench.api.cards import load_factory
from genbench.api.data import Dataset, Split, storage_dtype
from genbench.api.spec import DataSpec, Modality
from genbench.features.cards import EXTRACTOR_CARDS
from genbench.metrics.cards import METRIC_CARDS
from genbench.metrics.conditional_cards import CONDITIONAL_CARDS
from genbench.metrics.memorisation.near_duplicates import copied_share
from genbench.metrics.scoring import ScoringInputs, score
from genbench.records.result import MetricValue

SPECS = {
    "points": DataSpec(name="toy-points", modality="points", event_shape=(2,)),
    "image": DataSpec(name="toy-images", modality="image", event_shape=(1, 4, 4), levels=17),
    "series": DataSpec(name="toy-series", modality="series", event_shape=(12, 2)),
}
MEASURED_BY_WORKER = {
    "negative_log_likelihood",
    "nats_per_step",
    "bits_per_step",
    "bits_per_dim",
    "kl_from_truth",
    "decoder_negative_log_likelihood",
    "decoder_bits_per_dim",
    "negative_elbo",
    "likelihood_gap",
}


@dataclass(frozen=True)
class StandardNormal:
    modes: Tensor | None
    mode_scale: float | None

    def log_prob(self, x: Tensor) -> Tensor:
        return torch.distributions.Normal(0.0, 1.0).log_prob(x).sum(-1)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, 2, generator=generator)


@pytest.fixture(autouse=True)
def _hasty_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their training takes seconds, and what they find is tested elsewhere."""
    monkeypatch.setattr("genbench.metrics.series.judges.STEPS", 2)


def draw(spec: DataSpec, count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    if spec.levels is not None:
        return torch.randint(spec.levels, (count, *spec.event_shape), generator=generator)
    return torch.randn(count, *spec.event_shape, generator=generator)


def inputs(
    modality: Modality, *, samples: int = 100, reference: int = 100, train: int = 120
) -> ScoringInputs:
    spec = SPECS[modality]
    real = draw(spec, max(train, 2), 2)
    split = Split(spec, real.to(storage_dtype(spec)))
    card = next(card for card in EXTRACTOR_CARDS if modality in card.default_for)
    extractor = load_factory(card.factory)(Dataset(spec, split, split, split))
    return ScoringInputs(
        spec=spec,
        samples=draw(spec, samples, 0),
        reference=draw(spec, reference, 1),
        train=Split(spec, real[:train].to(storage_dtype(spec))),
        extractor=extractor,
        truth=StandardNormal(torch.zeros(1, 2), 1.0) if modality == "points" else None,
        valid=split,
    )


def by_name(figures: list[MetricValue]) -> dict[str, MetricValue]:
    return {figure.name: figure for figure in figures}


@pytest.mark.parametrize("modality", SPECS)
def test_every_card_gives_its_figure(modality: Modality) -> None:
    scored = inputs(modality)
    figures = by_name(score(METRIC_CARDS, scored))
    expected = {
        card.name: card
        for card in METRIC_CARDS
        if modality in card.modalities
        and card.factory
        and (modality == "points" or not card.requires_truth)
        and (scored.spec.is_discrete or card.name != "train_on_samples_bits_per_dim")
        and not card.factory.endswith("score_class_balance")  # of extractors with a head
        and not card.extractors  # of the features of one network alone
        and card not in CONDITIONAL_CARDS  # of models that take labels or complete: test_completion
    }
    assert figures.keys() == expected.keys()
    for name, card in expected.items():
        figure = figures[name]
        assert figure.value is not None, figure.note
        assert (figure.unit, figure.better, figure.n) == (card.unit, card.better, 100)
        assert figure.extractor == (scored.extractor.identity if card.extractor else None)
        assert figure.dimension == scored.spec.dimension
        assert figure.stderr is not None, name
    assert {figures[name].k for name in ("precision", "recall", "density", "coverage")} == {5}
    assert (figures["vendi_score"].real or 0) > 1
    assert figures["copied_share"].real == copied_share(scored.reference, scored.train.tensor())


@pytest.mark.parametrize("modality", SPECS)
@pytest.mark.parametrize("side", ["samples", "reference", "train"])
@pytest.mark.parametrize("count", [0, 1, 3, 5])
def test_too_few_examples_are_a_note_and_never_an_exception(
    modality: Modality, side: str, count: int
) -> None:
    scored = inputs(modality, **{side: count})
    for factory in dict.fromkeys(card.factory for card in METRIC_CARDS if modality in card.modalities):
        if factory is None or (modality != "points" and factory.endswith("score_truth")):
            continue
        for figure in load_factory(factory)(scored):
            assert figure.value is not None or figure.note is not None
            if figure.name == "precision" and side != "train":
                assert figure.value is None
                assert figure.note is not None
                assert f"{count} {'samples' if side == 'samples' else 'reference examples'}" in figure.note
                assert "needs at least 6" in figure.note


def test_samples_that_are_not_finite_are_a_note() -> None:
    scored = inputs("points")
    scored.samples[3, 1] = torch.nan
    for name, figure in by_name(score(METRIC_CARDS, scored)).items():
        if name not in ("modes_covered", "high_quality_share", "copied_share"):
            assert figure.value is None
            assert figure.note is not None


def test_series_that_never_vary_have_a_note() -> None:
    scored = inputs("series")
    scored.samples[..., 1] = 0.0
    figures = by_name(score(METRIC_CARDS, scored))
    assert (
        figures["autocorrelation_difference"].note
        == "a channel of the samples never varies: no autocorrelation"
    )
    assert figures["marginal_difference"].value is not None


def test_the_same_inputs_score_the_same() -> None:
    assert score(METRIC_CARDS, inputs("image")) == score(METRIC_CARDS, inputs("image"))


def test_cards_are_well_formed() -> None:
    names = [card.name for card in METRIC_CARDS]
    assert len(set(names)) == len(names)
    assert {card.name for card in METRIC_CARDS if card.factory is None} == MEASURED_BY_WORKER
    for card in (*METRIC_CARDS, *EXTRACTOR_CARDS):
        if card.factory is not None:
            assert callable(load_factory(card.factory))


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("genbench.metrics.two_sample", ("torchmetrics", "sklearn", "scipy")),
        ("genbench.metrics.cards", ("torch", "numpy")),
        ("genbench.features.cards", ("torch", "numpy")),
        ("genbench.metrics.neighbours", ("torchmetrics", "sklearn", "scipy")),
    ],
)
def test_imports_stay_light(module: str, absent: tuple[str, ...]) -> None:
    code = f"import {module}, sys; print([name for name in {absent!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
