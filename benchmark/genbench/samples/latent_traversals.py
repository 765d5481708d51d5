"""Tensors for pictures of a model's latent space and of its predictions. No metric is computed from them.

traversals      (dims, steps, *event): decoded latents. One dimension of an encoded example's latent varies from -2 to 2
                standard deviations about the mean, the others are fixed; the dimensions are those along which the
                encodings of held-out examples vary most
interpolations  (pairs, steps, *event): decoded latents on the straight line between the encodings of two examples
entropy         (n, *event) nats: the model's uncertainty about each number of an example before it is given
attention       (n, steps, steps): how much each step was looked at before another was known; of sequences
examples        (n, *event): the held-out examples
"""

from __future__ import annotations

import traceback

import torch
from torch import Tensor

from genbench.api.data import storage_dtype
from genbench.api.model import Encodes, GenerativeModel, HasAttention, HasDecoder, HasPredictiveEntropy
from genbench.util.tensor_files import TensorFile

_ENCODED = 64
_DIMENSIONS, _TRAVERSAL_STEPS, _WIDEST = 6, 7, 2.0
_PAIRS, _INTERPOLATION_STEPS = 4, 8
_ENTROPIES = 8


def compute_latent_traversals(
    model: GenerativeModel, reference: Tensor, device: torch.device
) -> TensorFile | None:
    """The tensors that the model's capabilities allow, or None where they allow none.

    model: in evaluation mode. reference: (M, *event_shape) held-out examples, in the working type. If the plugin raises
    an exception, it is stored as the text "reason".
    """
    tensors: dict[str, Tensor] = {}
    texts: dict[str, str] = {}
    x = reference[:_ENCODED].to(device)
    with torch.no_grad():
        try:
            if isinstance(model, HasDecoder) and isinstance(model, Encodes) and len(x) > 1:
                z = model.encode(x)
                tensors |= {"traversals": traversals(model, z), "interpolations": interpolations(model, z)}
            if isinstance(model, HasPredictiveEntropy):
                tensors["entropy"] = model.predictive_entropy(x[:_ENTROPIES]).float()
            if isinstance(model, HasAttention) and model.spec.is_sequence:
                tensors["attention"] = model.attention(x[:_ENTROPIES]).float()
        except Exception as error:  # a plugin's
            traceback.print_exc()
            texts["reason"] = f"{type(error).__name__}: {error}"
    if not tensors and not texts:
        return None
    tensors["examples"] = reference[: max(_ENTROPIES, 2 * _PAIRS)].to(storage_dtype(model.spec))
    return TensorFile(tensors, texts)


def traversals(model: HasDecoder, z: Tensor) -> Tensor:
    """Traversals of the latent z[0]. z: (N, *latent), encodings."""
    flat = z.flatten(1)
    spread, centre = flat.std(0), flat.mean(0)
    chosen = spread.argsort(descending=True)[:_DIMENSIONS]
    places = torch.linspace(-_WIDEST, _WIDEST, _TRAVERSAL_STEPS, device=z.device)
    moved = flat[0].repeat(len(chosen), _TRAVERSAL_STEPS, 1)
    for row, dimension in enumerate(chosen.tolist()):
        moved[row, :, dimension] = centre[dimension] + places * spread[dimension]
    return _decoded(model, moved, z)


def interpolations(model: HasDecoder, z: Tensor) -> Tensor:
    """Interpolations between the first and the second of z, the third and the fourth, and so on. z: (N, *latent)."""
    pairs = min(_PAIRS, len(z) // 2)
    ends = z[: 2 * pairs].flatten(1).unflatten(0, (pairs, 2))
    share = torch.linspace(0, 1, _INTERPOLATION_STEPS, device=z.device).reshape(1, -1, 1)
    return _decoded(model, (1 - share) * ends[:, :1] + share * ends[:, 1:], z)


def _decoded(model: HasDecoder, flat: Tensor, like: Tensor) -> Tensor:
    decoded: Tensor = model.decode(flat.flatten(0, 1).reshape(-1, *like.shape[1:]))
    by_row: Tensor = decoded.float().unflatten(0, flat.shape[:2])
    return by_row
