"""Sampling with caches against the whole network for every element, as ratios within one run."""

from __future__ import annotations

import time

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from genbench import DataSpec
from genbench_models.autoregressive.pixelcnn import PixelCNN


@pytest.mark.benchmark(group="autoregressive sampling")
def test_pixelcnn_keeps_what_it_computed(benchmark: BenchmarkFixture) -> None:
    """64 images of 28x28: at least five times faster than a pass over the image for every pixel."""
    spec = DataSpec(name="image", modality="image", event_shape=(1, 28, 28), levels=256)
    model = PixelCNN(spec).eval()
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(64, 1, 28, 28)
    model.sample(2, generator)

    benchmark.pedantic(lambda: model.sample(64, generator), rounds=3)
    with torch.no_grad():
        model.outputs(y)
        began = time.perf_counter()
        for _ in range(3):
            model.outputs(y)
        one_pass = (time.perf_counter() - began) / 3
    ratio = one_pass * spec.dimension / benchmark.stats.stats.min
    benchmark.extra_info["times_faster"] = ratio
    assert ratio > 5
