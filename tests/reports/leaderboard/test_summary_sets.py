"""Which leaderboards a verdict is about: those on which most families are compared on most data sets."""

from __future__ import annotations

from genbench_reports.leaderboard.summary import sets_to_compare

FAMILIES = {
    "rbm": "energy",
    "vae": "vae",
    "gan": "gan",
    "made": "autoregressive",
    "dcgan": "gan",
    "flow": "flow",
}


def test_a_model_that_takes_everything_is_not_alone_in_the_verdict() -> None:
    met = {
        "rbm": (0, 1, 2, 3, 4),
        "vae": (0, 1, 2, 3),
        "gan": (0, 1, 2, 3),
        "made": (0, 1, 2, 3),
        "flow": (0, 1),
    }
    assert sets_to_compare(met, FAMILIES, 2) == [(0, 1, 2, 3), (0, 1, 2, 3, 4), (0, 1)]


def test_what_two_models_share_may_be_what_neither_met_alone() -> None:
    met = {"vae": (0, 1, 2), "gan": (0, 1, 3), "rbm": (0, 1, 4)}
    assert sets_to_compare(met, FAMILIES, 2) == [(0, 1), (0, 1, 2), (0, 1, 3), (0, 1, 4)]


def test_where_all_met_all_there_is_one_set() -> None:
    met = {"vae": (0, 1), "gan": (0, 1), "dcgan": (0,)}
    assert sets_to_compare(met, FAMILIES, 2) == [(0, 1)]
    assert sets_to_compare(met, FAMILIES, 1) == [(0, 1), (0,)]
    assert sets_to_compare({"dcgan": (0,)}, FAMILIES, 2) == []
