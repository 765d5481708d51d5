"""Baselines: what every table is calibrated by; see the cards."""

from __future__ import annotations

from genbench import ModelCard
from genbench.api import MODALITIES

CARDS: tuple[ModelCard, ...] = (
    ModelCard(
        name="held-out",
        family="baseline",
        summary="real data that the scorer has not seen: the floor of every distance",
        factory="genbench_models.baselines.held_out:HeldOut",
        modalities=MODALITIES,
        capabilities=("sample", "complete", "lengths"),
        requires_validation=True,
    ),
    ModelCard(
        name="copier",
        family="baseline",
        summary="the training set, copied: what memorisation looks like",
        factory="genbench_models.baselines.copier:Copier",
        modalities=MODALITIES,
        capabilities=("sample", "complete", "lengths"),
    ),
    ModelCard(
        name="marginals",
        family="baseline",
        summary="each dimension by itself, as often as in the data",
        factory="genbench_models.baselines.marginals:Marginals",
        modalities=MODALITIES,
        capabilities=("sample", "log_prob", "complete", "missing_log_prob", "lengths"),
    ),
    ModelCard(
        name="noise",
        family="baseline",
        summary="uniform noise: a model no better has learned nothing",
        factory="genbench_models.baselines.noise:Noise",
        modalities=MODALITIES,
        capabilities=("sample", "log_prob", "complete", "missing_log_prob", "lengths"),
    ),
    ModelCard(
        name="word-by-word",
        family="baseline",
        summary="each step of a translation by the step of the source at the same place, as most often in training",
        factory="genbench_models.baselines.word_by_word:WordByWord",
        modalities=("tokens",),
        capabilities=("sample", "log_prob", "translate"),
        requires_source=True,
    ),
    ModelCard(
        name="gaussian-mixture",
        family="baseline",
        summary="Gaussian mixture by expectation maximisation",
        factory="genbench_models.baselines.gaussian_mixture:GaussianMixture",
        modalities=("points", "image", "series"),
        capabilities=("sample", "log_prob"),
        paper="https://www.jstor.org/stable/2984875",
        year=1977,
        institution="Harvard University, Educational Testing Service",
        country="United States",
    ),
)
