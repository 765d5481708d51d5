"""DINOv2's class token (Oquab et al. 2023) as features, which Stein et al. (2023) propose for judging images.

The network comes from transformers, which needs no torchvision for it. Its weights are read from a folder with
config.json and model.safetensors.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from genbench.api.data import Dataset
from genbench.api.spec import DataSpec
from genbench.errors import FeatureError
from genbench.features.colour import eight_bit_colour
from genbench.features.extractor import Extractor, recipe_hash
from genbench.features.optional import check_dinov2, dinov2_folder
from genbench.util.checksums import checksum_of

SIZE = 224
_VERSION = 1
_CHUNK = 16
# mean and standard deviation of red, green and blue in ImageNet
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def dinov2(dataset: Dataset) -> Extractor:
    """The extractor "dinov2". Raises FeatureError where it cannot be used here."""
    if (obstacle := check_dinov2()) is not None:
        raise FeatureError(obstacle)
    return dinov2_from(dinov2_folder(), dataset.spec)


def dinov2_from(folder: Path, spec: DataSpec) -> Extractor:
    """The extractor with the weights in that folder, whose SHA-256 enters its hash. Raises FeatureError."""
    from transformers import Dinov2Model

    try:
        network = Dinov2Model.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    except Exception as error:
        reason = (str(error).strip().splitlines() or [""])[0]
        raise FeatureError(f"extractor dinov2: {folder}: {type(error).__name__}: {reason}") from error
    network.eval().requires_grad_(False)
    digest = int(checksum_of(folder / "model.safetensors", "sha256").digest[:12], 16)
    identity = recipe_hash("dinov2", _VERSION, spec, weights=digest)
    return Extractor("dinov2", identity, partial(_features, network=network, spec=spec))


def _features(x: Tensor, network: Any, spec: DataSpec) -> Float[Tensor, "batch dim"]:
    mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (_MEAN, _STD))
    parts = []
    with torch.inference_mode():
        for chunk in x.split(_CHUNK):
            colour = eight_bit_colour(chunk, spec).float() / 255
            large = F.interpolate(colour, (SIZE, SIZE), mode="bicubic", antialias=True).clamp(0, 1)
            parts.append(network(pixel_values=(large - mean) / std).last_hidden_state[:, 0])
    return torch.cat(parts) if parts else torch.zeros(0, network.config.hidden_size)
