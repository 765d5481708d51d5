"""CLIP's image embeddings (Radford et al. 2021), on which CMMD is defined (Jayasumana et al. 2024).

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
from genbench.features.optional import check_clip, clip_folder
from genbench.util.checksums import checksum_of

_VERSION = 1
_CHUNK = 16
# mean and standard deviation of red, green and blue in CLIP's training data
_MEAN, _STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def clip(dataset: Dataset) -> Extractor:
    """The extractor "clip". Raises FeatureError where it cannot be used here."""
    if (obstacle := check_clip()) is not None:
        raise FeatureError(obstacle)
    return clip_from(clip_folder(), dataset.spec)


def clip_from(folder: Path, spec: DataSpec) -> Extractor:
    """The extractor with the weights in that folder, whose SHA-256 enters its hash. Raises FeatureError."""
    from transformers import CLIPVisionModelWithProjection

    try:
        network = CLIPVisionModelWithProjection.from_pretrained(
            folder, local_files_only=True, use_safetensors=True
        )
    except Exception as error:
        reason = (str(error).strip().splitlines() or [""])[0]
        raise FeatureError(f"extractor clip: {folder}: {type(error).__name__}: {reason}") from error
    network.eval().requires_grad_(False)
    digest = int(checksum_of(folder / "model.safetensors", "sha256").digest[:12], 16)
    identity = recipe_hash("clip", _VERSION, spec, weights=digest)
    return Extractor("clip", identity, partial(_features, network=network, spec=spec))


def _features(x: Tensor, network: Any, spec: DataSpec) -> Float[Tensor, "batch dim"]:
    """Embeddings of length 1, of images that are resized to the network's size."""
    mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (_MEAN, _STD))
    size = int(network.config.image_size)
    parts = []
    with torch.inference_mode():
        for chunk in x.split(_CHUNK):
            colour = eight_bit_colour(chunk, spec).float() / 255
            resized = F.interpolate(colour, (size, size), mode="bicubic", antialias=True).clamp(0, 1)
            found = network(pixel_values=(resized - mean) / std).image_embeds
            parts.append(F.normalize(found, dim=1))
    return torch.cat(parts) if parts else torch.zeros(0, int(network.config.projection_dim))
