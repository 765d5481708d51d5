"""The cards of the metrics of sequences: text, music and series."""

from __future__ import annotations

import math

from genbench.api.cards import Better, MetricCard, MetricGroup
from genbench.api.spec import Modality

_NGRAMS = "genbench.metrics.text.ngrams:score_ngrams"
_MUSIC = "genbench.metrics.music.statistics:score_music"
_SERIES = "genbench.metrics.series.differences:score_series"
_SPECTRUM = "genbench.metrics.series.spectrum_and_tails:score_spectrum_and_tails"
_JUDGES = "genbench.metrics.series.judges:score_judges"


def _card(
    modality: Modality,
    factory: str,
    name: str,
    summary: str,
    unit: str,
    better: Better,
    group: MetricGroup,
    maximum: float | None = None,
) -> MetricCard:
    """A card of a metric that is never negative."""
    return MetricCard(
        name=name,
        summary=summary,
        unit=unit,
        better=better,
        group=group,
        minimum=0.0,
        maximum=maximum,
        modalities=(modality,),
        factory=factory,
    )


_TEXT_CARDS = (
    _card(
        "tokens",
        _NGRAMS,
        "ngram_js_divergence",
        "Jensen-Shannon divergence between the n-grams of samples and of real text, mean over n = 1 to 4",
        "nats",
        "lower",
        "quality",
        math.log(2),
    ),
    _card(
        "tokens",
        _NGRAMS,
        "ngram_precision",
        "share of the 4-grams of samples that occur in held-out text (Papineni et al. 2002)",
        "share",
        "higher",
        "quality",
        1.0,
    ),
    _card(
        "tokens",
        _NGRAMS,
        "ngram_recall",
        "share of the 4-grams of held-out text that occur in samples (Lin 2004)",
        "share",
        "higher",
        "diversity",
        1.0,
    ),
    _card(
        "tokens",
        _NGRAMS,
        "distinct_ngrams",
        "different 4-grams over all 4-grams of the samples (Li et al. 2016); best near real text's, beside it",
        "share",
        "neither",  # noise has the highest
        "diversity",
        1.0,
    ),
    _card(
        "tokens",
        "genbench.metrics.text.self_bleu:score_self_bleu",
        "self_bleu",
        "BLEU-4 of each sample against the others (Zhu et al. 2018); best near real text's, beside it",
        "BLEU",
        "neither",  # noise has the lowest
        "diversity",
        1.0,
    ),
    _card(
        "tokens",
        "genbench.metrics.text.longest_copy:score_longest_copy",
        "longest_copy",
        "longest run of tokens that a sample shares with a training example, mean over samples (`real`: held-out text)",
        "tokens",
        "lower",
        "memorisation",
    ),
)

_TRANSLATION = "genbench.metrics.text.translation:score_translation"
_TRANSLATION_CARDS = (
    _card(
        "tokens",
        _TRANSLATION,
        "exact_match",
        "share of held-out sources of which a model's translation is the right one",
        "share",
        "higher",
        "quality",
        1.0,
    ),
    _card(
        "tokens",
        _TRANSLATION,
        "chrf",
        "character n-gram F-score of translations of held-out sources (Popović 2015), by sacrebleu",
        "chrF",
        "higher",
        "quality",
        100.0,
    ),
    _card(
        "tokens",
        _TRANSLATION,
        "bleu",
        "BLEU of translations of held-out sources (Papineni et al. 2002), by sacrebleu",
        "BLEU of 100",
        "higher",
        "quality",
        100.0,
    ),
)

_MUSIC_CARDS = (
    *(
        _card(
            "pianoroll",
            _MUSIC,
            f"{name}_distance",
            f"total variation between the distributions of {what} (Yang and Lerch 2020)",
            "share",
            "lower",
            "quality",
            1.0,
        )
        for name, what in (
            ("pitch_class", "the pitch classes of notes"),
            ("interval", "the intervals by which highest and lowest notes move"),
            ("duration", "note lengths"),
            ("onset", "the number of notes that begin in a step"),
            ("polyphony", "the number of notes that sound in a step"),
        )
    ),
    _card(
        "pianoroll",
        _MUSIC,
        "chord_precision",
        "share of the changes of chord in samples that occur in held-out music",
        "share",
        "higher",
        "quality",
        1.0,
    ),
    _card(
        "pianoroll",
        _MUSIC,
        "chord_recall",
        "share of the changes of chord in held-out music that occur in samples",
        "share",
        "higher",
        "diversity",
        1.0,
    ),
    _card(
        "pianoroll",
        _MUSIC,
        "voice_crossings",
        "share of moves in which a voice goes beyond where its neighbour was; best near real music's, beside it",
        "share",
        "neither",
        "quality",
        1.0,
    ),
    _card(
        "pianoroll",
        _MUSIC,
        "repetition",
        "share of changes of step that bring back an earlier step; best near real music's, beside it",
        "share",
        "neither",
        "diversity",
        1.0,
    ),
)

_SERIES_CARDS = (
    _card(
        "series",
        _SERIES,
        "autocorrelation_difference",
        "mean absolute difference of the autocorrelation functions, over lags and channels (Wiese et al. 2020)",
        "correlation",
        "lower",
        "quality",
        2.0,
    ),
    _card(
        "series",
        _SERIES,
        "marginal_difference",
        "1-Wasserstein distance between the marginals, mean over channels (Wiese et al. 2020)",
        "train std",
        "lower",
        "quality",
    ),
    _card(
        "series",
        _SPECTRUM,
        "spectrum_difference",
        "mean absolute difference of the log spectra, over frequencies and channels (Gray and Markel 1976)",
        "dB",
        "lower",
        "quality",
    ),
    _card(
        "series",
        _SPECTRUM,
        "tail_difference",
        "mean absolute difference of the means of the lowest and of the highest 5 % (Acerbi and Tasche 2002)",
        "train std",
        "lower",
        "quality",
    ),
    _card(
        "series",
        _JUDGES,
        "discriminative_score",
        "how far from a coin toss five small LSTMs tell samples from real series (Yoon et al. 2019)",
        "accuracy from 1/2",
        "lower",
        "quality",
        0.5,
    ),
    _card(
        "series",
        _JUDGES,
        "predictive_score",
        "mean absolute error of one-step predictions of real series by LSTMs trained on samples (Yoon et al. 2019)",
        "train std",
        "lower",
        "quality",
    ),
)

_GRAMMAR_CARD = MetricCard(
    name="grammatical_share",
    summary="share of samples that the known grammar of the data can make",
    unit="share",
    better="higher",
    group="quality",
    minimum=0.0,
    maximum=1.0,
    modalities=("tokens", "pianoroll"),
    requires_truth=True,
    factory="genbench.metrics.text.grammar:score_grammar",
)

SEQUENCE_CARDS: tuple[MetricCard, ...] = (
    *_SERIES_CARDS,
    _GRAMMAR_CARD,
    *_TEXT_CARDS,
    *_TRANSLATION_CARDS,
    *_MUSIC_CARDS,
)
