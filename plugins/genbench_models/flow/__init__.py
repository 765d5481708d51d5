"""Normalising flows; see the cards."""

from __future__ import annotations

from genbench import ModelCard

CARDS: tuple[ModelCard, ...] = (
    ModelCard(
        name="realnvp",
        family="flow",
        summary="affine coupling flow, multi-scale on images, by zuko elsewhere",
        factory="genbench_models.flow.normalizing_flow:RealNVP",
        modalities=("points", "image", "series"),
        capabilities=("sample", "log_density"),
        least_dimension=2,
        paper="https://arxiv.org/abs/1605.08803",
        year=2017,
        institution="Université de Montréal, Google Brain",
        country="Canada, United States",
    ),
    ModelCard(
        name="glow",
        family="flow",
        summary="multi-scale coupling flow with invertible 1x1 convolutions",
        factory="genbench_models.flow.glow:Glow",
        modalities=("image",),
        capabilities=("sample", "log_density"),
        least_side=8,
        paper="https://arxiv.org/abs/1807.03039",
        year=2018,
        institution="OpenAI",
        country="United States",
    ),
    ModelCard(
        name="maf",
        family="flow",
        summary="masked autoregressive flow (by zuko)",
        factory="genbench_models.flow.normalizing_flow:MAF",
        modalities=("points", "image", "series"),
        capabilities=("sample", "log_density"),
        least_dimension=2,
        paper="https://arxiv.org/abs/1705.07057",
        year=2017,
        institution="University of Edinburgh",
        country="United Kingdom",
    ),
    ModelCard(
        name="spline-flow",
        family="flow",
        summary="coupling flow of rational-quadratic splines",
        factory="genbench_models.flow.spline_flow:NeuralSplineFlow",
        modalities=("points", "image", "series"),
        capabilities=("sample", "log_density"),
        least_dimension=2,
        paper="https://arxiv.org/abs/1906.04032",
        year=2019,
        institution="University of Edinburgh",
        country="United Kingdom",
    ),
)
