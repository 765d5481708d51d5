"""Memorisation: does the model give back its training set?

Copied share: samples that equal a training example in every number. Exact, and so blind to the least
change. Authenticity (Alaa et al. 2022, section 4.3): a sample is authentic if it is farther from its
nearest training example than that example is from its own nearest other training example. Real data gets
about a half or more, a copier 0. Ties count as copies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from genbench.metrics.distances import centred, nearest_neighbours, tie_slack
from genbench.metrics.figures import feature_obstacle, figure
from genbench.result import MetricValue
from genbench.scoring import ScoringInputs


@dataclass(frozen=True)
class NearestTraining:
    """Statistics, all squared distances, float64 (N,). to_sample: from each sample to its nearest training
    example. to_train: from that example to its nearest other one. rounding: by how much the two may be off."""

    to_sample: Float[Tensor, " n"]
    to_train: Float[Tensor, " n"]
    rounding: Float[Tensor, " n"]


def nearest_training(samples: Float[Tensor, "n dim"], train: Float[Tensor, "m dim"]) -> NearestTraining:
    """Features to statistics; at least 2 training examples."""
    if len(train) < 2:
        raise ValueError(f"authenticity against {len(train)} training examples: needs at least 2")
    x, y = centred(samples, train)
    nearest, to_sample = nearest_neighbours(x, y)
    visited, place = torch.unique(nearest, return_inverse=True)
    _, to_train = nearest_neighbours(y[visited], y, own=visited)
    norms = x.square().sum(1) + y[nearest].square().sum(1)
    return NearestTraining(to_sample, to_train[place], tie_slack(samples.shape[1]) * norms)


def authenticity_from_distances(found: NearestTraining) -> Float[Tensor, ""]:
    """Statistics to metric."""
    return (found.to_sample > found.to_train + found.rounding).double().mean()


def authenticity(samples: Float[Tensor, "n dim"], train: Float[Tensor, "m dim"]) -> Float[Tensor, ""]:
    """Share of authentic samples (N, D), given the training examples (M, D)."""
    return authenticity_from_distances(nearest_training(samples, train))


def copied_share(samples: Shaped[Tensor, "n *event"], train: Shaped[Tensor, "m *event"]) -> float:
    """Share of samples that equal a training example in every number; -0.0 equals 0.0."""
    known = set(_digests(train))
    return sum(digest in known for digest in _digests(samples)) / len(samples)


def _digests(x: Tensor) -> Iterator[bytes]:
    """128 bits of each example, in place of the whole of it."""
    for row in x.cpu().numpy():
        yield hashlib.blake2b((row + 0).tobytes(), digest_size=16).digest()  # + 0: so that -0.0 becomes 0.0


def score_memorisation(inputs: ScoringInputs) -> list[MetricValue]:
    return [_authenticity_figure(inputs), _copied_figure(inputs)]


def _authenticity_figure(inputs: ScoringInputs) -> MetricValue:
    if (obstacle := feature_obstacle(inputs, needed=2, train=True)) is not None:
        return figure("authenticity", inputs, None, note=obstacle)
    share = authenticity(inputs.sample_features, inputs.train_features)
    return figure("authenticity", inputs, share, stderr=(share * (1 - share) / len(inputs.samples)).sqrt())


def _copied_figure(inputs: ScoringInputs) -> MetricValue:
    if len(inputs.samples) == 0:
        return figure("copied_share", inputs, None, note="0 samples, needs at least 1")
    share = copied_share(inputs.samples, inputs.train)
    found = figure("copied_share", inputs, share, stderr=(share * (1 - share) / len(inputs.samples)) ** 0.5)
    if len(inputs.reference) == 0:
        return found
    # where examples can be few, sixteen bits say, real data repeat the training set too, and nobody copied
    return msgspec.structs.replace(found, real=copied_share(inputs.reference, inputs.train))
