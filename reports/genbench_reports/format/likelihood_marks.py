"""How a likelihood's kind is printed, so that bounds and exact values are never mistaken for each other.

A lower bound on the log-likelihood is an upper bound on bits/dim: the true value is at most the printed one. Kinds are
compared without their accuracy (`genbench.records.likelihood_kinds.comparable`): two estimates by annealed importance
sampling are of one kind, whatever the gap of each.
"""

from __future__ import annotations

from collections.abc import Iterable

from genbench.records.likelihood_kinds import (
    BOUND_SIGN,
    ESTIMATE_SIGN,
    EXACT_SIGN,
    UNKNOWN_SIGN,
    UNSOUND_SIGN,
    accuracy,
    comparable,
    readable,
    sign,
)

DOUBTED = "✗"
"""Follows a value whose audit failed; a footnote says why."""
ROUGH = "~"
"""Follows an error that is an order of magnitude only."""
_MEANINGS = {
    EXACT_SIGN: "exact",
    BOUND_SIGN: "the model's own value is at most this (a lower bound on its log-likelihood)",
    ESTIMATE_SIGN: "an estimate, neither exact nor a bound",
    UNSOUND_SIGN: "not a likelihood to rely on",
    UNKNOWN_SIGN: "a kind that this report does not know",
}


def likelihood_mark(kind: str) -> str:
    """The sign in front of a value of that kind."""
    return sign(kind)


def marks_legend(kinds: list[str]) -> str:
    """What the marks of these kinds mean: "= exact; ≤ ... : lower bound (ELBO)"."""
    by_mark: dict[str, list[str]] = {}
    for kind in sorted({comparable(kind) for kind in kinds}):
        by_mark.setdefault(likelihood_mark(kind), []).append(kind + _accuracy(kind, kinds))
    return "; ".join(
        f"{mark} {meaning}" + ("" if mark == EXACT_SIGN else f": {', '.join(by_mark[mark])}")
        for mark, meaning in _MEANINGS.items()
        if mark in by_mark
    )


def _accuracy(kind: str, kinds: Iterable[str]) -> str:
    """The accuracy that the estimates of a kind state: " (gap 0.12 nats)", " (gap 0.12 to 3.40 nats)"."""
    alike = [each for each in kinds if comparable(each) == kind]
    found = sorted({said for each in alike if (said := accuracy(each))})
    unknown = any(readable(each) != kind and accuracy(each) is None for each in alike)
    if not found:
        return " (error unknown)" if unknown else ""
    (word, least), (_, most) = found[0], found[-1]
    nats = f"{least:.2f}" if least == most else f"{least:.2f} to {most:.2f}"
    return f" ({word} {nats} nats{', of some unknown' if unknown else ''})"
