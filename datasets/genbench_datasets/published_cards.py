"""What the standard data sets are, and where they come from. No torch here."""

from __future__ import annotations

from genbench import DatasetCard
from genbench_datasets.published_files import BINARY_DENSITY, FASHION_MNIST, MNIST, MNIST_STATIC
from genbench_datasets.published_specs import SPECS

_FACTORIES = "genbench_datasets.standard_images"
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
        factory="genbench_datasets.binary_densities:binary_density",
        argument=name,
        files=BINARY_DENSITY[name],
    )


DENSITIES = (
    _density("nltcs", "disabilities of elderly people (NLTCS)", (16_181, 2_157, 3_236)),
    _density("mushrooms", "properties of mushrooms (UCI)", (2_000, 500, 5_624)),
    _density("dna", "splice junctions of DNA (UCI)", (1_600, 400, 1_186)),
    _density("plants", "where plants grow in North America (UCI)", (17_412, 2_321, 3_482)),
)

CARDS: tuple[DatasetCard, ...] = (*IMAGES, *DENSITIES)
