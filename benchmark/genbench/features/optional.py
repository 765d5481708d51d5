"""Whether extractors can be used on this machine: packages and weights. No torch here, since planning asks."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from genbench.api.cards import RemoteFile
from genbench.datasets.fetching import file_path
from genbench.features.recipes import weights_obstacle
from genbench.util.cache_folder import cache_folder
from genbench.util.checksums import checksum_of

INCEPTION_WEIGHTS = RemoteFile(
    name="extractors/weights-inception-2015-12-05-6726825d.pth",
    checksum="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    size_bytes=95_628_359,
    addresses=(
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    ),
)


def dinov2_folder() -> Path:
    """The folder in which config.json and model.safetensors of a DINOv2 are expected."""
    return cache_folder() / "files" / "extractors" / "dinov2"


def check_digits_cnn() -> str | None:
    """Why the extractor "digits-cnn" cannot be used; None where it can."""
    return weights_obstacle("digits-cnn")


def check_mnist_cnn() -> str | None:
    """Why the extractor "mnist-cnn" cannot be used; None where it can."""
    return weights_obstacle("mnist-cnn")


def check_fashion_cnn() -> str | None:
    """Why the extractor "fashion-cnn" cannot be used; None where it can."""
    return weights_obstacle("fashion-cnn")


def check_inception() -> str | None:
    """One line that says what to install, or which file to put where; None where nothing is missing."""
    if importlib.util.find_spec("torch_fidelity") is None:
        return "extractor inception: needs torch-fidelity; pip install 'genbench[inception]'"
    path = file_path(INCEPTION_WEIGHTS)
    if not path.exists():
        return f"extractor inception: no weights; put {INCEPTION_WEIGHTS.addresses[0]} at {path}"
    if checksum_of(path, "sha256").digest != INCEPTION_WEIGHTS.checksum:
        return f"extractor inception: {path} is not the published file (sha256 6726825d...); refused"
    return None


def clip_folder() -> Path:
    """The folder in which config.json and model.safetensors of a CLIP are expected."""
    return cache_folder() / "files" / "extractors" / "clip"


def check_dinov2() -> str | None:
    """One line that says what to install, or which files to put where; None where nothing is missing. Any size of
    DINOv2 can be used: sizes have different hashes."""
    return _missing("dinov2", dinov2_folder(), "https://huggingface.co/facebook/dinov2-large")


def check_clip() -> str | None:
    """As `check_dinov2`, for CLIP. CMMD is published with ViT-L/14 at 336 pixels."""
    return _missing("clip", clip_folder(), "https://huggingface.co/openai/clip-vit-large-patch14-336")


def _missing(name: str, folder: Path, source: str) -> str | None:
    if importlib.util.find_spec("transformers") is None:
        return f"extractor {name}: needs transformers; pip install 'genbench[{name}]'"
    missing = [file for file in ("config.json", "model.safetensors") if not (folder / file).exists()]
    return f"extractor {name}: put {' and '.join(missing)} of {source} into {folder}" if missing else None
