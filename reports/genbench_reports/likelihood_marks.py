"""How a likelihood's kind is printed, so that bounds and exact values are never mistaken for each other.

A lower bound on the log-likelihood is an upper bound on bits/dim: the truth is at most what is printed.
"""

from __future__ import annotations

DOUBTED = "✗"
"""Behind a figure whose audit failed: see the footnote."""
EXACT, BOUND, ESTIMATE, UNKNOWN = "=", "≤", "≈", "?"
_MEANINGS = {
    EXACT: "exact",
    BOUND: "the model's own value is at most this (a lower bound on its log-likelihood)",
    ESTIMATE: "an estimate, neither exact nor a bound",
    UNKNOWN: "of a kind this report does not know",
}


def likelihood_mark(kind: str) -> str:
    """The sign in front of a figure of that kind."""
    if kind == "exact":
        return EXACT
    if kind.startswith("lower bound"):
        return BOUND
    return ESTIMATE if kind.startswith("AIS") else UNKNOWN


def marks_legend(kinds: list[str]) -> str:
    """What the marks of these kinds mean: "= exact; ≤ ... : lower bound (ELBO)"."""
    by_mark: dict[str, list[str]] = {}
    for kind in sorted(set(kinds)):
        by_mark.setdefault(likelihood_mark(kind), []).append(kind)
    return "; ".join(
        f"{mark} {meaning}" + ("" if mark == EXACT else f": {', '.join(by_mark[mark])}")
        for mark, meaning in _MEANINGS.items()
        if mark in by_mark
    )
