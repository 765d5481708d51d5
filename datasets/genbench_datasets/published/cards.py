"""What the standard data sets are, and where they come from. No torch here."""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase

from genbench import DatasetCard, DataSpec
from genbench.api import RankingRule
from genbench_datasets.published.files import (
    BINARY_DENSITY,
    CIFAR10,
    FASHION_MNIST,
    JSB_CHORALES,
    MNIST,
    MNIST_STATIC,
    NOTTINGHAM,
    OMNIGLOT,
    TEXT8,
    TIMEGAN_STOCKS,
    TINY_SHAKESPEARE,
    UCI_DENSITY,
)
from genbench_datasets.published.specs import SPECS

_FACTORIES = "genbench_datasets.published.standard_images"
_LIKELIHOOD_SPLIT = (
    "the first 50,000 images of the training file to train, its last 10,000 to validate, the test file to test,"
    " as the likelihood literature has it"
)
_LECUN = (
    "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), Gradient-based learning applied to document"
    " recognition, Proceedings of the IEEE 86(11), 2278-2324"
)
_NO_LICENCE_OF_MNIST = "none stated by its authors; commonly passed on as CC BY-SA 3.0"
_THREE = (50_000, 10_000, 10_000)

IMAGES = (
    DatasetCard(
        spec=SPECS["mnist"],
        summary="70,000 handwritten digits, 28x28, 8-bit",
        sizes=_THREE,
        splits=_LIKELIHOOD_SPLIT,
        source="Y. LeCun, C. Cortes, C. Burges: MNIST, in its published IDX files",
        licence=_NO_LICENCE_OF_MNIST,
        citation=_LECUN,
        factory=f"{_FACTORIES}:mnist",
        files=MNIST,
    ),
    DatasetCard(
        spec=SPECS["fashion-mnist"],
        summary="70,000 pictures of clothes, 28x28, 8-bit",
        sizes=_THREE,
        splits=_LIKELIHOOD_SPLIT,
        source="Zalando Research: Fashion-MNIST, in its published IDX files",
        licence="MIT",
        citation="H. Xiao, K. Rasul, R. Vollgraf (2017), Fashion-MNIST: A novel image dataset for benchmarking"
        " machine learning algorithms, arXiv:1708.07747",
        factory=f"{_FACTORIES}:fashion_mnist",
        files=FASHION_MNIST,
    ),
    DatasetCard(
        spec=SPECS["mnist-static"],
        summary="MNIST made binary once and for all by Larochelle, without labels",
        sizes=_THREE,
        splits="the three files as published; the test file is sorted by class. Not to be compared with"
        " mnist-dynamic",
        source="H. Larochelle: binarized MNIST, in its published text files",
        licence=f"none stated; derived from MNIST ({_NO_LICENCE_OF_MNIST})",
        citation="H. Larochelle, I. Murray (2011), The neural autoregressive distribution estimator, AISTATS; "
        + _LECUN,
        factory=f"{_FACTORIES}:mnist_static",
        files=MNIST_STATIC,
    ),
    DatasetCard(
        spec=SPECS["mnist-dynamic"],
        summary="MNIST made binary by a draw with the grey level as probability, anew in every epoch",
        sizes=_THREE,
        splits=f"{_LIKELIHOOD_SPLIT}; training images are drawn anew each time they are met, the validation and"
        " test images are one draw (PCG64, seeds 1 and 2). Not to be compared with mnist-static",
        source="drawn here from MNIST",
        licence=_NO_LICENCE_OF_MNIST,
        citation="R. Salakhutdinov, I. Murray (2008), On the quantitative analysis of deep belief networks, ICML; "
        + _LECUN,
        factory=f"{_FACTORIES}:mnist_dynamic",
        files=MNIST,
    ),
    DatasetCard(
        spec=SPECS["omniglot"],
        summary="32,415 handwritten characters of 50 alphabets, 28x28, made binary by a draw, anew in every epoch",
        sizes=(23_000, 1_345, 8_070),
        splits="24,345 and 8,070 characters as published, 1,345 of the training ones to validate: the last ones of"
        " the shuffle that Burda et al. made (MT19937, seed 123). Grey levels are rounded to 1/255; training images"
        " are drawn anew each time they are met, the validation and test images are one draw (PCG64, seeds 1 and 2)."
        " The published file is known by its name in git (sha1_git) alone, and its reader has been tried on files of"
        " the same form, not on it",
        source="Y. Burda: iwae, datasets/OMNIGLOT/chardata.mat, made from B. Lake's images",
        licence="MIT (the images, in B. Lake's repository)",
        citation="B. Lake, R. Salakhutdinov, J. Tenenbaum (2015), Human-level concept learning through probabilistic"
        " program induction, Science 350(6266), 1332-1338; Y. Burda, R. Grosse, R. Salakhutdinov (2016), Importance"
        " weighted autoencoders, ICLR",
        factory="genbench_datasets.published.omniglot:omniglot",
        files=OMNIGLOT,
    ),
    DatasetCard(
        spec=SPECS["cifar10"],
        summary="60,000 photographs of ten kinds of things, 32x32, 8-bit colour",
        sizes=(45_000, 5_000, 10_000),
        splits="the first 45,000 images of the five training batches to train, the last 5,000 to validate, the"
        " test batch to test; the batches are shuffled as published",
        source="A. Krizhevsky: CIFAR-10, binary version",
        licence="none stated by its author",
        citation="A. Krizhevsky (2009), Learning multiple layers of features from tiny images, technical report,"
        " University of Toronto",
        factory=f"{_FACTORIES}:cifar10",
        files=CIFAR10,
    ),
)

_FIRST_OF_TEXT = "the first character of each window counts, and windows know nothing of what precedes them."
_WINDOWS_OF_TEXT = (
    "each part is cut into windows of 256 characters that do not overlap; what is left over is dropped"
)

TEXT = (
    DatasetCard(
        spec=SPECS["tiny-shakespeare"],
        summary="Shakespeare's plays, 1,115,394 characters of 65 kinds, windows of 256",
        sizes=(3_921, 217, 217),
        splits="the first 1,003,854 characters to train; of the last 111,540 the first half to validate, the"
        f" second half to test; {_WINDOWS_OF_TEXT}. Codes are the characters' places in sorted order",
        source="A. Karpathy: char-rnn, data/tinyshakespeare",
        licence="the text is in the public domain",
        citation="A. Karpathy (2015), The unreasonable effectiveness of recurrent neural networks",
        factory="genbench_datasets.published.text:tiny_shakespeare",
        likelihood_convention=f"{_FIRST_OF_TEXT} That costs 0.013 nats a character, by Kneser-Ney of context 5 as by an"
        " LSTM of ten seconds (tests/helpers/measure_window_costs.py). Bits/dim are bits per character",
        files=TINY_SHAKESPEARE,
        alphabet=tuple("\n !$&',-.3:;?" + ascii_uppercase + ascii_lowercase),
    ),
    DatasetCard(
        spec=SPECS["text8"],
        summary="Wikipedia in lower case, 100 million characters a-z and space, windows of 256",
        sizes=(351_562, 19_531, 19_531),
        splits=f"the first 90 million characters to train, 5 million to validate, 5 million to test;"
        f" {_WINDOWS_OF_TEXT}. Codes: 0 is the space, 1 to 26 are a to z",
        source="M. Mahoney: text8, the cleaned first 10^8 bytes of English Wikipedia, March 2006",
        licence="text of Wikipedia: CC BY-SA and GFDL",
        citation="M. Mahoney (2011), Large text compression benchmark; splits as T. Mikolov et al. (2012), Subword"
        " language modeling with neural networks",
        factory="genbench_datasets.published.text:text8",
        likelihood_convention=f"{_FIRST_OF_TEXT} What that costs was measured on tiny-shakespeare, in windows of the"
        " same length: 0.013 nats a character. Bits/dim are bits per character",
        files=TEXT8,
        alphabet=tuple(" " + ascii_lowercase),
    ),
)

_PIANO = "88 keys, MIDI 21 (A0) to 108 (C8); 1 where a key sounds"
_BOULANGER = (
    "N. Boulanger-Lewandowski, Y. Bengio, P. Vincent (2012), Modeling temporal dependencies in high-dimensional"
    " sequences: Application to polyphonic music generation and transcription, ICML"
)

_FIRST_OF_PIECES = (
    "nats per frame are all nats over all frames, and the first frame of each piece counts; Bai et al. (2018) leave the"
    " first frame of each piece out"
)


def _first_of_windows(steps: int, cost: str) -> str:
    return (
        "nats per frame are all nats over all frames. The first frame of each window counts, without any before it:"
        f" cutting into windows of {steps} costs about {cost} nats a frame, by an LSTM of ten seconds on whole pieces"
        " (tests/helpers/measure_window_costs.py)"
    )


MUSIC = (
    DatasetCard(
        spec=SPECS["jsb-chorales"],
        summary="Bach's 382 four-part chorales in quarter notes, windows of 16",
        sizes=(787, 260, 271),
        splits="229/76/77 chorales as published, each cut into windows of 16 quarter notes (four bars of 4/4) that do"
        f" not overlap; what is left over is dropped. {_PIANO}",
        source="C.-Z. A. Huang: JSB-Chorales-dataset, the chorales of Boulanger-Lewandowski et al.",
        licence="the music is in the public domain; the encoding states no licence",
        citation=_BOULANGER,
        factory="genbench_datasets.published.music:jsb_chorales",
        files=JSB_CHORALES,
        likelihood_convention=_first_of_windows(16, "0.18"),
    ),
    DatasetCard(
        spec=SPECS["nottingham"],
        summary="1,037 British and American folk tunes with chords, windows of 32 steps",
        sizes=(5355, 1382, 1344),
        splits="694/173/170 tunes as published, each cut into windows of 32 steps that do not overlap; what is left"
        f" over is dropped. {_PIANO}",
        source="S. Bai, J. Z. Kolter, V. Koltun: TCN, poly_music; the tunes of Boulanger-Lewandowski et al.",
        licence="see its repository",
        citation=_BOULANGER,
        factory="genbench_datasets.published.music:nottingham",
        files=NOTTINGHAM,
        likelihood_convention=_first_of_windows(32, "0.16"),
    ),
    DatasetCard(
        spec=SPECS["jsb-chorales-pieces"],
        summary="Bach's 382 four-part chorales in quarter notes, whole: 25 to 160 quarter notes",
        sizes=(229, 76, 77),
        splits=f"229/76/77 chorales as published, none cut. {_PIANO}",
        source="C.-Z. A. Huang: JSB-Chorales-dataset, the chorales of Boulanger-Lewandowski et al.",
        licence="the music is in the public domain; the encoding states no licence",
        citation=_BOULANGER,
        factory="genbench_datasets.published.music:jsb_chorales_pieces",
        files=JSB_CHORALES,
        likelihood_convention=_FIRST_OF_PIECES,
        window=16,
    ),
    DatasetCard(
        spec=SPECS["nottingham-pieces"],
        summary="1,037 British and American folk tunes with chords, whole: 40 to 1,793 steps",
        sizes=(694, 173, 170),
        splits=f"694/173/170 tunes as published, none cut. {_PIANO}",
        source="S. Bai, J. Z. Kolter, V. Koltun: TCN, poly_music; the tunes of Boulanger-Lewandowski et al.",
        licence="see its repository",
        citation=_BOULANGER,
        factory="genbench_datasets.published.music:nottingham_pieces",
        files=NOTTINGHAM,
        likelihood_convention=_FIRST_OF_PIECES,
        window=32,
    ),
)

SERIES = (
    DatasetCard(
        spec=SPECS["timegan-stocks"],
        summary="Google's shares 2004-2019, daily: open, high, low, close, adjusted close, volume; windows of 24 days",
        sizes=(1752, 525, 511),
        splits="blocks of 96 days in turn, three to train, one to validate, one to test: no two splits share a day, and"
        " all see the whole period; windows of one split start at every day of a block and overlap. TimeGAN itself"
        " tests on what it trains on. Each variable scaled to [0, 1] by its least and largest value, as TimeGAN does",
        source="J. Yoon: TimeGAN, data/stock_data.csv",
        licence="see its repository",
        citation="J. Yoon, D. Jarrett, M. van der Schaar (2019), Time-series generative adversarial networks, NeurIPS",
        factory="genbench_datasets.published.stocks:timegan_stocks",
        step="day",
        likelihood_convention="a density of values scaled to [0, 1]: nats per day of all six variables, the first day"
        " of each window included",
        files=TIMEGAN_STOCKS,
    ),
    DatasetCard(
        spec=DataSpec(name="timegan-stocks-returns", modality="series", event_shape=(24, 5)),
        summary="Google's shares 2004-2019, daily returns: open, high, low, close, volume, each by the day before;"
        " windows of 24 days; per cent, logarithmic, not standardised",
        sizes=(1752, 524, 511),
        splits="the blocks of timegan-stocks: 96 days in turn, three to train, one to validate, one to test; windows of"
        " one split start at every day of a block and overlap",
        source="J. Yoon: TimeGAN, data/stock_data.csv",
        licence="see its repository",
        citation="J. Yoon, D. Jarrett, M. van der Schaar (2019), Time-series generative adversarial networks, NeurIPS",
        factory="genbench_datasets.published.stock_returns:timegan_stocks_returns",
        step="day",
        likelihood_convention="a density of returns in per cent: nats per day of all five variables, the first day of"
        " each window included",
        files=TIMEGAN_STOCKS,
        ranking=RankingRule(
            metric="frechet_distance",
            reason="every family has samples, and the Fréchet distance compares how the variables of a day belong"
            " together",
            cannot_rank="returns depend so little on the days before, and calm and restless years differ so much, that"
            " held-out days beat marginals by two standard errors under some splits and fall behind under others",
        ),
    ),
)


def _density(name: str, summary: str, sizes: tuple[int, int, int]) -> DatasetCard:
    return DatasetCard(
        spec=SPECS[name],
        summary=f"{summary}: {SPECS[name].event_shape[0]} binary variables",
        sizes=sizes,
        splits="the three files as published",
        source="UCLA StarAI: Density-Estimation-Datasets",
        licence="see its repository and the sources named there",
        citation="J. Van Haaren, J. Davis (2012), Markov network structure learning: A randomized feature"
        " generation approach, AAAI",
        factory="genbench_datasets.published.binary_densities:binary_density",
        argument=name,
        files=BINARY_DENSITY[name],
    )


DENSITIES = (
    _density("nltcs", "disabilities of elderly people (NLTCS)", (16_181, 2_157, 3_236)),
    _density("mushrooms", "properties of mushrooms (UCI)", (2_000, 500, 5_624)),
    _density("dna", "splice junctions of DNA (UCI)", (1_600, 400, 1_186)),
    _density("plants", "where plants grow in North America (UCI)", (17_412, 2_321, 3_482)),
)


def _real_density(name: str, summary: str, sizes: tuple[int, int, int], splits: str) -> DatasetCard:
    return DatasetCard(
        spec=SPECS[name],
        summary=f"{summary}: {SPECS[name].event_shape[0]} real variables",
        sizes=sizes,
        splits=f"{splits}, as Papamakarios et al. have it. The published archive is known by its md5 alone, and its"
        " reader has been tried on files of the same form, not on it",
        source="G. Papamakarios: MAF datasets, data.tar.gz (doi:10.5281/zenodo.1161203), made from UCI's files",
        licence="CC BY 4.0 (UCI Machine Learning Repository)",
        citation="G. Papamakarios, T. Pavlakou, I. Murray (2017), Masked autoregressive flow for density estimation,"
        " NeurIPS",
        factory="genbench_datasets.published.uci_densities:uci_density",
        argument=name,
        files=UCI_DENSITY,
    )


_TENTHS = "the last tenth of the rows to test, the last tenth of the rest to validate"
_SCALED = "scaled to mean 0 and deviation 1"

REAL_DENSITIES = (
    _real_density(
        "power",
        "electric power of a household, by the minute (UCI)",
        (1_659_917, 184_435, 204_928),
        f"rows shuffled (MT19937, seed 42), uniform noise added where readings are rounded; {_TENTHS}; {_SCALED} by"
        " training and validation rows",
    ),
    _real_density(
        "gas",
        "chemical sensors in a mixture of gases (UCI)",
        (852_174, 94_685, 105_206),
        f"a quarter of the readings, shuffled in the published file; {_TENTHS}; of sensors that correlate by more than"
        f" 0.98 one is kept; {_SCALED} by all rows, test included",
    ),
    _real_density(
        "hepmass",
        "collisions that made a heavy particle, simulated (UCI)",
        (315_123, 35_013, 174_987),
        "events of label 1 in the published files of mass 1000; the last tenth of the training file to validate;"
        f" columns that hold the same number again and again left out; {_SCALED} by training and validation rows",
    ),
    _real_density(
        "miniboone",
        "electron neutrinos and muon neutrinos of MiniBooNE (UCI)",
        (29_556, 3_284, 3_648),
        f"{_TENTHS}, in the order of the published file; {_SCALED} by training and validation rows",
    ),
)

CARDS: tuple[DatasetCard, ...] = (*IMAGES, *DENSITIES, *REAL_DENSITIES, *TEXT, *MUSIC, *SERIES)
