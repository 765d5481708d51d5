"""How models are ranked on a data set: by which metric, and against which baselines."""

from __future__ import annotations

import msgspec

from genbench.api.spec import DataSpec


class RankingRule(msgspec.Struct, frozen=True, kw_only=True):
    """What ranks a data set, with the reason. Part of a data set's card; a change of it does not change the data."""

    metric: str
    """The metric that ranks models and chooses their checkpoints, as its card names it. Real held-out data should have
    a better value than every baseline by more than its error."""
    reason: str
    """Why this metric, in one sentence."""
    samples: int | None = None
    """How many samples the metric is computed from, if it takes more than the other metrics do; None: as many as they
    do."""
    floor: str = "held-out"
    """The baseline whose samples are real held-out data. Its value is a score of 1."""
    zero: str = "marginals"
    """The baseline whose value is a score of 0."""
    zero_reason: str = "models have to learn more than each dimension by itself"
    """Why this baseline, in one clause."""
    yardsticks: tuple[str, ...] = ("gaussian-mixture", "ar", "kneser-ney", "note-markov")
    """Baselines besides `zero` that a model should beat before anything is said for it. Those that cannot take the data
    are in no run of them: `ar` takes series of real values, `kneser-ney` tokens, `note-markov` piano rolls."""
    true_families: tuple[str, ...] = ()
    """Baselines that contain the true density. No model is asked to beat them."""
    cannot_rank: str | None = None
    """Why the data cannot rank models, in one sentence, if it is known that they cannot; None for all other data."""


FRECHET = RankingRule(
    metric="frechet_distance",
    reason="every family has samples, and the Fréchet distance of their features is what publications compare",
)
SLICED_WASSERSTEIN = RankingRule(
    metric="sliced_wasserstein",
    reason="it is 0 for equal distributions only, while means and covariances can agree between unequal ones",
)
JENSEN_SHANNON = RankingRule(
    metric="js_divergence",
    reason="the density is known, and the divergence from it is 0 for equal distributions only",
    samples=10_000,
)
TRAIN_ON_SAMPLES = RankingRule(
    metric="train_on_samples_bits_per_dim",
    reason="every family has samples, and the likelihood of real data under a density that is fitted to them falls"
    " with every dependence that the samples lack",
)


def default_ranking_rule(spec: DataSpec, *, has_truth: bool) -> RankingRule:
    """The rule of a data set whose card states none."""
    if spec.modality == "points":
        return JENSEN_SHANNON if has_truth else SLICED_WASSERSTEIN
    return FRECHET if spec.modality in ("image", "series") else TRAIN_ON_SAMPLES
