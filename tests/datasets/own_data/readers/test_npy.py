"""`npy:PATH`: what an array's examples are, and what is said of arrays that have none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from own_cards import card_of, dataset_of

from genbench.errors import DataError, UnknownNameError, UsageError

RNG = np.random.default_rng(0)


def floats(*shape: int, dtype: str = "f4") -> np.ndarray:
    return RNG.normal(size=shape).astype(dtype)


def integers(levels: int, *shape: int, dtype: str = "u1") -> np.ndarray:
    return RNG.integers(0, levels, shape).astype(dtype)


@pytest.mark.parametrize(
    ("array", "options", "modality", "event_shape", "levels"),
    [
        (floats(20, 3), "", "points", (3,), None),
        (floats(20, 6, 2), "", "series", (6, 2), None),
        (floats(20, 3, 6, 5), "", "image", (3, 6, 5), None),
        (floats(20, 6, 5), "?modality=image", "image", (1, 6, 5), None),
        (floats(20, 3, dtype="f8"), "", "points", (3,), None),
        (floats(20, 3, dtype="f2"), "", "points", (3,), None),
        (floats(20, 3, dtype=">f8"), "", "points", (3,), None),
        (np.asfortranarray(floats(20, 3, dtype="f8")), "", "points", (3,), None),
        (floats(40, 3)[::2], "", "points", (3,), None),
        (integers(256, 20, 6, 5), "", "image", (1, 6, 5), 256),
        (integers(256, 20, 3, 6, 5), "", "image", (3, 6, 5), 256),
        (integers(16, 20, 6, 5), "?levels=16", "image", (1, 6, 5), 16),
        (integers(2, 20, 12), "?levels=2", "points", (12,), 2),
        (integers(2, 20, 12, dtype="?"), "", "points", (12,), 2),
        (integers(2, 20, 6, 5, dtype="?"), "", "image", (1, 6, 5), 2),
        (integers(2, 20, 6, 88, dtype="?"), "?modality=pianoroll", "pianoroll", (6, 88), 2),
        (integers(4096, 20, 6, 5, dtype="u2"), "?levels=4096", "image", (1, 6, 5), 4096),
        (integers(300, 20, 12, dtype="i8"), "?levels=300&modality=tokens", "tokens", (12,), 300),
        (integers(4, 20, 12, dtype="f8"), "?levels=4", "points", (12,), 4),
    ],
)
def test_examples_of_arrays(
    array: np.ndarray, options: str, modality: str, event_shape: tuple[int, ...], levels: int | None
) -> None:
    np.save("a.npy", array)
    name = f"npy:a.npy{options}"
    spec = card_of(name).spec
    assert (spec.modality, spec.event_shape, spec.levels) == (modality, event_shape, levels)
    dataset = dataset_of(name)
    splits = (dataset.train, dataset.valid, dataset.test)
    found = torch.cat([split.x for split in splits]).numpy().astype(np.float64).reshape(len(array), -1)
    expected = (
        array.astype(np.float32 if levels is None else np.int64).astype(np.float64).reshape(len(array), -1)
    )
    assert np.array_equal(found[np.lexsort(found.T)], expected[np.lexsort(expected.T)])


def with_value(array: np.ndarray, place: tuple[int, ...], value: float) -> np.ndarray:
    array[place] = value
    return array


@pytest.mark.parametrize(
    ("array", "options", "message"),
    [
        (
            with_value(floats(20, 3), (7, 1), np.nan),
            "",
            r"a\.npy: example 7 \(counted from 0\), at \[1\]: nan is no f",
        ),
        (
            with_value(floats(20, 4, 2), (3, 1, 0), -np.inf),
            "",
            r"example 3 .* at \[1, 0\]: -inf is no finite number",
        ),
        (
            with_value(floats(20, 3, dtype="f8"), (7, 1), 1e300),
            "",
            r"example 7 .*1e\+300 is beyond what 32 bits",
        ),
        (
            with_value(integers(9, 20, 3), (5, 2), 9),
            "?levels=9",
            r"example 5 .* at \[2\]: 9 is outside 0\.\.8",
        ),
        (
            with_value(integers(9, 20, 3, dtype="i4"), (5, 2), -1),
            "?levels=9",
            r"at \[2\]: -1 is outside 0\.\.8",
        ),
        (
            with_value(integers(9, 20, 3, dtype="f4"), (5, 2), 0.5),
            "?levels=9",
            r"0\.5 is no whole number 0\.\.8",
        ),
        (with_value(integers(9, 20, 3, dtype="f4"), (5, 2), np.nan), "?levels=9", "nan is no whole number"),
        (integers(9, 20, 3, dtype="i8"), "", r"int64 from 0 to 8: of how many levels\? levels=K"),
        (floats(20, 5), "?modality=tokens", r"of how many levels\?"),
        (floats(20), "", r"a\.npy: float32 of shape \(20,\); expected"),
        (np.float32(3), "", r"float32 of shape \(\); expected"),
        (floats(2, 2, 2, 2, 2), "", r"of shape \(2, 2, 2, 2, 2\); expected"),
        (floats(0, 3), "", r"of shape \(0, 3\); expected"),
        (floats(20, 0), "", r"of shape \(20, 0\); expected"),
        (floats(20, 8, 8, 3), "", r"shape \(20, 8, 8, 3\): channels come first"),
        (
            floats(20, 3),
            "?modality=image",
            r"shape \(20, 3\); modality=image expects \(N, H, W\) or \(N, C, H, W\)",
        ),
        (floats(20, 3) + 1j, "", r"complex(64|128) of shape \(20, 3\)"),
        (np.array([["a", "b"]] * 20), "", r"<U1 of shape \(20, 2\)"),
        (np.zeros(20, [("x", "f4")]), "", r"of shape \(20,\)"),
        (
            np.hstack([floats(20, 2), np.ones((20, 1), "f4")]),
            "",
            r"a\.npy: constant column 2: there is no density",
        ),
        (floats(1, 3), "", r"npy:a\.npy: 1 example; 10 are needed"),
        (floats(9, 3), "", r"npy:a\.npy: 9 examples; 10 are needed"),
        (np.zeros((20, 4, 4), "u1"), "", r"1 different example; 5 are needed"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(array: np.ndarray, options: str, message: str) -> None:
    np.save("a.npy", array)
    with pytest.raises(DataError, match=message) as caught:
        card_of(f"npy:a.npy{options}")
    assert len(str(caught.value).splitlines()) == 1


def test_objects_are_not_unpickled() -> None:
    """A file that would write another one if it were."""

    class Trap:
        def __reduce__(self) -> object:
            return Path.write_text, (Path("sprung"), "")

    np.save("a.npy", np.array([Trap()] * 20, dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"a\.npy: holds Python objects, which are not unpickled"):
        card_of("npy:a.npy")
    assert not Path("sprung").exists()


def test_files_that_are_no_array() -> None:
    for content in (b"", b"1,2,3\n", b"\x80\x04K\x01."):
        Path("a.npy").write_bytes(content)
        with pytest.raises(DataError, match=r"a\.npy: no \.npy file"):
            card_of("npy:a.npy")
    np.save("a.npy", floats(20, 3))
    whole = Path("a.npy").read_bytes()
    for length in (10, 100, len(whole) - 1):
        Path("a.npy").write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"a\.npy: no whole \.npy file"):
            card_of("npy:a.npy")
    np.savez("a.npz", x=floats(20, 3))
    with pytest.raises(DataError, match=r"a\.npz: holds several arrays"):
        card_of("npy:a.npz")


def test_options_that_cannot_be() -> None:
    np.save("a.npy", floats(20, 3))
    with pytest.raises(UnknownNameError, match="unknown modality of npy 'imge'; did you mean 'image'"):
        card_of("npy:a.npy?modality=imge")
    with pytest.raises(UsageError, match="levels=0: expected a whole number, 2 or more"):
        card_of("npy:a.npy?levels=0")
