"""What a reader should know before trusting a metric: a sentence or two for each metric of the harness.

docs/metrics.md says more, with formulas and sources. A test checks that both have the same names.
"""

from __future__ import annotations

_LIKELIHOOD = (
    "Its kind says whether it is exact, a bound or an estimate: kinds are never ranked against each other. A good"
    " likelihood does not imply good samples, nor the reverse."
)
_DECODER = (
    "The noise of the observation model counts: a decoder that is sharp but slightly wrong gets a wide one. The gap in"
    " the kind is the error of the estimate itself."
)
_TWO_SAMPLE = "0 means that a classifier does no better than a coin, 0.5 that it is always right."
_TRAINED = (
    "The likelihood under a small density model that is fitted to the samples, not under the model itself. A copier"
    " does as well as real data."
)
_CLASSES = "A classifier is often sure about noise: compare it with what real data get."

_COMPLETION_ERROR = (
    "A blurred guess beats a sharp sample, whose error is √2 times that of the mean of all possible completions: read"
    " it together with the distance."
)
_COMPLETION_FRECHET = (
    "Computed from few images, so it is strongly biased upwards: compare it with that of the truth, `real`."
)
_COMPLETION_NLL = (
    "Exact, so only models that can compute it have one. It says how probable the truth was, not how good the"
    " completion looks."
)
_JUDGES = "Judges are small networks, and their verdict varies with their seed; five decide."
_HISTOGRAM = "Biased upwards at finite N: compare it with that of held-out data."
_MASKS = ("lower_half", "centre", "random_half", "super_resolution")
_OF_CLASSES = "Classes are small, so it is more biased upwards than the distance of all samples."

PITFALLS: dict[str, str] = {
    "negative_log_likelihood": _LIKELIHOOD,
    "nats_per_step": f"{_LIKELIHOOD} The data set's card says what a step is, and what counts.",
    "bits_per_step": f"{_LIKELIHOOD} The data set's card says what a step is, and what counts.",
    "bits_per_dim": _LIKELIHOOD,
    "kl_from_truth": "A bound on the likelihood makes it an upper bound. On few examples it may be below 0 by chance.",
    "decoder_negative_log_likelihood": _DECODER,
    "decoder_bits_per_dim": _DECODER,
    "negative_elbo": "A looser bound than that of the likelihood; the difference is the error of the inference"
    " network.",
    "likelihood_gap": "About 0 where nothing is memorised; large for a model that overfits.",
    "parzen_log_likelihood": "Unsound: it orders models wrongly (Theis et al. 2016). It is shown because papers use"
    " it.",
    "frechet_distance": "Sees means and covariances and nothing else. It is biased upwards by about 1/N, differently"
    " for each model: never compare it across N or extractors.",
    "frechet_infinity": "An extrapolation: it can be below 0, and its standard error is large when N is small.",
    "kernel_distance": "Unbiased, so it can be below 0. Its cubic kernel depends on the scale of the features.",
    "sliced_wasserstein": "Biased upwards at finite N: compare it with that of held-out data. In many dimensions,"
    " differences along few directions vanish in the average.",
    "cmmd": "Biased upwards by about 1/N. CLIP's features are of photographs, and say less of other images.",
    "fld": "Noisy with few samples. Values above 1,000 mean copies of training examples.",
    "wasserstein_distance": "Biased upwards at finite N, by about N to the power -1/2 in the plane: compare it with"
    " that of held-out data.",
    "two_sample_neighbour": f"{_TWO_SAMPLE} Never below 0, so equal distributions get slightly more than 0.",
    "two_sample_classifier": f"{_TWO_SAMPLE} It finds flaws that nobody can see.",
    "kl_divergence": "Stray samples cost much, half of the modes missing only log 2. Biased in tails and at sharp"
    " edges: compare it with that of held-out data.",
    "js_divergence": "Between 0 and log 2. Insensitive to what happens within its cells, and biased upwards at finite"
    " N: compare it with that of held-out data.",
    "train_on_samples_nll": _TRAINED,
    "train_on_samples_bits_per_dim": _TRAINED,
    "class_balance": _CLASSES,
    "class_entropy": _CLASSES,
    "predictive_entropy": _CLASSES,
    "class_information": f"The logarithm of the Inception Score with this extractor's head. {_CLASSES}",
    "precision": "One good sample, repeated, gets 1: read it together with recall. Outliers have large neighbourhoods,"
    " which makes it too high.",
    "recall": "Noise that is wide enough gets 1: read it together with precision.",
    "density": "Real data get about 1; more means that samples crowd where real data are dense.",
    "coverage": "Real data get about 0.97, not 1.",
    "vendi_score": "Compare it with what real data get at the same N. Below that, samples are alike; above, they are"
    " more varied than real data, as noise is. It says nothing about quality.",
    "modes_covered": "More samples find more modes; one sample is enough to find one.",
    "high_quality_share": "Real data get 0.989 in the plane, not 1. Insensitive to missing modes.",
    "truth_log_prob": "Lower than for held-out data: stray samples. Higher: the samples crowd on the modes.",
    "autocorrelation_difference": "Biased upwards by noise at every lag: compare it with that of held-out data.",
    "marginal_difference": "Insensitive to the order of values in time.",
    "spectrum_difference": "Biased upwards by noise at every frequency: compare it with that of held-out data.",
    "tail_difference": "Computed from a twentieth of the values at either end, so its error is large.",
    "discriminative_score": f"{_JUDGES} A small judge tells nothing from real data that a larger one would: read it"
    " beside the held-out and the copier row.",
    "predictive_score": f"{_JUDGES} Samples with too little noise make good predictors: below `real`, it says nothing"
    " for a model.",
    "grammatical_share": "One good sentence, repeated, gets 1: read it together with recall. One mistake in a sample"
    " counts as much as many.",
    "ngram_js_divergence": "Biased upwards at finite N, most of all for long n-grams: compare it with that of held-out"
    " data.",
    "ngram_precision": "One good sentence, repeated, gets 1: read it together with recall. It grows with N.",
    "ngram_recall": "Noise that is long enough gets 1: read it together with precision. It grows with N.",
    "distinct_ngrams": "Compare it with what real text gets at the same N: above that, samples are noise; below, they"
    " repeat themselves.",
    "exact_match": "Another right answer counts as wrong.",
    "chrf": "Of one right answer: another one that shares few characters with it scores low.",
    "bleu": "Of one right answer. Values depend on how texts are split into words: compare those of one table alone.",
    "self_bleu": "Compare it with what real text gets at the same N: above that, samples are alike; below, they are"
    " noise.",
    "longest_copy": "Real text shares phrases with the training data too: compare it with `real`. Far above that, a"
    " model recites.",
    "pitch_class_distance": f"{_HISTOGRAM} Blind to what sounds together.",
    "interval_distance": f"{_HISTOGRAM} Sees the highest and the lowest note of each step only.",
    "duration_distance": f"{_HISTOGRAM} Notes that a window cuts count as short.",
    "onset_distance": _HISTOGRAM,
    "polyphony_distance": f"{_HISTOGRAM} Blind to which notes sound.",
    "chord_precision": "One good phrase, repeated, gets 1: read it together with recall. It grows with N.",
    "chord_recall": "Noise that is long enough gets 1: read it together with precision. It grows with N.",
    "voice_crossings": "Real music has some: compare it with that.",
    "repetition": "Real music has some: compare it with that. Noise repeats nothing, a model stuck on two chords"
    " everything.",
    "authenticity": "Real data get about a half or more, a copier 0. A bad model gets a high one.",
    "copied_share": "Counts exact copies only. Where few different examples exist, real data repeat too: compare it"
    " with theirs.",
    "near_duplicate_share": "Real data get 1 %. In features that discard much, different examples are near each other.",
    "data_copying_z": "Far below 0 the model copies, about 0 it is like real data, far above 0 it has learned little."
    " It grows with N, like every z-score.",
    **{f"completion_error_{mask}": _COMPLETION_ERROR for mask in _MASKS},
    **{f"completion_frechet_{mask}": _COMPLETION_FRECHET for mask in _MASKS},
    **{f"completion_nll_{mask}": _COMPLETION_NLL for mask in _MASKS},
    "class_frechet": _OF_CLASSES,
    "class_frechet_worst": f"{_OF_CLASSES} The worst of several is bad by chance alone.",
    "class_accuracy": "One good sample of each class, repeated, gets 1: read it together with the distance within"
    " classes.",
}
