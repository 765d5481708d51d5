"""The Inception-v3 of the FID in the literature: torch-fidelity's network, with the weights converted from TensorFlow.

The package torch-fidelity imports torchvision for its other extractors. The module of this network needs only torch, so
it is imported without the package's `__init__`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from functools import partial
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from genbench.api.data import Dataset
from genbench.api.spec import DataSpec
from genbench.datasets.fetching import file_path
from genbench.errors import FeatureError
from genbench.features.colour import eight_bit_colour
from genbench.features.extractor import Extractor, recipe_hash
from genbench.features.optional import INCEPTION_WEIGHTS, check_inception

DIMENSION = 2048
_VERSION = 1
_CHUNK = 32
_PACKAGE = "torch_fidelity"


def inception(dataset: Dataset) -> Extractor:
    """The extractor "inception". Its classifier returns the 1,008 logits without their bias, as for Inception Scores.
    Raises FeatureError where it cannot be used here."""
    if (obstacle := check_inception()) is not None:
        raise FeatureError(obstacle)
    return inception_from(file_path(INCEPTION_WEIGHTS), dataset.spec, INCEPTION_WEIGHTS.checksum)


def inception_from(weights: Path, spec: DataSpec, sha256: str) -> Extractor:
    """The extractor with the weights of that file, whose SHA-256 enters its hash. Raises FeatureError."""
    try:
        # fails unless the file holds only tensors; torch-fidelity itself would unpickle anything
        torch.load(weights, weights_only=True)
        network = network_class()("inception-v3-compat", [str(DIMENSION)], str(weights))
    except Exception as error:
        reason = (str(error).strip().splitlines() or [""])[0]
        raise FeatureError(f"extractor inception: {weights}: {type(error).__name__}: {reason}") from error
    network.eval().requires_grad_(False)
    identity = recipe_hash("inception", _VERSION, spec, weights=int(sha256[:12], 16))
    return Extractor(
        "inception",
        identity,
        partial(_features, network=network, spec=spec),
        partial(_logits, network=network),
    )


def network_class() -> Any:
    """torch-fidelity's class of the network, imported without torchvision."""
    module = f"{_PACKAGE}.feature_extractor_inceptionv3"
    if module in sys.modules:
        return sys.modules[module].FeatureExtractorInceptionV3
    found = importlib.util.find_spec(_PACKAGE)
    assert found is not None
    assert found.submodule_search_locations is not None
    whole = sys.modules.get(_PACKAGE)
    bare = types.ModuleType(_PACKAGE)
    bare.__path__ = list(found.submodule_search_locations)
    before = set(sys.modules)
    sys.modules[_PACKAGE] = whole or bare
    try:
        return importlib.import_module(module).FeatureExtractorInceptionV3
    finally:
        if whole is None:  # so that a later import loads the whole package
            for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
                if name not in before:
                    del sys.modules[name]


def _features(x: Tensor, network: Any, spec: DataSpec) -> Float[Tensor, "batch dim"]:
    parts = []
    with torch.inference_mode():
        for chunk in x.split(_CHUNK):
            parts.append(network(eight_bit_colour(chunk, spec))[0])  # noqa: PERF401
    return torch.cat(parts) if parts else torch.zeros(0, DIMENSION)


def _logits(features: Tensor, network: Any) -> Float[Tensor, "batch classes"]:
    found: Tensor = features @ network.fc.weight.T
    return found
