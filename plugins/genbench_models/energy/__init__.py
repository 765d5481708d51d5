"""Energy models; see the cards."""

from __future__ import annotations

from genbench import ModelCard

CARDS: tuple[ModelCard, ...] = (
    ModelCard(
        name="rbm",
        family="energy",
        summary="restricted Boltzmann machine, centred, persistent contrastive divergence",
        factory="genbench_models.energy.rbm:RBM",
        modalities=("points", "image", "series", "tokens", "pianoroll"),
        capabilities=("sample", "energy", "complete", "sampling_steps"),
        # CD-k: Hinton 2002; PCD: Tieleman 2008
        paper="https://doi.org/10.1162/089976602760128018",
        year=2002,
        institution="University College London",
        country="United Kingdom",
        defaults={
            "hidden": 256,
            "cd_steps": 1,
            "persistent": True,
            "chains": 100,
            "sweeps": 100,
            "batch_size": 64,
            "learning_rate": 0.05,
            "momentum": 0.5,
            "weight_decay": 1e-4,
        },
    ),
)
