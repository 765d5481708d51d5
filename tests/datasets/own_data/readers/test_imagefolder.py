"""`imagefolder:PATH`: real images of many kinds, and what is said of files that are none."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from own_cards import card_of, dataset_of
from PIL import Image

from genbench.errors import DataError, UsageError

RNG = np.random.default_rng(0)


def pixels(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def save(array: np.ndarray, path: str, **options: object) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)  # type: ignore[arg-type]


def write_folder(
    folder: str = "photos", count: int = 20, *shape: int, suffix: str = "png"
) -> list[np.ndarray]:
    arrays = [pixels(*(shape or (6, 5, 3))) for _ in range(count)]
    for index, array in enumerate(arrays):
        save(array, f"{folder}/{index:02d}.{suffix}")
    return arrays


def found(name: str) -> set[bytes]:
    dataset = dataset_of(name)
    x = torch.cat([split.x for split in (dataset.train, dataset.valid, dataset.test)]).numpy()
    return {each.tobytes() for each in x}


def test_images_in_colour() -> None:
    arrays = write_folder()
    card = card_of("imagefolder:photos")
    assert card.spec.modality == "image"
    assert card.spec.event_shape == (3, 6, 5)
    assert card.spec.levels == 256
    assert card.spec.classes is None
    assert card.sizes == (12, 4, 4)
    assert found("imagefolder:photos") == {array.transpose(2, 0, 1).tobytes() for array in arrays}


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tiff", "webp", "pgm"])
def test_grey_images_of_many_kinds(suffix: str) -> None:
    lossless = {"lossless": True} if suffix == "webp" else {}
    arrays = [pixels(6, 5) for _ in range(12)]
    for index, array in enumerate(arrays):
        save(array, f"photos/{index}.{suffix}", **lossless)
    card = card_of("imagefolder:photos")
    assert card.spec.event_shape[1:] == (6, 5)
    in_channels = np.stack([[array] * card.spec.event_shape[0] for array in arrays])
    assert found("imagefolder:photos") == {array.tobytes() for array in in_channels}
    assert card.spec.event_shape[0] == (
        3 if suffix in ("gif", "webp") else 1
    )  # those have colours or a palette


def test_one_image_in_colour_makes_all_of_three_channels() -> None:
    greys = write_folder("photos", 11, 6, 5)
    save(pixels(6, 5, 3), "photos/colour.png")
    assert card_of("imagefolder:photos").spec.event_shape == (3, 6, 5)
    assert {np.stack([grey] * 3).tobytes() for grey in greys} <= found("imagefolder:photos")


def test_folders_are_classes() -> None:
    for name, count in (("dog", 10), ("cat/old", 6), ("cat/young", 4), ("eel", 5)):
        for index in range(count):
            array = pixels(4, 4)
            array[0, 0] = {"c": 0, "d": 1, "e": 2}[name[0]]
            save(array, f"photos/{name}/{index}.png")
    card = card_of("imagefolder:photos")
    assert card.spec.classes == 3
    assert "cat, dog, eel" in card.summary
    dataset = dataset_of("imagefolder:photos")
    for split in (dataset.train, dataset.valid, dataset.test):
        assert split.y is not None
        assert split.y.tolist() == split.x[:, 0, 0, 0].tolist()
        assert split.y.bincount().tolist() in ([6, 6, 3], [2, 2, 1])


def test_one_folder_is_no_class() -> None:
    write_folder("photos/all")
    assert card_of("imagefolder:photos").spec.classes is None


def test_folders_called_after_splits_are_splits() -> None:
    counts = {"train": 12, "val": 4, "test": 6}
    of_split = {}
    for split, count in counts.items():
        arrays = [
            *write_folder(f"photos/{split}/a", count // 2),
            *write_folder(f"photos/{split}/b", count // 2),
        ]
        of_split[split] = {array.transpose(2, 0, 1).tobytes() for array in arrays}
    card = card_of("imagefolder:photos")
    assert card.sizes == (12, 4, 6)
    assert card.spec.classes == 2
    assert card.splits == "train, valid, test as published"
    dataset = dataset_of("imagefolder:photos")
    assert {each.tobytes() for each in dataset.test.x.numpy()} == of_split["test"]
    assert {each.tobytes() for each in dataset.valid.x.numpy()} == of_split["val"]


def test_a_split_that_is_missing_is_taken_from_train() -> None:
    train = {array.transpose(2, 0, 1).tobytes() for array in write_folder("photos/train", 20)}
    write_folder("photos/test", 6)
    card = card_of("imagefolder:photos")
    assert card.sizes == (16, 4, 6)
    assert "valid is a fifth of train" in card.splits
    dataset = dataset_of("imagefolder:photos")
    assert {each.tobytes() for each in (*dataset.train.x.numpy(), *dataset.valid.x.numpy())} == train


def test_equal_images_share_a_split() -> None:
    arrays = write_folder(count=15)
    for index, array in enumerate(arrays):
        save(array, f"photos/again{index}.png")
    dataset = dataset_of("imagefolder:photos")
    splits = [
        {each.tobytes() for each in split.x.numpy()} for split in (dataset.train, dataset.valid, dataset.test)
    ]
    assert sum(map(len, splits)) == 15
    assert [len(dataset.train), len(dataset.valid), len(dataset.test)] == [18, 6, 6]


def test_images_are_stretched_to_a_size() -> None:
    save(pixels(40, 30, 3), "photos/a.png")
    for index in range(12):
        save(pixels(8 + index, 9, 3), f"photos/{index}.png")
    assert card_of("imagefolder:photos?size=7x5").spec.event_shape == (3, 5, 7)
    expected = np.asarray(Image.open("photos/a.png").resize((7, 5), Image.Resampling.LANCZOS)).transpose(
        2, 0, 1
    )
    assert expected.tobytes() in found("imagefolder:photos?size=7x5")


def test_what_is_transparent_is_laid_on_white() -> None:
    write_folder("photos", 11, 2, 2)
    clear = np.zeros((2, 2, 4), np.uint8)
    clear[0, 0] = (10, 20, 30, 255)
    save(clear, "photos/clear.png")
    expected = np.full((3, 2, 2), 255, np.uint8)
    expected[:, 0, 0] = (10, 20, 30)
    assert expected.tobytes() in found("imagefolder:photos")


def test_a_photograph_is_turned_as_its_camera_was() -> None:
    for index in range(11):
        save(pixels(4, 6, 3), f"photos/{index}.png")
    upright = pixels(4, 6, 3)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to look at it
    save(np.rot90(upright).copy(), "photos/turned.png", exif=exif)
    assert card_of("imagefolder:photos").spec.event_shape == (3, 4, 6)
    assert upright.transpose(2, 0, 1).tobytes() in found("imagefolder:photos")


def test_hidden_files_and_what_systems_leave_are_passed_over() -> None:
    write_folder()
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", ".hidden/x.txt", "__MACOSX/._00.png"):
        path = Path("photos", name)
        path.parent.mkdir(exist_ok=True)
        path.write_text("no image")
    assert sum(card_of("imagefolder:photos").sizes) == 20


def test_a_link_to_a_folder_above_is_no_endless_way() -> None:
    write_folder("photos/all")
    Path("photos/all/up").symlink_to(Path("photos").resolve())
    Path("elsewhere").mkdir()
    save(pixels(6, 5, 3), "elsewhere/linked.png")
    Path("photos/all/linked").symlink_to(Path("elsewhere").resolve())
    assert sum(card_of("imagefolder:photos").sizes) == 21


# ---- what is wrong is named


def png(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "png")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "10.png",
            png(pixels(6, 4, 3)),
            r"photos/10\.png: 4x6 pixels, but photos/00\.png has 5x6; all must be of one",
        ),
        ("10.png", png(pixels(6, 5, 3))[:-30], r"photos/10\.png: (cannot be read|broken): "),
        ("10.png", png(pixels(6, 5, 3))[:20], r"photos/10\.png: "),
        ("10.png", b"", r"photos/10\.png: no image, or none of a format that is read here; only=GLOB"),
        ("notes.txt", b"to do", r"photos/notes\.txt: no image, .*; only=GLOB chooses"),
        ("labels.csv", b"a,b\n1,2\n", r"photos/labels\.csv: no image"),
    ],
)
def test_a_broken_file_is_named(name: str, content: bytes, message: str) -> None:
    write_folder()
    Path("photos", name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        card_of("imagefolder:photos")
    assert len(str(caught.value).splitlines()) == 1
    if name not in ("10.png", "00.png"):
        assert sum(card_of("imagefolder:photos?only=*.png").sizes) == 20


@pytest.mark.parametrize("at", range(8, 100, 13))
def test_a_damaged_byte_never_makes_another_error(at: int) -> None:
    """It is either an image all the same or named."""
    write_folder()
    content = bytearray(Path("photos/07.png").read_bytes())
    content[at % len(content)] ^= 0x5A
    Path("photos/07.png").write_bytes(content)
    try:
        outcome = str(sum(card_of("imagefolder:photos").sizes))
    except DataError as error:
        outcome = str(error)
    assert outcome == "20" or outcome.startswith("photos/07.png: ")


def test_more_than_bytes_and_more_than_one_frame_are_refused() -> None:
    write_folder()
    Image.fromarray(RNG.integers(0, 2**16, (6, 5), dtype=np.uint16)).save("photos/deep.png")
    with pytest.raises(DataError, match=r"photos/deep\.png: 16 bits a channel; expected 8"):
        card_of("imagefolder:photos")
    Path("photos/deep.png").unlink()
    frames = [Image.fromarray(pixels(6, 5)) for _ in range(3)]
    frames[0].save("photos/moving.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match=r"photos/moving\.gif: 3 frames; expected one"):
        card_of("imagefolder:photos")


def test_images_beside_class_folders() -> None:
    write_folder("photos/cat", 10)
    write_folder("photos/dog", 10)
    save(pixels(6, 5, 3), "photos/stray.png")
    with pytest.raises(
        DataError, match=r"photos/stray\.png: lies beside the class folders cat, dog; expected"
    ):
        card_of("imagefolder:photos")


def test_a_class_of_one_image() -> None:
    write_folder("photos/cat", 10)
    write_folder("photos/dog", 1)
    with pytest.raises(
        DataError, match="imagefolder:photos: class 'dog' has 1 example; a class needs 3 different"
    ):
        card_of("imagefolder:photos")


def test_splits_with_something_beside_them() -> None:
    write_folder("photos/train", 10)
    write_folder("photos/spare", 10)
    with pytest.raises(
        DataError, match=r"photos/spare/00\.png: beside photos/train, which looks like a split"
    ):
        card_of("imagefolder:photos")
    Path("photos/spare").rename("photos/val")
    write_folder("photos/validation", 10)
    with pytest.raises(DataError, match="photos/validation: a second valid split"):
        card_of("imagefolder:photos")


def test_folders_that_cannot_be() -> None:
    Path("photos").mkdir()
    with pytest.raises(DataError, match="photos: no files in it"):
        card_of("imagefolder:photos")
    save(pixels(4, 4), "photos/a.png")
    with pytest.raises(DataError, match="imagefolder:photos: 1 example; 10 are needed"):
        card_of("imagefolder:photos")
    with pytest.raises(DataError, match=r"photos: no files like \*\.jpg in it"):
        card_of("imagefolder:photos?only=*.jpg")
    with pytest.raises(DataError, match=r"photos/a\.png: is a file; imagefolder takes a folder"):
        card_of("imagefolder:photos/a.png")
    with pytest.raises(UsageError, match="size=32: expected WIDTHxHEIGHT"):
        card_of("imagefolder:photos?size=32")


def test_images_that_do_not_fit_into_memory_are_not_begun() -> None:
    write_folder(count=12)
    with pytest.raises(
        DataError, match=r"12 images of 2000000x2000000 in 3 channels take .* GB .* free; size="
    ):
        card_of("imagefolder:photos?size=2000000x2000000")
