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
        capabilities=("sample", "energy", "complete", "encode", "sampling_steps"),
        # CD-k: Hinton 2002; PCD: Tieleman 2008
        paper="https://doi.org/10.1162/089976602760128018",
        year=2002,
        institution="University College London",
        country="United Kingdom",
    ),
    ModelCard(
        name="dbm",
        family="energy",
        summary="deep Boltzmann machine of two hidden layers, centred and trained at once",
        factory="genbench_models.energy.dbm:DBM",
        modalities=("points", "image", "series", "tokens", "pianoroll"),
        # mean field bounds log f from below, annealing estimates log Z: no kind of likelihood is made of the two
        capabilities=("sample", "complete", "encode", "sampling_steps"),
        paper="https://proceedings.mlr.press/v5/salakhutdinov09a.html",
        year=2009,
        institution="University of Toronto",
        country="Canada",
    ),
)
