"""Which metrics and costs a leaderboard shows, and in which order, by modality.

Here are only names: directions, units and groups come from the metric cards. The main table has few columns, so that it
can be read at a glance; all other metrics, including those of other plugins, are in the table of further metrics, and
all other costs in that of costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from genbench.api import Better, MetricCard
from genbench_reports.format.numbers import format_bytes, format_count, format_integer, format_seconds

LIKELIHOOD = "likelihood"
"""Stands for bits_per_dim where the data has levels, else for negative_log_likelihood."""
LIKELIHOOD_METRICS = ("bits_per_dim", "negative_log_likelihood")
"""The first of them that has values."""
PER_STEP = ("nats_per_step", "bits_per_step")
"""The likelihood per step, in two units. The unit is the heading: "nats/frame", "bits/character"."""
TRAIN_ON_SAMPLES = ("train_on_samples_bits_per_dim", "train_on_samples_nll")
"""One quantity in two units, which ranks sequences. It is about the distribution as a whole, so that it stands for
neither fidelity nor diversity."""


@dataclass(frozen=True)
class MetricColumns:
    """Which metrics the main table of a leaderboard shows: the one that ranks, the likelihood, and one each of
    fidelity, diversity and memorisation. Of those the first is shown that has values and does not rank the board."""

    headline: str
    """The metric that ranks."""
    fidelity: tuple[str, ...]
    """Whether single samples look like data."""
    diversity: tuple[str, ...]
    """Whether samples are as varied as data."""
    memorisation: tuple[str, ...] = ("near_duplicate_share", "copied_share")
    """Whether samples are copies of training data. Near copies first, because they include the exact ones."""


_BY_MODALITY = {
    # precision and recall share a definition, so that a reader who knows one knows the other
    "image": MetricColumns(
        "frechet_distance", fidelity=("precision", "density"), diversity=("recall", "coverage")
    ),
    # a series can have the right values in the wrong order, which the autocorrelation sees
    "series": MetricColumns(
        "frechet_distance",
        fidelity=("autocorrelation_difference", "marginal_difference", "precision"),
        diversity=("recall", "coverage"),
    ),
    # The Fréchet distance sees means and covariances alone: one wide Gaussian over all modes of a ring has
    # distance 0. The sliced Wasserstein distance is 0 for equal distributions only. Of a mixture whose modes are known,
    # the share of samples near a mode and the modes covered say more than manifolds of neighbours.
    "points": MetricColumns(
        "sliced_wasserstein",
        fidelity=("high_quality_share", "precision"),
        diversity=("modes_covered", "coverage", "recall"),
    ),
    # the same two shares as for images, of what text and music are made of; a grammar that is known says more. Of music
    # it says less, since hardly any model makes a whole phrase without one mistake.
    "tokens": MetricColumns(
        TRAIN_ON_SAMPLES[0],
        fidelity=("exact_match", "grammatical_share", "ngram_precision", "ngram_js_divergence"),
        diversity=("ngram_recall",),
        memorisation=("longest_copy", "copied_share"),
    ),
    "pianoroll": MetricColumns(
        TRAIN_ON_SAMPLES[0], fidelity=("chord_precision", "interval_distance"), diversity=("chord_recall",)
    ),
}

TITLES = {
    "authenticity": "authentic",
    "autocorrelation_difference": "acf diff",
    "bits_per_dim": "bits/dim",
    "bits_per_step": "bits/step",
    "bleu": "BLEU",
    "chrf": "chrF",
    "copied_share": "copied",
    "data_copying_z": "C_T",
    "decoder_bits_per_dim": "decoder bits/dim",
    "decoder_negative_log_likelihood": "decoder NLL nats",
    "discriminative_score": "discriminative",
    "distinct_ngrams": "distinct 4-grams",
    "exact_match": "exact match",
    "frechet_distance": "Fréchet",
    "frechet_infinity": "Fréchet ∞",
    "grammatical_share": "grammatical",
    "high_quality_share": "high quality",
    "js_divergence": "JS nats",
    "kernel_distance": "kernel dist",
    "kl_divergence": "KL nats",
    "kl_from_truth": "KL(truth || model) nats",
    "likelihood_gap": "train-test nats",
    "marginal_difference": "marg diff",
    "modes_covered": "modes",
    "near_duplicate_share": "near copies",
    "nats_per_step": "nats/step",
    "negative_elbo": "-ELBO nats",
    "negative_log_likelihood": "NLL nats",
    "ngram_js_divergence": "n-gram JS nats",
    "ngram_precision": "4-gram precision",
    "ngram_recall": "4-gram recall",
    "parzen_log_likelihood": "Parzen nats (unsound)",
    "predictive_score": "predictive",
    "self_bleu": "self-BLEU",
    "sliced_wasserstein": "sliced W",
    "spectrum_difference": "spectrum dB",
    "tail_difference": "tail diff",
    "train_on_samples_bits_per_dim": "TSTR bits/dim",
    "train_on_samples_nll": "TSTR nats",
    "truth_log_prob": "truth log p",
    "two_sample_classifier": "classifier test",
    "two_sample_neighbour": "1-NN test",
    "vendi_score": "Vendi",
    "wasserstein_distance": "W1",
}
_ARROWS: dict[Better, str] = {"lower": " ↓", "higher": " ↑", "neither": ""}


def metric_title(name: str, better: Better, unit: str = "") -> str:
    """A column's heading, with the direction that is better. unit: that of the values, which says what a step is."""
    title = unit if unit and name in PER_STEP else TITLES.get(name, name.replace("_", " "))
    return title + _ARROWS[better]


def choose_columns(
    modality: str | None, cards: Mapping[str, MetricCard], present: Iterable[str]
) -> MetricColumns:
    """The columns of a modality; for other modalities those of the cards' groups, in the order of the metrics that are
    present."""
    if modality in _BY_MODALITY:
        columns, recorded = _BY_MODALITY[modality], set(present)
        # records from before there was such a metric are ranked by the likelihood, as they were
        lacks = columns.headline in TRAIN_ON_SAMPLES and recorded.isdisjoint(TRAIN_ON_SAMPLES)
        return replace(columns, headline=LIKELIHOOD) if lacks else columns
    known = [cards[name] for name in present if name in cards and cards[name].better != "neither"]
    quality, diversity, memorisation = (
        tuple(card.name for card in known if card.group == group)
        for group in ("quality", "diversity", "memorisation")
    )
    ordered = (*quality, *diversity, *memorisation)
    usual = MetricColumns("", (), ()).memorisation
    return MetricColumns(
        ordered[0] if ordered else LIKELIHOOD,
        fidelity=tuple(name for name in quality if name not in TRAIN_ON_SAMPLES),
        diversity=diversity,
        memorisation=(*(name for name in usual if name in memorisation), *memorisation),
    )


@dataclass(frozen=True)
class CostColumn:
    """One column of the table of costs."""

    name: str
    """A key of `Row.costs`."""
    title: str
    """Heading, without the arrow."""
    better: Better
    """The direction in which bold marks the best."""
    write: Callable[[float | None], str]
    """The mean over seeds as text; None is missing."""

    @property
    def heading(self) -> str:
        """The title, with the arrow of the better direction."""
        return self.title + _ARROWS[self.better]


MAIN_COSTS = ("samples_per_second", "peak_cuda_bytes", "peak_rss_bytes")
"""The costs of the main table: speed, GPU memory where a GPU was used, memory of the process."""
COST_COLUMNS: tuple[CostColumn, ...] = (
    CostColumn("parameters", "parameters", "neither", format_count),
    CostColumn("train_seconds", "training", "neither", format_seconds),
    CostColumn("steps", "steps", "neither", format_count),
    CostColumn("flops", "FLOPs", "neither", format_count),
    CostColumn("train_examples_per_second", "examples/s", "higher", format_count),
    CostColumn("samples_per_second", "samples/s", "higher", format_count),
    CostColumn("sample_batch", "best batch", "neither", format_integer),
    CostColumn("sample_latency_seconds", "latency", "lower", format_seconds),
    CostColumn("sample_latency_p95_seconds", "p95", "lower", format_seconds),
    CostColumn("flops_per_sample", "FLOPs/sample", "neither", format_count),
    CostColumn("peak_cuda_bytes", "GPU", "lower", format_bytes),
    CostColumn("peak_rss_bytes", "memory", "lower", format_bytes),
    CostColumn("train_peak_rss_bytes", "train RAM", "lower", format_bytes),
    CostColumn("sample_peak_rss_bytes", "sample RAM", "lower", format_bytes),
    CostColumn("train_peak_cuda_bytes", "train GPU", "lower", format_bytes),
    CostColumn("sample_peak_cuda_bytes", "sample GPU", "lower", format_bytes),
)
