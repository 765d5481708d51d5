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
    ),
)
