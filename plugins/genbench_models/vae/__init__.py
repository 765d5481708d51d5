"""Variational autoencoders; see the cards."""

from __future__ import annotations

from genbench import ModelCard

CARDS: tuple[ModelCard, ...] = (
    ModelCard(
        name="vae",
        family="vae",
        summary="variational autoencoder, MLP encoder and decoder",
        factory="genbench_models.vae.vae:VAE",
        modalities=("points", "image", "series", "pianoroll"),
        capabilities=("sample", "log_weights", "decode", "encode"),
        paper="https://arxiv.org/abs/1312.6114",
        year=2014,
        institution="Universiteit van Amsterdam",
        country="Netherlands",
        defaults={
            "latent_dim": 16,
            "hidden": 128,
            "layers": 3,
            "dropout": 0.1,
            "batch_size": 64,
            "learning_rate": 4e-3,
            "warm_up": 0.1,
        },
    ),
    ModelCard(
        name="conv-vae",
        family="vae",
        summary="variational autoencoder, convolutional encoder and decoder",
        factory="genbench_models.vae.conv_vae:ConvVAE",
        modalities=("image",),
        capabilities=("sample", "log_weights", "decode", "encode"),
        paper="https://arxiv.org/abs/1312.6114",
        year=2014,
        institution="Universiteit van Amsterdam",
        country="Netherlands",
        defaults={
            "latent_dim": 16,
            "width": 16,
            "hidden": 128,
            "batch_size": 32,
            "learning_rate": 4e-3,
            "warm_up": 0.1,
        },
    ),
)
