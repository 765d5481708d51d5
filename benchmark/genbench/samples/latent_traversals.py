"""What a model is like inside, in small arrays that pictures are made of: never scored.

traversals      (dims, steps, *event): one latent of an encoded example moved, the others kept; the dims along which
                the encodings of held-out examples vary most, from -2 to 2 of their standard deviations about the mean
interpolations  (pairs, steps, *event): decoded from the straight line between the encodings of two examples
entropy         (n, *event) nats: how unsure the model is of each number before it sees it
examples        (n, *event): the held-out examples that it is about
"""

from __future__ import annotations

import traceback

import torch
from torch import Tensor

from genbench.api.data import storage_dtype
from genbench.api.model import Encodes, GenerativeModel, HasDecoder, HasPredictiveEntropy
from genbench.util.tensor_files import TensorFile

_ENCODED = 64
_DIMENSIONS, _TRAVERSAL_STEPS, _WIDEST = 6, 7, 2.0
_PAIRS, _INTERPOLATION_STEPS = 4, 8
_ENTROPIES = 8


def compute_latent_traversals(
    model: GenerativeModel, reference: Tensor, device: torch.device
) -> TensorFile | None:
    """reference: (M, *event_shape) held-out examples, the working dtype. None where there is nothing to see; what a
    plugin raises is kept as a word. The model is in evaluation mode."""
    tensors: dict[str, Tensor] = {}
    words: dict[str, str] = {}
    x = reference[:_ENCODED].to(device)
    with torch.no_grad():
        try:
            if isinstance(model, HasDecoder) and isinstance(model, Encodes) and len(x) > 1:
                z = model.encode(x)
                tensors |= {"traversals": traversals(model, z), "interpolations": interpolations(model, z)}
            if isinstance(model, HasPredictiveEntropy):
                tensors["entropy"] = model.predictive_entropy(x[:_ENTROPIES]).float()
        except Exception as error:  # a plugin's
            traceback.print_exc()
            words["reason"] = f"{type(error).__name__}: {error}"
    if not tensors and not words:
        return None
    tensors["examples"] = reference[: max(_ENTROPIES, 2 * _PAIRS)].to(storage_dtype(model.spec))
    return TensorFile(tensors, words)


def traversals(model: HasDecoder, z: Tensor) -> Tensor:
    """z: (N, *latent), encodings; the first is where it starts."""
    flat = z.flatten(1)
    spread, centre = flat.std(0), flat.mean(0)
    chosen = spread.argsort(descending=True)[:_DIMENSIONS]
    places = torch.linspace(-_WIDEST, _WIDEST, _TRAVERSAL_STEPS, device=z.device)
    moved = flat[0].repeat(len(chosen), _TRAVERSAL_STEPS, 1)
    for row, dimension in enumerate(chosen.tolist()):
        moved[row, :, dimension] = centre[dimension] + places * spread[dimension]
    return _decoded(model, moved, z)


def interpolations(model: HasDecoder, z: Tensor) -> Tensor:
    """Between the first and the second of z (N, *latent), the third and the fourth..."""
    pairs = min(_PAIRS, len(z) // 2)
    ends = z[: 2 * pairs].flatten(1).unflatten(0, (pairs, 2))
    share = torch.linspace(0, 1, _INTERPOLATION_STEPS, device=z.device).reshape(1, -1, 1)
    return _decoded(model, (1 - share) * ends[:, :1] + share * ends[:, 1:], z)


def _decoded(model: HasDecoder, flat: Tensor, like: Tensor) -> Tensor:
    decoded: Tensor = model.decode(flat.flatten(0, 1).reshape(-1, *like.shape[1:]))
    by_row: Tensor = decoded.float().unflatten(0, flat.shape[:2])
    return by_row
