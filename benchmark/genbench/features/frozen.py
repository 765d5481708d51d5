"""The frozen extractors: networks that were trained by the recipes of `genbench.features.recipes`, with their
weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from genbench.api.data import Dataset
from genbench.api.spec import DataSpec
from genbench.errors import FeatureError
from genbench.features.extractor import Extractor
from genbench.features.network import FeatureNetwork, network_hash
from genbench.features.recipes import WEIGHTS_FOLDER, read_weight_card, weights_obstacle, weights_path

_CHUNK = 256


def digits_cnn(dataset: Dataset) -> Extractor:
    """The extractor "digits-cnn"."""
    return load_frozen("digits-cnn", dataset.spec)


def mnist_cnn(dataset: Dataset) -> Extractor:
    """The extractor "mnist-cnn"."""
    return load_frozen("mnist-cnn", dataset.spec)


def fashion_cnn(dataset: Dataset) -> Extractor:
    """The extractor "fashion-cnn"."""
    return load_frozen("fashion-cnn", dataset.spec)


def load_frozen(name: str, spec: DataSpec, folder: Path = WEIGHTS_FOLDER) -> Extractor:
    """The extractor for images of `spec`. Raises FeatureError where the weights are not those of their card, and for
    images of another shape than they were trained on."""
    card = read_weight_card(name, folder)
    if spec.levels is None or spec.event_shape != card.recipe.image_shape:
        raise FeatureError(
            f"extractor {name}: takes levels of shape {card.recipe.image_shape}; {spec.name} has"
            f" {'real values' if spec.levels is None else 'levels'} of shape {spec.event_shape}"
        )
    if (obstacle := weights_obstacle(name, folder)) is not None:
        raise FeatureError(obstacle)
    content = weights_path(name, folder).read_bytes()
    try:
        weights = load(content)
        network = FeatureNetwork(card.recipe)
        network.load_state_dict({key: tensor.float() for key, tensor in weights.items()})
    except (SafetensorError, RuntimeError) as error:
        digest = hashlib.sha256(content).hexdigest()[:12]
        reason = str(error).splitlines()[0]
        raise FeatureError(f"extractor {name}: weights {digest} do not fit its recipe: {reason}") from None
    found = network_hash(card.recipe, weights)
    if found != card.hash:
        raise FeatureError(
            f"extractor {name}: its weights have hash {found}, its card records {card.hash}; refused"
        )
    network.eval().requires_grad_(False)
    nn.utils.convert_conv2d_weight_memory_format(network, torch.channels_last)
    return Extractor(name, card.hash, _Features(network, spec.levels), network.logits)


class _Features:
    """Computes features of a chunk of images at a time, so that memory does not grow with N."""

    def __init__(self, network: FeatureNetwork, levels: int) -> None:
        self.network = network
        self.levels = levels

    def __call__(self, x: Tensor) -> Float[Tensor, "batch dim"]:
        parts = []
        with torch.inference_mode():
            for chunk in x.split(_CHUNK):
                pixels = chunk.float() / (self.levels - 1)
                parts.append(self.network.features(pixels.contiguous(memory_format=torch.channels_last)))
        # outside inference mode, whose tensors cannot be trained on
        return torch.cat(parts) if parts else torch.zeros(0, self.network.recipe.dimension)
