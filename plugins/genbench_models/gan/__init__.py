"""Generative adversarial networks; see the cards."""

from __future__ import annotations

from genbench import ModelCard

CARDS: tuple[ModelCard, ...] = (
    ModelCard(
        name="gan",
        family="gan",
        summary="non-saturating GAN, MLP generator and discriminator",
        factory="genbench_models.gan.gan:GAN",
        modalities=("points", "image", "series", "pianoroll"),
        capabilities=("sample", "decode"),
        paper="https://arxiv.org/abs/1406.2661",
        year=2014,
        institution="Université de Montréal",
        country="Canada",
        defaults={
            "latent_dim": 16,
            "hidden": 128,
            "layers": 2,
            "batch_size": 64,
            "learning_rate": 2e-3,
            "beta1": 0.5,
        },
    ),
    ModelCard(
        name="dcgan",
        family="gan",
        summary="non-saturating GAN, convolutional with batch normalisation",
        factory="genbench_models.gan.dcgan:DCGAN",
        modalities=("image",),
        capabilities=("sample", "decode"),
        paper="https://arxiv.org/abs/1511.06434",
        year=2016,
        institution="indico Research, Facebook AI Research",
        country="United States",
        defaults={
            "latent_dim": 64,
            "width": 32,
            "batch_size": 32,
            "learning_rate": 1e-3,
            "beta1": 0.5,
        },
    ),
    ModelCard(
        name="wgan-gp",
        family="gan",
        summary="Wasserstein GAN with gradient penalty, MLP generator and critic",
        factory="genbench_models.gan.wgan_gp:WGANGP",
        modalities=("points", "image", "series", "pianoroll"),
        capabilities=("sample", "decode"),
        paper="https://arxiv.org/abs/1704.00028",
        year=2017,
        institution="Université de Montréal, Courant Institute",
        country="Canada, United States",
        defaults={
            "latent_dim": 16,
            "hidden": 128,
            "layers": 2,
            "penalty": None,
            "n_critic": 5,
            "batch_size": 64,
            "learning_rate": 2e-3,
            "beta1": 0.5,
            "beta2": 0.9,
        },
    ),
)
