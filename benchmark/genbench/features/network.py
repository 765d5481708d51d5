"""The network of the frozen extractors: convolutions, then features, then classes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from genbench.features.recipes import Recipe

_VERSION = 1
"""Version of the network and of the preprocessing, which scales levels to [0, 1]."""


class FeatureNetwork(nn.Module):
    """Images (C, H, W) -> D features -> K classes. The features are the output of a linear layer; the classifier
    rectifies them.

    normalised: with batch normalisation, as in training; `folded` removes it.
    """

    def __init__(self, recipe: Recipe, *, normalised: bool = False) -> None:
        super().__init__()
        self.recipe = recipe
        channels, height, width = recipe.image_shape
        self.convolutions = nn.ModuleList()
        self.norms = nn.ModuleList()
        for layer in recipe.layers:
            self.convolutions.append(nn.Conv2d(channels, layer.channels, 3, padding=1, bias=not normalised))
            self.norms.append(nn.BatchNorm2d(layer.channels) if normalised else nn.Identity())
            channels = layer.channels
            if layer.halved:
                height, width = -(-height // 2), -(-width // 2)
        self.embedding = nn.Linear(channels * height * width, recipe.dimension)
        self.head = nn.Linear(recipe.dimension, recipe.classes)

    def features(self, x: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch dim"]:
        """Features of images with values in [0, 1]."""
        for layer, convolution, norm in zip(self.recipe.layers, self.convolutions, self.norms, strict=True):
            x = F.relu(norm(convolution(x)))
            if layer.halved:
                x = F.max_pool2d(x, 2, ceil_mode=True)
        embedded: Tensor = self.embedding(x.flatten(1))
        return embedded

    def logits(self, features: Float[Tensor, "batch dim"]) -> Float[Tensor, "batch classes"]:
        """Logits of the classes."""
        found: Tensor = self.head(F.relu(features))
        return found

    def folded(self) -> FeatureNetwork:
        """A network of equal outputs without batch normalisation, which is folded into the convolutions."""
        plain = FeatureNetwork(self.recipe)
        for index, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            assert isinstance(convolution, nn.Conv2d)
            assert isinstance(norm, nn.BatchNorm2d)
            plain.convolutions[index] = fuse_conv_bn_eval(convolution.eval(), norm.eval())
        plain.embedding.load_state_dict(self.embedding.state_dict())
        plain.head.load_state_dict(self.head.state_dict())
        return plain.eval()


def network_hash(recipe: Recipe, weights: Mapping[str, Tensor]) -> str:
    """A hash of everything that the map depends on: the network's form, the preprocessing and the stored weights, but
    not how they were trained. 12 hexadecimal digits."""
    form = (_VERSION, recipe.image_shape, recipe.layers, recipe.dimension, recipe.classes)
    digest = hashlib.sha256(msgspec.json.encode(form))
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]
