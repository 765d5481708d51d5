"""The longest copy: how many tokens in a row a sample has in common with a training example.

All suffixes of training examples and of samples are sorted by prefix doubling (Manber and Myers 1993). The training
suffix that shares most with a suffix of a sample is the nearest one before or after it in that order, and the tables of
the doubling give the length of what two suffixes share in as many steps as there are doublings (Kasai et al. 2001 use a
scan in place of the tables). Used for language models by McCoy et al. 2023, "How much do language models copy from
their training data?", TACL.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genbench.metrics.metric_values import metric_value, without_value
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import mean_error

_NAME = "longest_copy"
# Training tokens that are searched: more take more than a few seconds.
_MAX_TRAIN_TOKENS = 2**20
# Pairs of larger numbers would not fit into 63 bits. Sorting, which numbers them anew, takes most of the time.
_MAX_RANK = 2**31


def longest_copies(x: Int[Tensor, "n time"], train: Int[Tensor, "m time"]) -> Int[Tensor, " n"]:
    """The length of the longest run of tokens of each sequence that occurs in one of the training sequences."""
    rows = torch.cat([train, x]).long().numpy()
    tables = _prefix_ranks(rows)
    length = rows.shape[1]
    is_train = np.repeat(np.arange(len(rows)) < len(train), length)
    order = np.argsort(tables[-1], axis=None, kind="stable")
    longest = np.zeros(rows.size, np.int64)
    places = np.arange(rows.size)
    for turned in (order, order[::-1]):
        last = np.maximum.accumulate(
            np.where(is_train[turned], places, -1)
        )  # the nearest training suffix before it
        asks = ~is_train[turned] & (last >= 0)
        mine, theirs = turned[asks], turned[last[asks]]
        longest[mine] = np.maximum(longest[mine], _in_common(tables, mine, theirs, length))
    return torch.from_numpy(longest.reshape(rows.shape)[len(train) :].max(1, initial=0))


def _prefix_ranks(rows: Int[np.ndarray, "n time"]) -> list[Int[np.ndarray, "n time"]]:
    """Numbers in the order of what begins at each place and is 1, 2, 4, ... tokens long, as far as its row goes; 1 or
    more. The last table orders whole suffixes."""
    ranks = _renumbered(rows)
    tables, reach = [ranks], 1
    while reach < rows.shape[1]:
        if int(ranks.max()) >= _MAX_RANK:
            ranks = _renumbered(ranks)
        later = np.zeros_like(ranks)
        later[:, :-reach] = ranks[:, reach:]
        ranks = ranks * (int(ranks.max()) + 1) + later
        tables.append(ranks)
        reach *= 2
    return tables


def _renumbered(ranks: Int[np.ndarray, "n time"]) -> Int[np.ndarray, "n time"]:
    """1, 2, 3, ... in the order of the numbers."""
    found: Int[np.ndarray, "n time"] = np.unique(ranks, return_inverse=True)[1].reshape(ranks.shape) + 1
    return found


def _in_common(
    tables: list[Int[np.ndarray, "n time"]],
    a: Int[np.ndarray, " pairs"],
    b: Int[np.ndarray, " pairs"],
    length: int,
) -> Int[np.ndarray, " pairs"]:
    """How many tokens two suffixes have in common from their beginning."""
    shared = np.zeros(len(a), np.int64)
    left = length - np.maximum(a % length, b % length)  # to the end of the nearer row
    for level in range(len(tables) - 1, -1, -1):
        ranks = tables[level].reshape(-1)
        inside: Bool[np.ndarray, " pairs"] = shared < left
        at_a, at_b = np.where(inside, a + shared, 0), np.where(inside, b + shared, 0)
        shared += np.where(inside & (ranks[at_a] == ranks[at_b]), 2**level, 0)
    in_common: Int[np.ndarray, " pairs"] = np.minimum(shared, left)
    return in_common


def score_longest_copy(inputs: ScoringInputs) -> list[MetricValue]:
    """The metric `longest_copy`: the mean over samples; `real` is that of the reference."""
    if len(inputs.samples) < 2:
        return without_value((_NAME,), inputs, f"{len(inputs.samples)} samples, needs at least 2")
    if not len(inputs.train):
        return without_value((_NAME,), inputs, "0 training examples, needs at least 1")
    count = max(1, _MAX_TRAIN_TOKENS // inputs.spec.dimension)
    train = inputs.train.random_subset(count, inputs.seed).tensor()
    found = longest_copies(torch.cat([inputs.samples, inputs.reference]), train).double()
    ours, real = found[: len(inputs.samples)], found[len(inputs.samples) :]
    error = mean_error(ours, inputs.sample_windows)
    note = f"of {len(train)} of the training examples" if len(train) < len(inputs.train) else None
    return [
        metric_value(
            _NAME,
            inputs,
            ours.mean(),
            stderr=error.stderr,
            is_rough=error.is_rough,
            note=note,
            real=_mean(real),
            real_stderr=mean_error(real, inputs.reference_windows).stderr,
        )
    ]


def _mean(values: Float[Tensor, " n"]) -> Float[Tensor, ""] | None:
    return values.mean() if len(values) else None
