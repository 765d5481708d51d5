"""What the model must be good for, and how fast: one short training in a worker, for all tests."""

import pytest
from mean_field.model import MeanField

SETTINGS = {"budget": "300steps", "samples": 500}


@pytest.fixture(scope="module")
def on_ring(genbench_run):
    return genbench_run(MeanField, "ring8", **SETTINGS)


def test_it_learns_mean_and_variance(on_ring):
    assert on_ring.ok, on_ring.reason
    on_ring.expect("frechet_distance", at_most=0.05, standard_errors=3)
    assert on_ring.cost.steps == 300


def test_it_is_no_worse_than_noise(on_ring, genbench_run):
    noise = genbench_run("noise", "ring8", **SETTINGS)
    on_ring.expect_no_worse_than(noise, "frechet_distance", standard_errors=2)


def test_its_speed(genbench_benchmark):
    genbench_benchmark(MeanField, "ring8", what="sample", count=64, **SETTINGS)
