"""Diffusion models and their deterministic kin; see the cards."""

from __future__ import annotations

from genbench import ModelCard

CARDS: tuple[ModelCard, ...] = (
    ModelCard(
        name="ddpm",
        family="diffusion",
        summary="denoising diffusion, cosine schedule, U-Net on images and MLP elsewhere",
        factory="genbench_models.diffusion.ddpm:DDPM",
        modalities=("points", "image", "series", "pianoroll"),
        capabilities=("sample", "elbo", "sampling_steps"),
        paper="https://arxiv.org/abs/2006.11239",
        year=2020,
        institution="UC Berkeley",
        country="United States",
    ),
    ModelCard(
        name="flow-matching",
        family="diffusion",
        summary="flow matching along straight lines, with the exact likelihood of its ODE",
        factory="genbench_models.diffusion.flow_matching:FlowMatching",
        modalities=("points", "series"),
        capabilities=("sample", "log_prob", "sampling_steps"),
        discrete=False,
        paper="https://arxiv.org/abs/2210.02747",
        year=2023,
        institution="Meta AI, Weizmann Institute of Science",
        country="United States, Israel",
    ),
    ModelCard(
        name="image-flow-matching",
        family="diffusion",
        summary="flow matching along straight lines by a U-Net, without a likelihood",
        factory="genbench_models.diffusion.image_flow_matching:ImageFlowMatching",
        modalities=("image",),
        capabilities=("sample", "sampling_steps"),
        paper="https://arxiv.org/abs/2210.02747",
        year=2023,
        institution="Meta AI, Weizmann Institute of Science",
        country="United States, Israel",
    ),
    ModelCard(
        name="edm",
        family="diffusion",
        summary="preconditioned diffusion sampled by Heun's method, without a likelihood",
        factory="genbench_models.diffusion.edm:EDM",
        modalities=("points", "image", "series"),
        capabilities=("sample", "sampling_steps"),
        paper="https://arxiv.org/abs/2206.00364",
        year=2022,
        institution="NVIDIA, Aalto University",
        country="United States, Finland",
    ),
)
