"""What a reader should know before believing a figure: a sentence or two for each metric of the harness.

docs/metrics.md has all of it, with formulas and sources; names there and here are the same, which a test checks.
"""

from __future__ import annotations

_LIKELIHOOD = (
    "Its kind says whether it is exact, a bound or an estimate: kinds are never ranked against each other. A good"
    " likelihood does not make good samples, nor the other way round."
)
_DECODER = (
    "The noise is part of what is judged: a decoder that is sharp and off by a little gets a wide one. The gap in its"
    " kind is the estimate's own error."
)
_TWO_SAMPLE = "0 says that a classifier does no better than a coin, 0.5 that it always can."
_TRAINED = (
    "The likelihood of a small density fitted to the samples, not the model's own. A copier does as well as"
    " real data."
)
_CLASSES = "A classifier is sure of much that is noise: hold it against what real data get."

_COMPLETION_ERROR = (
    "A blurred guess beats an honest draw, which is √2 times as far off as the mean of all that could be there: read"
    " it beside the distance."
)
_COMPLETION_FRECHET = "Of few images, so biased upwards by much: read it against that of the truth, `real`."
_COMPLETION_NLL = (
    "Exact, so only models that can tell it have one; it says how probable the truth was, not how good the completion"
    " looks."
)
_MASKS = ("lower_half", "centre", "random_half", "super_resolution")
_OF_CLASSES = "Its classes are small, so it is biased upwards by more than the distance of all samples."

PITFALLS: dict[str, str] = {
    "negative_log_likelihood": _LIKELIHOOD,
    "bits_per_dim": _LIKELIHOOD,
    "decoder_negative_log_likelihood": _DECODER,
    "decoder_bits_per_dim": _DECODER,
    "negative_elbo": "Looser than the likelihood's own bound; the difference is what the inference network misses.",
    "likelihood_gap": "About 0 where nothing is memorised; a model that overfits has a large one.",
    "parzen_log_likelihood": "Unsound: it orders models wrongly (Theis et al. 2016); here because papers show it.",
    "frechet_distance": "Sees means and covariances and nothing else, and is biased upwards by about 1/N, differently"
    " for every model: never compare it across N or extractors.",
    "frechet_infinity": "An extrapolation: it may come out below 0, and its standard error is wide when N is small.",
    "kernel_distance": "Unbiased, so it may come out below 0. Its cubic kernel depends on the scale of the features.",
    "sliced_wasserstein": "Biased upwards at finite N: read it against held-out data. In many dimensions, differences"
    " along few directions wash out.",
    "wasserstein_distance": "Biased upwards at finite N, by about N to the power -1/2 in the plane: read it against"
    " held-out data.",
    "two_sample_neighbour": f"{_TWO_SAMPLE} Never below 0, so equal sets get a little more.",
    "two_sample_classifier": f"{_TWO_SAMPLE} It sees flaws that no eye sees.",
    "kl_divergence": "Punishes stray samples; half of the modes missing costs only log 2. Biased in tails and at sharp"
    " edges: read it against held-out data.",
    "js_divergence": "Between 0 and log 2. Blind within its cells, and biased upwards at finite N: read it against"
    " held-out data.",
    "train_on_samples_nll": _TRAINED,
    "train_on_samples_bits_per_dim": _TRAINED,
    "class_balance": _CLASSES,
    "class_entropy": _CLASSES,
    "predictive_entropy": _CLASSES,
    "class_information": f"The logarithm of the Inception Score with this extractor's head. {_CLASSES}",
    "precision": "One good sample, repeated, has 1: read it with recall. Outliers have large neighbourhoods, which"
    " flatters.",
    "recall": "Noise that is wide enough has 1: read it with precision.",
    "density": "Real data get about 1; more says that samples crowd where real data are dense.",
    "coverage": "Real data get about 0.97, not 1.",
    "vendi_score": "Compare it with what real data get at the same N: below, samples are alike; above, they are more"
    " varied than real data, as noise is. Says nothing of quality.",
    "modes_covered": "More samples find more modes; one sample is enough to find one.",
    "high_quality_share": "Real data get 0.989 in the plane, not 1. Blind to missing modes.",
    "truth_log_prob": "Below held-out data: stray samples. Above: the samples crowd on the modes.",
    "autocorrelation_difference": "Biased upwards by noise at every lag: read it against held-out data.",
    "marginal_difference": "Blind to the order of values in time.",
    "authenticity": "Real data get about a half or more, a copier 0. A bad model has a high one.",
    "copied_share": "Counts exact copies only. Where examples can be few, real data repeat too: compare with theirs.",
    "near_duplicate_share": "Real data get 1 %. In features that throw much away, different examples are near.",
    "data_copying_z": "Far below 0 the model copies; about 0 is as real data; far above 0 it has learned little. It"
    " grows with N, as every z-score.",
    **{f"completion_error_{mask}": _COMPLETION_ERROR for mask in _MASKS},
    **{f"completion_frechet_{mask}": _COMPLETION_FRECHET for mask in _MASKS},
    **{f"completion_nll_{mask}": _COMPLETION_NLL for mask in _MASKS},
    "class_frechet": _OF_CLASSES,
    "class_frechet_worst": f"{_OF_CLASSES} The worst of several is worse by chance alone.",
    "class_accuracy": "One good sample of each class, again and again, has 1: read it with the distance within"
    " classes.",
}
