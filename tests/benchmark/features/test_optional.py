"""Inception-v3, DINOv2 and CLIP: through their libraries where these are installed, on weights made at random."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from genbench.api.spec import DataSpec
from genbench.datasets.fetching import file_path
from genbench.errors import FeatureError, UsageError
from genbench.features import optional
from genbench.features.clip import clip_from
from genbench.features.colour import eight_bit_colour
from genbench.features.dinov2 import dinov2_from
from genbench.features.inception import inception_from, network_class
from genbench.plugin.discovery import load_registry
from genbench.runner.planning import Request, make_plan
from genbench.runner.suite import load_suite

GREY = DataSpec(name="toy", modality="image", event_shape=(1, 8, 8), levels=17)
FIDELITY = pytest.mark.skipif(
    importlib.util.find_spec("torch_fidelity") is None, reason="torch-fidelity is not installed"
)
TRANSFORMERS = pytest.mark.skipif(
    importlib.util.find_spec("transformers") is None, reason="transformers is not installed"
)


def grey(count: int) -> torch.Tensor:
    return torch.randint(17, (count, 1, 8, 8), generator=torch.Generator().manual_seed(0))


def present(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: (
            object()
            if name in packages
            else None
            if name in ("torch_fidelity", "transformers")
            else find(name)
        ),
    )


def test_colour_keeps_eight_bits_and_repeats_grey() -> None:
    colour = DataSpec(name="c", modality="image", event_shape=(3, 2, 2), levels=256)
    x = torch.randint(256, (4, 3, 2, 2))
    assert torch.equal(eight_bit_colour(x, colour).long(), x)
    found = eight_bit_colour(torch.full((1, 1, 8, 8), 16), GREY)
    assert found.shape == (1, 3, 8, 8)
    assert found.unique().tolist() == [255]


def test_what_is_missing_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path))
    present(monkeypatch)
    assert "pip install 'genbench[inception]'" in (optional.check_inception() or "")
    assert "pip install 'genbench[dinov2]'" in (optional.check_dinov2() or "")
    present(monkeypatch, "torch_fidelity", "transformers")
    weights = file_path(optional.INCEPTION_WEIGHTS)
    assert f"at {weights}" in (optional.check_inception() or "")
    assert f"into {optional.dinov2_folder()}" in (optional.check_dinov2() or "")
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"not the weights")
    assert "is not the published file" in (optional.check_inception() or "")


def test_planning_refuses_what_cannot_be_used_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path))
    present(monkeypatch)
    request = Request(
        suite=load_suite("quick"), models=("noise",), datasets=("digits",), extractor="inception"
    )
    with pytest.raises(UsageError, match="needs torch-fidelity"):
        make_plan(request, load_registry(), [])


@FIDELITY
def test_inception_on_random_weights(tmp_path: Path) -> None:
    network = network_class()
    assert "torchvision" not in sys.modules
    torch.manual_seed(0)
    made = network.__new__(network)  # its initialiser insists on weights
    path = tmp_path / "weights.pth"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "load", lambda *_, **__: {})
        patch.setattr(network, "load_state_dict", lambda *_: None)
        made.__init__("any", ["2048"], "any")
    torch.save(made.state_dict(), path)
    extractor = inception_from(path, GREY, "ab" * 32)
    features = extractor(grey(3))
    assert features.shape == (3, 2048)
    torch.testing.assert_close(features[1:2], extractor(grey(3)[1:2]), rtol=1e-4, atol=1e-5)
    logits = extractor.logits(features)
    assert logits is not None
    assert logits.shape == (3, 1008)
    assert inception_from(path, GREY, "cd" * 32).hash != extractor.hash
    path.write_bytes(b"no")
    with pytest.raises(FeatureError, match="extractor inception: ") as caught:
        inception_from(path, GREY, "ab" * 32)
    assert "\n" not in str(caught.value)


@TRANSFORMERS
def test_dinov2_on_random_weights(tmp_path: Path) -> None:
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    config = Dinov2Config(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=518, patch_size=14
    )
    Dinov2Model(config).save_pretrained(tmp_path)
    extractor = dinov2_from(tmp_path, GREY)
    features = extractor(grey(3))
    assert features.shape == (3, 24)
    torch.testing.assert_close(features[1:2], extractor(grey(3)[1:2]), rtol=1e-4, atol=1e-5)
    (tmp_path / "model.safetensors").write_bytes(b"no")
    with pytest.raises(FeatureError, match="extractor dinov2: ") as caught:
        dinov2_from(tmp_path, GREY)
    assert "\n" not in str(caught.value)


@TRANSFORMERS
def test_clip_on_random_weights(tmp_path: Path) -> None:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(0)
    config = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=28,
        patch_size=14,
        projection_dim=12,
    )
    CLIPVisionModelWithProjection(config).save_pretrained(tmp_path)
    features = clip_from(tmp_path, GREY)(grey(3))
    assert features.shape == (3, 12)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(3))
    (tmp_path / "model.safetensors").write_bytes(b"no")
    with pytest.raises(FeatureError, match="extractor clip: "):
        clip_from(tmp_path, GREY)
