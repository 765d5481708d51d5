"""How many coordinates the code of a deterministic autoencoder has where the user names none."""

from __future__ import annotations

from genbench import DataSpec

_USUAL = 8


def code_size(spec: DataSpec, latent_dim: int | None) -> int:
    """`latent_dim` where it is given; otherwise 8, and for points no more than they have coordinates.

    Codes of a plane are a surface among eight coordinates, however their shares match the prior, and draws from the
    prior fall beside it (Rubenstein, Schoelkopf & Tolstikhin 2018, https://arxiv.org/abs/1802.03761).
    """
    if latent_dim is not None:
        return latent_dim
    return min(_USUAL, spec.dimension) if spec.modality == "points" else _USUAL
