"""Metrics against a known density: counted by hand, and against loops."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from genbench.api.data import Split
from genbench.api.spec import DataSpec
from genbench.features.extractor import Extractor
from genbench.metrics.scoring import ScoringInputs
from genbench.metrics.truth import assign_to_modes, high_quality_share, modes_covered, score_truth

CORNERS = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])


@dataclass(frozen=True)
class SquareTruth:
    """Gaussians at the corners; or, without modes, uniform on the unit square."""

    modes: Tensor | None = None
    mode_scale: float | None = None

    def log_prob(self, x: Tensor) -> Tensor:
        if self.modes is None:
            inside = ((x >= 0) & (x <= 1)).all(1)
            return torch.where(inside, 0.0, -torch.inf)
        assert self.mode_scale is not None
        squared = (x[:, None] - self.modes).square().sum(-1)
        constant = math.log(2 * math.pi * self.mode_scale**2) + math.log(len(self.modes))
        return torch.logsumexp(-squared / (2 * self.mode_scale**2), 1) - constant

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        assert self.modes is not None
        assert self.mode_scale is not None
        which = torch.randint(len(self.modes), (count,), generator=generator)
        return self.modes[which] + self.mode_scale * torch.randn(count, 2, generator=generator)


def inputs(samples: Tensor, truth: SquareTruth) -> ScoringInputs:
    spec = DataSpec(name="corners", modality="points", event_shape=(2,))
    extractor = Extractor("values", "0", lambda x: x)
    return ScoringInputs(
        spec=spec,
        samples=samples,
        reference=samples,
        train=Split(spec, samples),
        extractor=extractor,
        truth=truth,
    )


def test_counted_by_hand() -> None:
    """Three standard deviations are 3.0 here; the rim is within; far samples cover nothing."""
    samples = torch.tensor([[0.0, 3.0], [0.5, 0.5], [10.0, 3.01], [9.0, 9.0], [5.0, 5.2], [-40.0, 0.0]])
    assignment = assign_to_modes(samples, CORNERS, 1.0)
    assert assignment.nearest.tolist()[:4] == [0, 0, 1, 3]
    assert assignment.high_quality.tolist() == [True, True, False, True, False, False]
    assert modes_covered(assignment) == 2
    assert high_quality_share(assignment) == 0.5


def as_pacgan_counts(samples: Tensor, modes: Tensor, mode_scale: float) -> tuple[int, float]:
    """Its published evaluation, in words: each sample goes to the mode that is nearest in standard deviations
    (of a diagonal covariance), if it is within three of them; modes that got any are covered, and the share of
    samples that went anywhere is of high quality. VEEGAN's text says the same."""
    got = [0] * len(modes)
    variance = [mode_scale**2] * modes.shape[1]
    for sample in samples.double().tolist():
        far = [
            math.sqrt(sum((a - b) ** 2 / v for a, b, v in zip(sample, mode, variance, strict=True)))
            for mode in modes.double().tolist()
        ]
        if min(far) < 3:
            got[far.index(min(far))] += 1
    return sum(count > 0 for count in got), sum(got) / len(samples)


@pytest.mark.parametrize("spread", [0.01, 0.03, 0.3])
def test_as_veegan_and_pacgan_define_them(spread: float) -> None:
    """On their ring of eight, by a model that misses two modes, is too wide or too narrow, and strays."""
    angles = torch.arange(8) * (2 * math.pi / 8)
    modes = torch.stack([angles.cos(), angles.sin()], 1)
    generator = torch.Generator().manual_seed(0)
    centres = modes[torch.randint(6, (300,), generator=generator)]
    samples = centres + spread * torch.randn(300, 2, generator=generator)
    samples = torch.cat([samples, torch.rand(60, 2, generator=generator) * 4 - 2])
    assignment = assign_to_modes(samples, modes, 0.01)
    expected = as_pacgan_counts(samples, modes, 0.01)
    assert (modes_covered(assignment), high_quality_share(assignment)) == expected


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 30), m=st.integers(1, 9), scale=st.floats(0.01, 2.0), seed=st.integers(0, 1000))
def test_equals_loops(n: int, m: int, scale: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    samples, modes = torch.randn(n, 2, generator=generator), torch.randn(m, 2, generator=generator)
    covered, good = set(), 0
    for sample in samples.double().tolist():
        far = [math.dist(sample, mode) for mode in modes.double().tolist()]
        if min(far) <= 3 * scale:
            good += 1
            covered.add(far.index(min(far)))
    assignment = assign_to_modes(samples, modes, scale)
    assert modes_covered(assignment) == len(covered)
    assert high_quality_share(assignment) == pytest.approx(good / n)


def test_the_truth_itself_covers_all_modes() -> None:
    truth = SquareTruth(CORNERS, 0.5)
    samples = truth.sample(20_000, torch.Generator().manual_seed(0))
    covered, quality, log_prob = score_truth(inputs(samples, truth))
    assert (covered.value, covered.note) == (4.0, "of 4 modes")
    assert quality.value is not None
    assert quality.stderr is not None
    # P(a 2-D standard normal is within 3 of the origin) = 1 - exp(-9/2)
    assert abs(quality.value - (1 - math.exp(-4.5))) < 4 * quality.stderr
    # minus the entropy: of a mode (1 + log 2πσ²) and of the choice among four
    entropy = 1 + math.log(2 * math.pi * 0.25) + math.log(4)
    assert log_prob.value is not None
    assert log_prob.stderr is not None
    assert abs(log_prob.value + entropy) < 4 * log_prob.stderr


def test_collapse_has_more_log_prob_and_fewer_modes() -> None:
    """Why truth_log_prob ranks nobody."""
    truth = SquareTruth(CORNERS, 0.5)
    real = score_truth(inputs(truth.sample(500, torch.Generator().manual_seed(0)), truth))
    collapsed = score_truth(inputs(CORNERS[:1].repeat(500, 1), truth))
    assert collapsed[0].value == 1.0
    assert collapsed[1].value == 1.0
    assert collapsed[2].value is not None
    assert real[2].value is not None
    assert collapsed[2].value > real[2].value
    assert collapsed[2].better == "neither"


def test_without_modes_and_outside_the_support() -> None:
    samples = torch.tensor([[0.5, 0.5], [2.0, 0.5], [0.1, 0.9]])
    covered, quality, log_prob = score_truth(inputs(samples, SquareTruth()))
    assert covered.value is quality.value is log_prob.value is None
    assert covered.note == quality.note == "the density has no modes to count"
    assert log_prob.note == "1 of 3 samples lie where the density is 0, so the mean is -inf"
    assert score_truth(inputs(samples[::2], SquareTruth()))[2].value == 0.0
