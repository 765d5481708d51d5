"""Hybrids of two families; see the cards."""

from __future__ import annotations

from genbench import ModelCard

CARDS: tuple[ModelCard, ...] = (
    ModelCard(
        name="vae-gan",
        family="hybrid",
        summary="a VAE's decoder is a GAN's generator; reconstructions are judged by the discriminator's features",
        factory="genbench_models.hybrid.vae_gan:VAEGAN",
        modalities=("points", "image", "series", "pianoroll"),
        capabilities=("sample", "decode", "encode"),
        paper="https://arxiv.org/abs/1512.09300",
        year=2016,
        institution="Technical University of Denmark, Twitter",
        country="Denmark",
        defaults={
            "architecture": "auto",
            "latent_dim": 16,
            "hidden": 128,
            "layers": 2,
            "width": 32,
            "gamma": 0.1,
            "batch_size": 32,
            "learning_rate": 1e-3,
            "beta1": 0.5,
        },
    ),
    ModelCard(
        name="aae",
        family="hybrid",
        summary="adversarial autoencoder: a discriminator pulls the codes to the prior",
        factory="genbench_models.hybrid.adversarial_autoencoder:AdversarialAutoencoder",
        modalities=("points", "image", "series", "pianoroll"),
        capabilities=("sample", "decode", "encode"),
        paper="https://arxiv.org/abs/1511.05644",
        year=2016,
        institution="University of Toronto, Google Brain",
        country="Canada, United States",
        defaults={
            "architecture": "auto",
            "latent_dim": None,
            "hidden": 128,
            "layers": 2,
            "width": 32,
            "batch_size": 64,
            "learning_rate": 1e-3,
            "adversarial_rate": 2e-3,
            "beta1": 0.5,
        },
    ),
)
