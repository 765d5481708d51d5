"""How many coordinates the code of a deterministic autoencoder has where the user names none."""

from __future__ import annotations

from genbench import DataSpec

_DEFAULT = 8


def code_size(spec: DataSpec, latent_dim: int | None) -> int:
    """`latent_dim` where it is given; otherwise 8, and for points no more than they have coordinates.

    The codes of a plane would be a surface in eight dimensions, however well they match the prior, and draws from the
    prior would miss that surface (Rubenstein, Schoelkopf & Tolstikhin 2018, https://arxiv.org/abs/1802.03761).
    """
    if latent_dim is not None:
        return latent_dim
    return min(_DEFAULT, spec.dimension) if spec.modality == "points" else _DEFAULT
