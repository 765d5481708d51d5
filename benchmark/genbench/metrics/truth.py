"""Metrics of points against a known density: the quality of samples, and how many modes they cover.

The definitions are those of VEEGAN (Srivastava et al. 2017, section 5.1) and PacGAN (Lin et al. 2018, section 4.1, and
its published code). A sample is of high quality if it lies within three standard deviations of the nearest mode. A mode
is covered if it is the nearest mode of at least one high-quality sample. In two dimensions 98.9 % of a Gaussian lies
within three standard deviations, which is the value of real data. VEEGAN allows ten standard deviations for a set with
1,200 dimensions; there is no such set here.

The standard errors say how much a metric varies between sets of samples of one model.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genbench.metrics.metric_values import metric_value, without_value
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import mean_error, share_error

HIGH_QUALITY_STDS = 3.0
_NAMES = ("modes_covered", "high_quality_share", "truth_log_prob")


@dataclass(frozen=True)
class ModeAssignment:
    """Statistics of N samples."""

    nearest: Int[Tensor, " n"]
    """Index of the mode nearest to each sample."""
    high_quality: Bool[Tensor, " n"]
    """Whether the sample is near enough to that mode."""


def assign_to_modes(
    samples: Float[Tensor, "n *event"], modes: Float[Tensor, "m *event"], mode_scale: float
) -> ModeAssignment:
    """Samples to statistics. mode_scale: the standard deviation of a mode."""
    distances = torch.cdist(
        samples.double().flatten(1),
        modes.double().flatten(1),
        compute_mode="donot_use_mm_for_euclid_dist",
    )
    distance, nearest = distances.min(1)
    return ModeAssignment(nearest, distance <= HIGH_QUALITY_STDS * mode_scale)


def modes_covered(assignment: ModeAssignment) -> int:
    """Modes that are the nearest of at least one high-quality sample."""
    return len(torch.unique(assignment.nearest[assignment.high_quality]))


def modes_covered_stderr(assignment: ModeAssignment) -> float:
    """The bootstrap's standard error in closed form: that of the number of modes that N samples cover, drawn with the
    observed shares. A mode with one sample of N is missed by another N samples with probability 1/e. Modes without
    samples do not contribute, so that 0 means that the same modes are covered again, not that no others exist.
    """
    n = len(assignment.nearest)
    shares = torch.bincount(assignment.nearest[assignment.high_quality]).double() / max(1, n)
    shares = shares[shares > 0]
    missed = (1 - shares) ** n
    both_missed = (1 - shares[:, None] - shares).clamp_min(0.0) ** n
    covariance = both_missed - missed[:, None] * missed
    variances = missed * (1 - missed)
    # a mode's variance is not on the diagonal of `covariance`
    variance = covariance.sum() - covariance.diagonal().sum() + variances.sum()
    return float(variance.clamp_min(0.0).sqrt())


def high_quality_share(assignment: ModeAssignment) -> float:
    """Share of samples within three standard deviations of the nearest mode."""
    return float(assignment.high_quality.double().mean())


def score_truth(inputs: ScoringInputs) -> list[MetricValue]:
    """The metrics `modes_covered`, `high_quality_share` and `truth_log_prob`."""
    truth, samples = inputs.truth, inputs.samples
    if truth is None:
        return without_value(_NAMES, inputs, "the density is not known")
    if len(samples) < 2:
        return without_value(_NAMES, inputs, f"{len(samples)} samples, needs at least 2")
    return [
        *_mode_values(inputs, truth.modes, truth.mode_scale),
        _log_prob_value(inputs, truth.log_prob(samples)),
    ]


def _mode_values(inputs: ScoringInputs, modes: Tensor | None, mode_scale: float | None) -> list[MetricValue]:
    if modes is None or mode_scale is None:
        return without_value(
            ("modes_covered", "high_quality_share"), inputs, "the density has no modes to count"
        )
    assignment = assign_to_modes(inputs.samples.float(), modes, mode_scale)
    share = high_quality_share(assignment)
    error = share_error(share, len(inputs.samples))
    covered = modes_covered_stderr(assignment)
    return [
        metric_value(
            "modes_covered",
            inputs,
            float(modes_covered(assignment)),
            stderr=covered,
            test_stderr=0.0,
            # a whole number has no interval that is half a mode wide, and modes that were not found are not known
            is_rough=True,
            note=f"of {len(modes)} modes",
        ),
        metric_value(
            "high_quality_share", inputs, share, stderr=error.stderr, test_stderr=0.0, is_rough=error.is_rough
        ),
    ]


def _log_prob_value(inputs: ScoringInputs, log_prob: Float[Tensor, " n"]) -> MetricValue:
    outside = int((log_prob == -torch.inf).sum())
    if outside:
        note = f"{outside} of {len(log_prob)} samples lie where the density is 0, so the mean is -inf"
        return metric_value("truth_log_prob", inputs, None, note=note)
    wide = log_prob.double()
    error = mean_error(wide)
    return metric_value(
        "truth_log_prob", inputs, wide.mean(), stderr=error.stderr, test_stderr=0.0, is_rough=error.is_rough
    )
