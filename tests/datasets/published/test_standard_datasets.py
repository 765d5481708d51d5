"""The standard data sets: readers on small files of the same format, and the real files where a mirror is."""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from file_server import serving
from mirror import MIRROR, needs_mirror_of
from scipy.io import savemat
from tar_files import tar_gz

from genbench import DatasetCard, DataSpec, Split
from genbench.datasets.fetching import file_path
from genbench.datasets.pieces import window_spec, windows_of_split
from genbench.datasets.prepared import load_dataset
from genbench.errors import DataError
from genbench.util.checksums import parse_checksum
from genbench_datasets.published.binary_text import read_binary_text
from genbench_datasets.published.cards import CARDS
from genbench_datasets.published.idx_file import read_idx
from genbench_datasets.published.music import read_note_lists, read_piano_rolls, rolls_dataset
from genbench_datasets.published.standard_images import binary_draw, read_cifar_batches
from genbench_datasets.published.stock_returns import daily_returns
from genbench_datasets.published.stocks import blocks_dataset, read_prices
from genbench_datasets.published.text import text_dataset

BY_NAME = {card.name: card for card in CARDS}
# not in a mirror; their readers are tested on small files
UNMIRRORED = ("cifar10", "text8", "omniglot", "power", "gas", "hepmass", "miniboone")
MIRRORED = [card for card in CARDS if card.name not in UNMIRRORED]

# SHA-256 of each split's examples and labels, in order. If one changes, so must the card's version.
DIGESTS = {
    "mnist": ("fcd4fc49d5faa9ca", "6e945a5890e790eb", "a0863a96c44e5666"),
    "fashion-mnist": ("1678bd8b17b6961a", "61436e7a0446e2d0", "9a494dc49efeb996"),
    "mnist-static": ("43490d4d6ac90027", "069b4f0beb389b77", "ca0294c3b8d984c7"),
    "mnist-dynamic": ("620e67a1c83cee89", "4cfe9a679505326e", "5bec02c708edccae"),
    "nltcs": ("73385b66808848c9", "41bb0f2f25694dbc", "72c1a049d0fa72c1"),
    "mushrooms": ("bdc96ef5b74d908a", "a02bb4bbe086e127", "02d2b76d77c88d8f"),
    "dna": ("922e56f8c6c678f5", "4793c5edd798f7c8", "183aa2a8acb410c9"),
    "plants": ("3eaa89d06027568f", "eadd45dd8d884cf6", "52371eb14299c290"),
    "tiny-shakespeare": ("9e875291d05c1926", "d9d5b83d12398de7", "db31ed0bad80e160"),
    "jsb-chorales": ("326e225984121983", "98f6455eb9df0f61", "c3b96610d6ac0c01"),
    "nottingham": ("fe02b2ac957e5c2b", "7aaaae165711d162", "fe68a3c42109e9ab"),
    "jsb-chorales-pieces": ("fb2cc2fe5966f23e", "8011e35dbb6324db", "821ab8cbed608330"),
    "nottingham-pieces": ("751c8a69e96a7dd3", "5227c25008b164b5", "0adfc587b7bd2a73"),
    "timegan-stocks": ("5af79a410ca798fe", "7c638ab5cfa2d86f", "f3ee6c183b1caf56"),
    "timegan-stocks-returns": ("6d75f877fc0749d7", "3ca67bdbbebb7730", "ecacb13c164217a0"),
}


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


# ---- the readers


@pytest.mark.parametrize("shape", [(5,), (3, 28, 28), (0, 4)])
@pytest.mark.parametrize("compressed", [False, True])
def test_idx_files_are_read(tmp_path: Path, shape: tuple[int, ...], compressed: bool) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    content = idx(array)
    (tmp_path / "x").write_bytes(gzip.compress(content) if compressed else content)
    assert np.array_equal(read_idx(tmp_path / "x"), array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"<html>no such page</html>", "not an IDX file"),
        (b"\0\0\x0d\1\0\0\0\1\0\0\0\0", "not an IDX file of unsigned bytes"),
        (b"\0\0\x08\3\0\0\0\1", "ends within its header"),
        (idx(np.zeros((2, 3))) + b"x", "7 bytes of data, its header says 2x3"),
        (b"\0\0\x08\3" + b"\xff" * 12, "its header says 4294967295x4294967295x4294967295, more than 2,147"),
        (b"\0\0\x08\xff" + b"\0\0\0\1" * 255, "its header says 1x1"),
        (gzip.compress(idx(np.zeros((2, 3))) + bytes(10**7)), "7 bytes of data, its header says 2x3"),
        (idx(np.zeros((2, 3)))[:-1], "5 bytes of data, its header says 2x3"),
        (gzip.compress(idx(np.zeros(1000)), mtime=0)[:30], "cannot be decompressed"),
    ],
)
def test_other_files_are_named_with_what_is_wrong(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(DataError, match=f"bad: .*{message}"):
        read_idx(tmp_path / "bad")


@pytest.mark.parametrize(("separator", "last"), [(" ", "\n"), (",", "\n"), (",", "")])
def test_binary_text_is_read(tmp_path: Path, separator: str, last: str) -> None:
    values = np.random.default_rng(0).integers(0, 2, (7, 5), dtype=np.uint8)
    text = "\n".join(separator.join(map(str, row)) for row in values) + last
    (tmp_path / "x").write_text(text)
    assert np.array_equal(read_binary_text(tmp_path / "x", 5, separator), values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no whole number of lines"),
        ("0,1,0\n0,1\n", "10 bytes are no whole number of lines of 3 values"),
        ("0,1,0\n0,2,0\n", "line 2 is not 3 of 0 or 1"),
        ("0,1,0\n0,1 0\n", "line 2 is not"),
        ("0,1,0,0,1,0\n", "line 1 is not"),
        ("0,.,0\n", "line 1 is not"),
    ],
)
def test_lines_that_are_not_binary_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad").write_text(text)
    with pytest.raises(DataError, match=message):
        read_binary_text(tmp_path / "bad", 3, ",")


def test_a_binary_draw_has_the_probabilities_of_the_grey_levels() -> None:
    levels = np.array([0, 1, 64, 128, 200, 254, 255], np.uint8)
    grey = np.broadcast_to(levels, (40_000, len(levels))).copy()
    share = binary_draw(grey, seed=0).mean(0)
    spread = np.sqrt(levels / 255 * (1 - levels / 255) / len(grey))
    assert (np.abs(share - levels / 255) <= 5 * spread).all()
    assert share[0] == 0.0
    assert share[-1] == 1.0
    assert not np.array_equal(binary_draw(grey, 0), binary_draw(grey, 1))


def test_a_binary_draw_does_not_depend_on_a_library() -> None:
    """PCG64's words are fixed by its definition; here is what they come to."""
    drawn = binary_draw(np.full((4, 64), 128, np.uint8), seed=1)
    assert hashlib.sha256(drawn.tobytes()).hexdigest()[:16] == "b1284b90eb0de963"


def test_cifar_batches_are_read_from_the_archive(tmp_path: Path) -> None:
    records = np.random.default_rng(0).integers(0, 256, (4, 3073), dtype=np.uint8)
    path = tmp_path / "x.tar.gz"
    path.write_bytes(tar_gz({"a.bin": records[:3].tobytes(), "b.bin": records[3:].tobytes()}))
    first, second = read_cifar_batches(path, ["a.bin", "b.bin"])
    assert np.array_equal(np.concatenate([first, second]), records)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive", "not the archive it should be"),
        (tar_gz({"b.bin": b"x" * 3073}), "holds no a.bin"),
        (tar_gz({"a.bin": b"x" * 3000}), "a.bin has 3000 bytes, no whole number of records"),
        (tar_gz({"a.bin": np.random.default_rng(0).bytes(3073)})[:400], "not the archive it should be"),
    ],
)
def test_other_archives_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_cifar_batches(tmp_path / "bad", ["a.bin"])


def test_texts_are_windows_that_do_not_overlap() -> None:
    spec = DataSpec(name="text", modality="tokens", event_shape=(4,), levels=50)
    dataset = text_dataset(spec, np.arange(30, dtype=np.uint8), train=18, valid=24)
    assert dataset.train.x.flatten().tolist() == list(range(16))
    assert dataset.valid.x.flatten().tolist() == [18, 19, 20, 21]
    assert dataset.test.x.flatten().tolist() == [24, 25, 26, 27]


def test_note_lists_become_piano_rolls(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"train": [[[60, 64], []], [[21]]], "valid": [[[108]]], "test": [[[21, 21]]]}))
    train, valid, test = read_note_lists(path)
    assert [roll.shape for roll in train] == [(2, 88), (1, 88)]
    assert np.flatnonzero(train[0][0]).tolist() == [39, 43]
    assert train[0][1].sum() == 0
    assert valid[0][0, 87] == 1
    assert test[0].sum() == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not lists of pitches"),
        ('{"train": []}', "not lists of pitches"),
        ('{"train": [[[20]]], "valid": [], "test": []}', "train 0: pitch 20 at step 0 is not on a piano"),
        ('{"train": [[7]], "valid": [], "test": []}', "not lists of pitches"),
        (
            '{"train": [[[60.5]]], "valid": [], "test": []}',
            r"train 0: pitch 60\.5 at step 0 is not on a piano",
        ),
    ],
)
def test_other_note_lists_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad").write_text(text)
    with pytest.raises(DataError, match=message):
        read_note_lists(tmp_path / "bad")


def test_piano_rolls_of_matlab_are_read(tmp_path: Path) -> None:
    def cells(*lengths: int) -> np.ndarray:
        cell = np.empty((1, len(lengths)), object)
        for number, length in enumerate(lengths):
            cell[0, number] = np.eye(length, 88)
        return cell

    parts = {"traindata": cells(5, 9), "validdata": cells(4), "testdata": cells(8)}
    savemat(tmp_path / "x.mat", parts)
    train, valid, test = read_piano_rolls(tmp_path / "x.mat")
    assert [roll.shape for roll in (*train, *valid, *test)] == [(5, 88), (9, 88), (4, 88), (8, 88)]
    spec = DataSpec(name="roll", modality="pianoroll", event_shape=(4, 88), levels=2)
    dataset = rolls_dataset(spec, train, valid, test)
    assert [len(part) for part in (dataset.train, dataset.valid, dataset.test)] == [3, 1, 2]
    assert np.array_equal(dataset.train.x[2].numpy(), np.eye(9, 88, dtype=np.uint8)[4:8])

    savemat(tmp_path / "bad.mat", {"traindata": cells(3)})
    (tmp_path / "worse.mat").write_bytes(b"no such format" * 20)
    savemat(tmp_path / "grey.mat", {name: [[np.full((3, 88), 0.5)]] for name in parts})
    for name in ("bad.mat", "worse.mat", "grey.mat"):
        with pytest.raises(DataError, match=f"{name}: "):
            read_piano_rolls(tmp_path / name)


def test_blocks_of_time_go_to_the_splits_in_turn() -> None:
    spec = DataSpec(name="days", modality="series", event_shape=(24, 1))
    days = np.arange(96 * 6 + 30, dtype=np.float64)[:, None]
    dataset = blocks_dataset(spec, days)
    seen = {
        name: set(getattr(dataset, name).x.flatten().int().tolist()) for name in ("train", "valid", "test")
    }
    assert seen["valid"] == set(range(3 * 96, 4 * 96))
    assert seen["test"] == set(range(4 * 96, 5 * 96))
    assert seen["train"] == set(range(3 * 96)) | set(range(5 * 96, len(days)))
    assert not seen["train"] & (seen["valid"] | seen["test"])
    assert dataset.valid.x[1].flatten().tolist() == list(range(3 * 96 + 1, 3 * 96 + 25))


def test_prices_that_are_none_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b,c,d,e,f\n1,2,3,4,5,6\n7,8,9,10,11,12\n")
    assert read_prices(tmp_path / "x.csv").shape == (2, 6)
    for text in ("a,b\n1,2\n", "a,b,c,d,e,f\n1,2,3,4,5,six\n"):
        (tmp_path / "bad.csv").write_text(text)
        with pytest.raises(DataError, match=r"bad\.csv: "):
            read_prices(tmp_path / "bad.csv")


# ---- the cards


def test_every_file_is_pinned_and_has_several_addresses() -> None:
    for card in CARDS:
        assert card.files
        assert not card.embedded
        for file in card.files:
            assert len(set(file.addresses)) >= 2
            assert all(address.startswith(("https://", "http://")) for address in file.addresses)
            algorithm = parse_checksum(file.checksum).algorithm
            if algorithm == "sha256":
                assert file.size_bytes
            else:  # its publisher gives no other, and the card says so
                assert algorithm in card.splits
        for words in (card.splits, card.source, card.licence, card.citation):
            assert words


def test_a_name_is_of_one_file() -> None:
    files = {file for card in CARDS for file in card.files}
    assert len({file.name for file in files}) == len(files)


# ---- the real files


@pytest.fixture(scope="module")
def mirrored() -> Iterator[str]:
    """The mirror behind a real server; nothing is read past it."""
    names = needs_mirror_of(MIRRORED)
    with serving({name: (MIRROR / name).read_bytes() for name in names}) as server:
        yield server.address


@pytest.fixture(scope="module")
def cache(mirrored: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENBENCH_DATA", str(tmp_path_factory.mktemp("published")))
        patch.setenv("GENBENCH_MIRROR", mirrored)
        yield


def digest(split: Split) -> str:
    labels = b"" if split.y is None else split.y.numpy().tobytes()
    return hashlib.sha256(split.x.numpy().tobytes() + labels).hexdigest()[:16]


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("card", MIRRORED, ids=lambda card: card.name)
def test_splits_are_fixed(card: DatasetCard) -> None:
    """Fetched over the loopback; `load_dataset` raises where sizes, values or labels are not the card's."""
    dataset = load_dataset(card)
    found = (digest(dataset.train), digest(dataset.valid), digest(dataset.test))
    assert found == DIGESTS[card.name]


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("name", "expected"), [("jsb-chorales-pieces", 11.060), ("nottingham-pieces", 10.252)]
)
def test_pieces_have_the_likelihood_of_the_literature_under_single_notes(name: str, expected: float) -> None:
    """Each key by itself, sounding as often as in training (half a count added to either case): nats per frame of the
    test pieces, their first frames included."""
    dataset = load_dataset(BY_NAME[name])
    frames = [piece.double() for split in (dataset.train, dataset.test) for piece in [_frames(split)]]
    share = (frames[0].sum(0) + 0.5) / (len(frames[0]) + 1)
    nats = -(frames[1] * share.log() + (1 - frames[1]) * (-share).log1p()).sum(1)
    assert float(nats.mean()) == pytest.approx(expected, abs=5e-4)


def _frames(split: Split) -> torch.Tensor:
    assert split.lengths is not None
    return torch.cat([piece[:length] for piece, length in zip(split.x, split.lengths.tolist(), strict=True)])


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("name", ["jsb-chorales", "nottingham"])
def test_windows_and_pieces_are_of_the_same_music(name: str) -> None:
    card = BY_NAME[f"{name}-pieces"]
    assert card.window == BY_NAME[name].spec.event_shape[0]
    pieces, windows = load_dataset(card).test, load_dataset(BY_NAME[name]).test
    cut = windows_of_split(pieces, window_spec(card))
    assert torch.equal(cut.x, windows.x)
    assert cut.starts is not None
    assert windows.starts is not None
    assert torch.equal(cut.starts, windows.starts)


@pytest.mark.usefixtures("cache")
def test_mnist_is_split_as_the_literature_has_it() -> None:
    dataset = load_dataset(BY_NAME["mnist"])
    whole = read_idx(file_path(BY_NAME["mnist"].files[0]))
    assert np.array_equal(dataset.train.x[:, 0].numpy(), whole[:50_000])
    assert np.array_equal(dataset.valid.x[:, 0].numpy(), whole[50_000:])
    assert dataset.test.y is not None
    assert torch.bincount(dataset.test.y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.mark.usefixtures("cache")
def test_dynamic_binarisation_is_of_the_same_images() -> None:
    grey, binary = load_dataset(BY_NAME["mnist"]), load_dataset(BY_NAME["mnist-dynamic"])
    assert binary.train.grey is not None
    assert torch.equal(binary.train.grey, grey.train.x)
    assert binary.valid.grey is None
    assert binary.test.grey is None
    assert not binary.test.x[grey.test.x == 0].any()
    assert binary.test.x[grey.test.x == 255].all()


@pytest.mark.usefixtures("cache")
def test_static_and_dynamic_are_kept_apart() -> None:
    static, dynamic = load_dataset(BY_NAME["mnist-static"]), load_dataset(BY_NAME["mnist-dynamic"])
    assert static.spec.name != dynamic.spec.name
    assert not torch.equal(static.test.x, dynamic.test.x)


@pytest.mark.usefixtures("cache")
def test_sub_samples_of_a_sorted_file_have_every_class() -> None:
    """The test file of mnist-static is MNIST's, sorted by class, and so its labels are known."""
    grey, static = load_dataset(BY_NAME["mnist"]).test, load_dataset(BY_NAME["mnist-static"]).test
    assert grey.y is not None
    labels, order = grey.y.sort(stable=True)
    assert not static.x[grey.x[order] == 0].any(), "a pixel that is black is never drawn"
    assert static.x[grey.x[order] == 255].all(), "and one that is white always"

    numbered = replace(static, y=torch.arange(len(static)))
    expected = torch.bincount(labels) / len(labels)
    for seed in range(5):
        drawn = numbered.random_subset(1000, seed)
        assert drawn.y is not None
        assert torch.equal(drawn.x, static.x[drawn.y])
        counts = torch.bincount(labels[drawn.y], minlength=10)
        # hypergeometric: mean n p, variance n p (1 - p) (N - n) / (N - 1)
        spread = (1000 * expected * (1 - expected) * 9000 / 9999).sqrt()
        assert ((counts - 1000 * expected).abs() < 4.5 * spread).all()
        assert drawn.y.diff().min() < 0, "in no order"
    assert torch.bincount(labels[:1000], minlength=10).tolist() == [980, 20, *[0] * 8], (
        "a prefix would not do"
    )


@pytest.mark.usefixtures("cache")
def test_chorales_are_as_published() -> None:
    """Two encodings by different people, and what the frequencies of single notes come to on the test pieces, the
    first frame of each included: 11.060 nats a frame."""
    pieces = read_note_lists(file_path(BY_NAME["jsb-chorales"].files[0]))
    assert [len(part) for part in pieces] == [229, 76, 77]
    matlab = MIRROR / "polyphonic" / "JSB_Chorales.mat"
    if matlab.is_file():
        for ours, theirs in zip(pieces, read_piano_rolls(matlab), strict=True):
            assert all(np.array_equal(one, other) for one, other in zip(ours, theirs, strict=True))

    train, _, test = (np.concatenate(part).astype(np.float64) for part in pieces)
    frequency = (train.sum(0) + 0.5) / (len(train) + 1)  # Krichevsky and Trofimov: no note is impossible
    nats = -(test * np.log(frequency) + (1 - test) * np.log1p(-frequency)).sum(1).mean()
    assert nats == pytest.approx(11.060, abs=5e-4)

    windows = load_dataset(BY_NAME["jsb-chorales"]).test.x.numpy()
    assert windows.shape[1:] == (16, 88)
    cut = [piece[: len(piece) // 16 * 16].reshape(-1, 16, 88) for piece in pieces[2]]
    assert np.array_equal(windows, np.concatenate(cut)), "from the first frame on"


@pytest.mark.usefixtures("cache")
def test_shakespeare_is_cut_where_the_literature_cuts_it() -> None:
    text = file_path(BY_NAME["tiny-shakespeare"].files[0]).read_text("ascii")
    alphabet = sorted(set(text))
    assert len(text[:1_003_854]) + 111_540 == len(text)
    assert len(alphabet) == 65
    dataset = load_dataset(BY_NAME["tiny-shakespeare"])

    def decoded(split: Split) -> str:
        return "".join(alphabet[code] for code in split.x.flatten().tolist())

    start, middle = 1_003_854, 1_003_854 + 111_540 // 2
    for split, begin, end in (
        (dataset.train, 0, start),
        (dataset.valid, start, middle),
        (dataset.test, middle, None),
    ):
        part = text[begin:end]
        assert decoded(split) == part[: len(part) // 256 * 256]


def test_returns_are_those_of_the_day_before() -> None:
    values = np.array([[9.0, 11.0, 8.0, 10.0, 10.0, 100.0], [10.0, 20.0, 5.0, 10.0, 10.0, 50.0]])
    expected = 100 * np.log([[1.0, 2.0, 0.5, 1.0, 0.5]])
    np.testing.assert_allclose(daily_returns(values), expected, atol=1e-12)
