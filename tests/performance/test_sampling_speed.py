"""Sampling with caches against the whole network for every element, as ratios within one run."""

from __future__ import annotations

import time

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from genbench import DataSpec
from genbench_models.autoregressive.pixelcnn import PixelCNN
from genbench_models.autoregressive.sequences.gpt import GPT
from genbench_models.autoregressive.sequences.sequence_model import Steps


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


@pytest.mark.benchmark(group="autoregressive sampling")
def test_gpt_keeps_keys_and_values(benchmark: BenchmarkFixture) -> None:
    """64 images of 28x28: at least five times faster than a pass over all that comes before, for every pixel."""
    spec = DataSpec(name="image", modality="image", event_shape=(1, 28, 28), levels=2)
    model = GPT(spec).eval()
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(2, (64, spec.dimension), generator=generator)
    y = 2.0 * x - 1
    model.sample(1, generator)

    benchmark.pedantic(lambda: model.sample(64, generator), rounds=2)
    naive = 0.0
    pieces = 8
    with torch.no_grad():
        for piece in range(
            pieces
        ):  # the time of a prefix grows smoothly: those in the middle of eighths stand for all
            length = (2 * piece + 1) * spec.dimension // (2 * pieces)
            began = time.perf_counter()
            model.outputs(Steps(x[:, :length, None], y[:, :length, None]))
            naive += (time.perf_counter() - began) * spec.dimension / pieces
    ratio = naive / benchmark.stats.stats.min
    benchmark.extra_info["times_faster"] = ratio
    assert ratio > 5


@torch.no_grad()
def test_gpt_says_the_same_of_every_pixel_of_28x28_with_its_cache() -> None:
    """Step by step, told the pixels in turn, as in one pass over the image."""
    spec = DataSpec(name="image", modality="image", event_shape=(1, 28, 28), levels=2)
    torch.manual_seed(0)
    model = GPT(spec).eval()
    for parameter in model.parameters():
        parameter.add_(0.05 * torch.randn_like(parameter))
    x = torch.randint(2, (2, spec.dimension))
    y = 2.0 * x - 1
    whole = model.outputs(Steps(x.unsqueeze(2), y.unsqueeze(2)))[:, :, 0]
    step = model.walk(2)
    told = model._start(2, None)
    for i in range(spec.dimension):
        state = step(told + model.place_in.weight[i])
        said = model.within.base(state)[:, 0]
        torch.testing.assert_close(said, whole[:, i], atol=1e-4, rtol=1e-4)
        told = model._embed(Steps(x[:, i : i + 1, None], y[:, i : i + 1, None]))


@pytest.mark.benchmark(group="autoregressive sampling")
@torch.no_grad()
def test_gpt_draws_512_tokens_ten_times_as_fast_as_by_reading_the_prefix_anew(
    benchmark: BenchmarkFixture, request: pytest.FixtureRequest
) -> None:
    """And they are the same tokens. On one thread, as a job of a suite has it: with more, the prefix is read by several
    cores, and one token still by one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    request.addfinalizer(lambda: torch.set_num_threads(threads))
    spec = DataSpec(name="text", modality="tokens", event_shape=(512,), levels=65)
    torch.manual_seed(0)
    model = GPT(spec).eval()
    for parameter in model.parameters():
        parameter.add_(0.05 * torch.randn_like(parameter))
    count = 8

    cached = benchmark.pedantic(
        lambda: model.sample(count, torch.Generator().manual_seed(1)), rounds=2, warmup_rounds=1
    )
    generator = torch.Generator().manual_seed(1)
    x = torch.zeros(count, 512, dtype=torch.int64)
    began = time.perf_counter()
    for t in range(512):
        outputs = model.outputs(model.read(x[:, : t + 1]))[:, t, 0]
        x[:, t] = model.conditional.sample(outputs, generator)
    ratio = (time.perf_counter() - began) / benchmark.stats.stats.min
    assert torch.equal(cached, x)
    benchmark.extra_info["times_faster"] = ratio
    assert ratio > 10
