"""Packing keeps modes: the claim of the PacGAN paper, at its 25 Gaussians and a scale that a test can afford."""

from __future__ import annotations

import pytest
import torch

from genbench import Budget, ComputeMeter
from genbench.metrics.truth import assign_to_modes, modes_covered
from genbench_datasets.embedded.points import grid25, grid25_truth
from genbench_models.gan.gan import GAN
from genbench_models.gan.pacgan import PacGAN

STEPS, SEEDS, SAMPLES = 10_000, 2, 2_000
# 128 scores a step on both sides: of examples, and of pairs of them.
SIZES = {"latent_dim": 2, "layers": 3, "learning_rate": 0.003}


def modes(model: GAN | PacGAN, seed: int) -> int:
    data, truth = grid25(), grid25_truth()
    model.fit(data.train, ComputeMeter(Budget(steps=STEPS), seed=seed, fractions=()))
    samples = model.eval().sample(SAMPLES, torch.Generator().manual_seed(seed))
    return modes_covered(assign_to_modes(samples, truth.modes, truth.mode_scale))


@pytest.mark.slow  # two minutes; ten seeds and their test: reports/published-runs/grid25-pacgan
@pytest.mark.timeout(1800)
def test_a_gan_loses_modes_of_which_packing_two_samples_keeps_some() -> None:
    spec = grid25().spec
    alone, packed = [], []
    for seed in range(SEEDS):
        torch.manual_seed(seed)
        alone.append(modes(GAN(spec, batch_size=128, **SIZES), seed))
        torch.manual_seed(seed)
        packed.append(modes(PacGAN(spec, pack=2, batch_size=256, **SIZES), seed))
    assert max(alone) < 25
    assert sum(packed) > sum(alone)
