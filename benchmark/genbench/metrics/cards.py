"""The cards of the harness's own metrics. No torch here: `genai-bench list metrics` reads this."""

from __future__ import annotations

import math

from genbench.api.cards import MetricCard
from genbench.api.spec import MODALITIES, SEQUENCES, Modality
from genbench.metrics.conditional_cards import CONDITIONAL_CARDS
from genbench.metrics.sequence_cards import SEQUENCE_CARDS

# Modalities with feature vectors whose distances mean something; tokens and music have none here.
_VECTORS: tuple[Modality, ...] = ("points", "image", "series")

# Modalities with feature vectors in which the nearest neighbour of a copy is its original.
_WITH_NEIGHBOURS: tuple[Modality, ...] = (*_VECTORS, "pianoroll")

_FRECHET = "genbench.metrics.frechet:score_frechet"
_KERNEL = "genbench.metrics.kernel:score_kernel"
_NEIGHBOURS = "genbench.metrics.neighbours:score_neighbours"
_SLICED = "genbench.metrics.sliced_wasserstein:score_sliced_wasserstein"
_TRUTH = "genbench.metrics.truth:score_truth"
_TRAIN_ON_SAMPLES = "genbench.metrics.train_on_samples:score_train_on_samples"
_CLASSES = "genbench.metrics.conditional.class_balance:score_class_balance"
_MEMORISATION = "genbench.metrics.memorisation.near_duplicates:score_memorisation"
_FRECHET_INFINITY = "genbench.metrics.frechet_infinity:score_frechet_infinity"
_VENDI = "genbench.metrics.vendi:score_vendi"
_TWO_SAMPLE = "genbench.metrics.two_sample:score_two_sample"
_WASSERSTEIN = "genbench.metrics.wasserstein:score_wasserstein"
_DIVERGENCES = "genbench.metrics.divergences:score_divergences"
_CMMD = "genbench.metrics.photographs.cmmd:score_cmmd"
_FLD = "genbench.metrics.photographs.feature_likelihood:score_fld"
_PARZEN = "genbench.metrics.parzen:score_parzen"

# What several summaries say.
_COMPARED = "to be compared with that of real data"
_OF_MODES = "(Srivastava et al. 2017; Lin et al. 2018)"

METRIC_CARDS: tuple[MetricCard, ...] = (
    # ---- measured by the worker, where the model is
    MetricCard(
        name="negative_log_likelihood",
        summary="mean negative log-likelihood of held-out examples; its kind says whether it is a bound",
        unit="nats",
        better="lower",
        group="likelihood",
        is_logarithmic=True,
        modalities=MODALITIES,
    ),
    MetricCard(
        name="nats_per_step",
        summary="negative log-likelihood of held-out sequences per step: all nats over all steps. A step is a frame, a"
        " character, a month, as the data set's card says",
        unit="nats/step",
        better="lower",
        group="likelihood",
        is_logarithmic=True,
        modalities=SEQUENCES,
    ),
    MetricCard(
        name="bits_per_step",
        summary="negative log-likelihood of held-out sequences of symbols per step: all bits over all steps. A step of"
        " text is a character",
        unit="bits/step",
        better="lower",
        group="likelihood",
        is_logarithmic=True,
        modalities=("tokens",),
    ),
    MetricCard(
        name="bits_per_dim",
        summary="negative log-likelihood of held-out examples, in bits, per number of an example",
        unit="bits/dim",
        better="lower",
        group="likelihood",
        is_logarithmic=True,
        modalities=MODALITIES,
    ),
    MetricCard(
        name="kl_from_truth",
        summary="KL(truth || model): negative log-likelihood of held-out examples less that under the known truth",
        unit="nats",
        better="lower",
        group="likelihood",
        is_logarithmic=True,
        modalities=MODALITIES,
        requires_truth=True,
    ),
    MetricCard(
        name="decoder_negative_log_likelihood",
        summary="mean negative log-likelihood of held-out examples by AIS, with the same form of fixed noise on every"
        " model's decoder",
        unit="nats",
        better="lower",
        group="likelihood",
        is_logarithmic=True,
        modalities=MODALITIES,
    ),
    MetricCard(
        name="decoder_bits_per_dim",
        summary="decoder_negative_log_likelihood in bits, per number of an example",
        unit="bits/dim",
        better="lower",
        group="likelihood",
        is_logarithmic=True,
        modalities=MODALITIES,
    ),
    MetricCard(
        name="negative_elbo",
        summary="mean negative evidence lower bound of held-out examples, where the likelihood is a tighter bound",
        unit="nats",
        better="lower",
        group="likelihood",
        is_logarithmic=True,
        modalities=MODALITIES,
    ),
    MetricCard(
        name="parzen_log_likelihood",
        summary="log-density of real data under Gaussian windows on the samples; unsound: orders models wrongly"
        " (Theis et al. 2016)",
        unit="nats",
        # It orders models wrongly, so that neither a higher nor a lower value is better.
        better="neither",
        group="likelihood",
        modalities=_VECTORS,
        factory=_PARZEN,
    ),
    # ---- computed from features of samples and of real data
    MetricCard(
        name="frechet_distance",
        summary="squared Fréchet distance between Gaussians fitted to the features (Heusel et al. 2017)",
        unit="squared feature units",
        better="lower",
        group="quality",
        minimum=0.0,
        modalities=_VECTORS,
        extractor=True,
        factory=_FRECHET,
    ),
    MetricCard(
        name="kernel_distance",
        summary="unbiased squared MMD of the features under a cubic kernel (Bińkowski et al. 2018)",
        unit="squared MMD",
        better="lower",
        group="quality",
        modalities=_VECTORS,
        extractor=True,
        factory=_KERNEL,
    ),
    MetricCard(
        name="sliced_wasserstein",
        summary="sliced 2-Wasserstein distance of the features over 256 random directions (Bonneel et al. 2015)",
        unit="feature units",
        better="lower",
        group="quality",
        minimum=0.0,
        modalities=_VECTORS,
        extractor=True,
        factory=_SLICED,
    ),
    MetricCard(
        name="precision",
        summary="share of samples within the k-nearest-neighbour manifold of real data (Kynkäänniemi et al. 2019)",
        unit="share",
        better="higher",
        group="quality",
        minimum=0.0,
        maximum=1.0,
        modalities=_VECTORS,
        extractor=True,
        factory=_NEIGHBOURS,
    ),
    MetricCard(
        name="recall",
        summary="share of real data within the k-nearest-neighbour manifold of samples (Kynkäänniemi et al. 2019)",
        unit="share",
        better="higher",
        group="diversity",
        minimum=0.0,
        maximum=1.0,
        modalities=_VECTORS,
        extractor=True,
        factory=_NEIGHBOURS,
    ),
    MetricCard(
        name="density",
        summary="real neighbourhoods that hold a sample, over k, on average (Naeem et al. 2020); about 1 for real data",
        unit="ratio",
        better="higher",
        group="quality",
        minimum=0.0,
        modalities=_VECTORS,
        extractor=True,
        factory=_NEIGHBOURS,
    ),
    MetricCard(
        name="coverage",
        summary="share of real neighbourhoods that hold a sample (Naeem et al. 2020)",
        unit="share",
        better="higher",
        group="diversity",
        minimum=0.0,
        maximum=1.0,
        modalities=_VECTORS,
        extractor=True,
        factory=_NEIGHBOURS,
    ),
    # ---- computed by the classifier of extractors that have one
    MetricCard(
        name="class_balance",
        summary="total variation between the predicted class shares of samples and of real data",
        unit="share",
        better="lower",
        group="diversity",
        minimum=0.0,
        maximum=1.0,
        modalities=MODALITIES,
        extractor=True,
        factory=_CLASSES,
    ),
    MetricCard(
        name="class_entropy",
        summary=f"entropy of the mean predicted class probabilities; {_COMPARED}",
        unit="nats",
        better="neither",
        group="diversity",
        minimum=0.0,
        modalities=MODALITIES,
        extractor=True,
        factory=_CLASSES,
    ),
    MetricCard(
        name="predictive_entropy",
        summary=f"mean entropy of the predicted class probabilities; {_COMPARED}",
        unit="nats",
        # a lower value is not better: noise can be classified with certainty, and collapsed samples are
        better="neither",
        group="quality",
        minimum=0.0,
        modalities=MODALITIES,
        extractor=True,
        factory=_CLASSES,
    ),
    MetricCard(
        name="class_information",
        summary="mutual information of sample and class: log Inception Score with this head (Salimans et al. 2016)",
        unit="nats",
        better="higher",
        group="quality",
        minimum=0.0,
        modalities=MODALITIES,
        extractor=True,
        factory=_CLASSES,
    ),
    # ---- against a known density
    MetricCard(
        name="modes_covered",
        summary=f"modes with a high-quality sample nearest to them {_OF_MODES}",
        unit="modes",
        better="higher",
        group="diversity",
        minimum=0.0,
        modalities=("points",),
        requires_truth=True,
        factory=_TRUTH,
    ),
    MetricCard(
        name="high_quality_share",
        summary=f"share of samples within three standard deviations of a mode {_OF_MODES}",
        unit="share",
        better="higher",
        group="quality",
        minimum=0.0,
        maximum=1.0,
        modalities=("points",),
        requires_truth=True,
        factory=_TRUTH,
    ),
    MetricCard(
        name="truth_log_prob",
        summary="mean log-density of samples under the truth; above the held-out row's it means collapse",
        unit="nats",
        # A higher value is not better: a single point at the highest density, sampled again and again, has the highest.
        better="neither",
        group="quality",
        modalities=("points",),
        requires_truth=True,
        factory=_TRUTH,
    ),
    # ---- series, text and music, from the values themselves
    *SEQUENCE_CARDS,
    # ---- memorisation
    MetricCard(
        name="likelihood_gap",
        summary="mean log-likelihood of training examples less that of as many test examples, by the same estimate",
        unit="nats",
        better="lower",
        group="memorisation",
        modalities=MODALITIES,
    ),
    MetricCard(
        name="authenticity",
        summary="share of samples farther from the nearest training example than its own nearest (Alaa et al. 2022)",
        unit="share",
        better="higher",
        group="memorisation",
        minimum=0.0,
        maximum=1.0,
        modalities=_WITH_NEIGHBOURS,
        extractor=True,
        factory=_MEMORISATION,
    ),
    MetricCard(
        name="copied_share",
        summary="share of samples that equal a training example in every number",
        unit="share",
        better="lower",
        group="memorisation",
        minimum=0.0,
        maximum=1.0,
        modalities=MODALITIES,
        factory=_MEMORISATION,
    ),
    # ---- more metrics of quality and diversity
    MetricCard(
        name="frechet_infinity",
        summary="Fréchet distance at infinite N, free of what too few examples add (Chong and Forsyth 2020)",
        unit="squared feature units",
        better="lower",
        group="quality",
        modalities=_VECTORS,
        extractor=True,
        factory=_FRECHET_INFINITY,
    ),
    MetricCard(
        name="vendi_score",
        summary="effective number of different samples (Friedman and Dieng 2023); best near real data's, beside it",
        unit="effective samples",
        # A higher value is not better: noise has the highest.
        better="neither",
        group="diversity",
        minimum=1.0,
        modalities=_VECTORS,
        extractor=True,
        factory=_VENDI,
    ),
    MetricCard(
        name="two_sample_neighbour",
        summary="how far from a coin toss the nearest neighbour tells samples from real data (Xu et al. 2018)",
        unit="accuracy from 1/2",
        better="lower",
        group="quality",
        minimum=0.0,
        maximum=0.5,
        modalities=_VECTORS,
        extractor=True,
        factory=_TWO_SAMPLE,
    ),
    MetricCard(
        name="two_sample_classifier",
        summary="how far from a coin toss a small network tells samples from real data (Lopez-Paz and Oquab 2017)",
        unit="accuracy from 1/2",
        better="lower",
        group="quality",
        minimum=0.0,
        maximum=0.5,
        modalities=_VECTORS,
        extractor=True,
        factory=_TWO_SAMPLE,
    ),
    MetricCard(
        name="wasserstein_distance",
        summary="exact 1-Wasserstein distance: how far, on average, samples must be moved to become real points",
        unit="feature units",
        better="lower",
        group="quality",
        minimum=0.0,
        modalities=("points",),
        extractor=True,
        factory=_WASSERSTEIN,
    ),
    MetricCard(
        name="kl_divergence",
        summary="KL(samples || truth) by nearest neighbours: samples where there should be few (Wang et al. 2009)",
        unit="nats",
        better="lower",
        group="quality",
        modalities=("points",),
        requires_truth=True,
        factory=_DIVERGENCES,
    ),
    MetricCard(
        name="js_divergence",
        summary="Jensen-Shannon divergence from the truth over cells of equal probability; 0 to log 2 = 0.69",
        unit="nats",
        better="lower",
        group="quality",
        minimum=0.0,
        maximum=math.log(2),
        modalities=("points",),
        requires_truth=True,
        min_samples=16,
        factory=_DIVERGENCES,
    ),
    MetricCard(
        name="near_duplicate_share",
        summary="share of samples closer to the training set than all but 1 % of held-out real data (`real`)",
        unit="share",
        better="lower",
        group="memorisation",
        minimum=0.0,
        maximum=1.0,
        modalities=_WITH_NEIGHBOURS,
        extractor=True,
        factory=_MEMORISATION,
    ),
    MetricCard(
        name="data_copying_z",
        summary="C_T, the data-copying test: below 0 samples are closer to the training set than real data are"
        " (Meehan et al. 2020)",
        unit="z-score",
        better="higher",
        group="memorisation",
        modalities=_WITH_NEIGHBOURS,
        extractor=True,
        factory=_MEMORISATION,
    ),
    # ---- train on samples, test on real
    MetricCard(
        name="train_on_samples_nll",
        summary="not the model's likelihood: real test examples' under a small density fitted to the samples (`real`:"
        " fitted to real data)",
        unit="nats",
        better="lower",
        group="quality",
        is_logarithmic=True,
        modalities=MODALITIES,
        factory=_TRAIN_ON_SAMPLES,
    ),
    MetricCard(
        name="train_on_samples_bits_per_dim",
        summary="train_on_samples_nll in bits, per number of an example; for data with levels",
        unit="bits/dim",
        better="lower",
        group="quality",
        is_logarithmic=True,
        minimum=0.0,
        modalities=MODALITIES,
        factory=_TRAIN_ON_SAMPLES,
    ),
    *CONDITIONAL_CARDS,
    # ---- on the features of the network that they are published with
    MetricCard(
        name="cmmd",
        summary="squared MMD of CLIP embeddings under a Gaussian kernel, times 1,000 (Jayasumana et al. 2024, CMMD)",
        unit="1,000 x squared MMD",
        better="lower",
        group="quality",
        minimum=0.0,
        modalities=("image",),
        extractor=True,
        extractors=("clip",),
        factory=_CMMD,
    ),
    MetricCard(
        name="fld",
        summary="feature likelihood divergence: test features under Gaussians around samples, fitted to the training"
        " features; copies do badly (Jiralerspong et al. 2023, FLD)",
        unit="0.01 nats/feature",
        better="lower",
        group="memorisation",
        modalities=("image",),
        extractor=True,
        extractors=("dinov2", "inception", "clip"),
        factory=_FLD,
    ),
)
