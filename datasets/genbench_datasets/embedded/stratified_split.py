"""A stratified split of labelled images that depends on nothing but the images.

No random numbers: those of a library may change with its version, and a split must not.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from jaxtyping import Int, UInt8

from genbench import Dataset, DataSpec, Split
from genbench.errors import DataError


def stratified_dataset(
    spec: DataSpec,
    images: UInt8[np.ndarray, "count *event"],
    labels: Int[np.ndarray, " count"],
    *,
    valid: int,
    test: int,
) -> Dataset:
    """`test` and `valid` examples, each class by its share to the nearest whole number; the rest is train.

    Examples are ordered by the SHA-256 of their bytes: within a class the first go to test, the next to
    valid. Each split is in this order too, so classes are mixed. Raises DataError where two images are
    identical, since they might end up in two splits.
    """
    digests = [hashlib.sha256(image.tobytes()).digest() for image in images]
    if len(set(digests)) < len(digests):
        raise DataError(f"{spec.name}: {len(digests) - len(set(digests))} images occur more than once")
    order = np.array(sorted(range(len(digests)), key=digests.__getitem__))
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    test_quota, valid_quota = proportional_quota(counts, test), proportional_quota(counts, valid)
    rank = _rank_in_class(classes[order], len(counts))
    of = classes[order]
    in_test = rank < test_quota[of]
    in_valid = ~in_test & (rank < (test_quota + valid_quota)[of])

    def split(chosen: np.ndarray) -> Split:
        indices = order[chosen]
        x = torch.from_numpy(images[indices]).reshape(-1, *spec.event_shape)
        return Split(spec, x, torch.from_numpy(labels[indices].astype(np.int64)))

    return Dataset(spec, split(~in_test & ~in_valid), split(in_valid), split(in_test))


def proportional_quota(counts: Int[np.ndarray, " classes"], total: int) -> Int[np.ndarray, " classes"]:
    """`total` shared out in proportion to `counts`, by largest remainder (the first of equal ones)."""
    share, remainder = np.divmod(counts * total, counts.sum())
    missing = total - int(share.sum())
    share[np.argsort(-remainder, kind="stable")[:missing]] += 1
    return share


def _rank_in_class(classes: Int[np.ndarray, " count"], class_count: int) -> Int[np.ndarray, " count"]:
    """How many examples of the same class come before each one."""
    rank = np.empty_like(classes)
    for label in range(class_count):
        members = classes == label
        rank[members] = np.arange(members.sum())
    return rank
