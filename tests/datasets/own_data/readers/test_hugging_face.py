"""`hf:NAME`: local parquet files, folders of them, folders that `datasets` wrote; no network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from own_cards import card_of, dataset_of, rebuilt
from PIL import Image

from genbench.errors import DataError, UnknownNameError, UsageError

hf: Any = pytest.importorskip("datasets", reason="the extra hf is not installed")
pa: Any = pytest.importorskip("pyarrow", reason="the extra hf is not installed")
pq: Any = pytest.importorskip("pyarrow.parquet")

RNG = np.random.default_rng(0)
COUNT = 30
IMAGES = [RNG.integers(0, 256, (6, 5), dtype=np.uint8) for _ in range(COUNT)]
VECTORS = RNG.normal(size=(COUNT, 4)).astype(np.float32)
NUMBERS = RNG.normal(size=COUNT)
COUNTS = RNG.integers(0, 3, COUNT)
LINES = [f"line {index} of a text" for index in range(COUNT)]


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    hf.disable_progress_bars()


def whole() -> Any:
    features = hf.Features(
        {
            "image": hf.Image(),
            "vector": hf.List(hf.Value("float32")),
            "grid": hf.Array2D((2, 2), "float32"),
            "number": hf.Value("float64"),
            "count": hf.Value("int64"),
            "line": hf.Value("string"),
            "kind": hf.ClassLabel(names=["no", "yes"]),
            "when": hf.Value("timestamp[s]"),
        }
    )
    columns = {
        "image": [Image.fromarray(image) for image in IMAGES],
        "vector": VECTORS.tolist(),
        "grid": VECTORS.reshape(-1, 2, 2).tolist(),
        "number": NUMBERS,
        "count": COUNTS,
        "line": LINES,
        "kind": [index % 2 for index in range(COUNT)],
        "when": [0] * COUNT,
    }
    return hf.Dataset.from_dict(columns, features=features)


@pytest.fixture
def parquet() -> Path:
    whole().to_parquet("all.parquet")
    return Path("all.parquet")


@pytest.fixture
def splits() -> Path:
    """A folder of three files, named after splits: 20, 4 and 6 rows."""
    Path("sets").mkdir()
    for name, rows in (("train", range(20)), ("validation", range(20, 24)), ("test", range(24, 30))):
        whole().select(rows).to_parquet(f"sets/{name}.parquet")
    return Path("sets")


def rows_of(name: str) -> np.ndarray:
    dataset = dataset_of(name)
    x = torch.cat([split.x for split in (dataset.train, dataset.valid, dataset.test)]).numpy()
    x = x.reshape(len(x), -1)
    return x[np.lexsort(x.T)]


def ordered(x: np.ndarray) -> np.ndarray:
    x = x.reshape(len(x), -1)
    return x[np.lexsort(x.T)]


@pytest.mark.usefixtures("parquet")
@pytest.mark.parametrize(
    ("options", "modality", "event_shape", "expected"),
    [
        ("column=image", "image", (1, 6, 5), np.stack(IMAGES)),
        ("column=vector", "points", (4,), VECTORS),
        ("column=grid", "series", (2, 2), VECTORS),
        ("column=grid&modality=image", "image", (1, 2, 2), VECTORS),
        ("columns=number,count", "points", (2,), np.stack([NUMBERS, COUNTS], 1).astype(np.float32)),
        ("column=number", "points", (1,), NUMBERS[:, None].astype(np.float32)),
        ("column=count&levels=3", "points", (1,), COUNTS[:, None].astype(np.uint8)),
    ],
)
def test_columns_of_a_file(
    options: str, modality: str, event_shape: tuple[int, ...], expected: np.ndarray
) -> None:
    card = card_of(f"hf:all.parquet?{options}")
    assert (card.spec.modality, card.spec.event_shape) == (modality, event_shape)
    assert card.sizes == (18, 6, 6)
    assert np.array_equal(rows_of(card.name), ordered(expected))


def test_labels_and_their_names(parquet: Path) -> None:
    dataset = dataset_of("hf:all.parquet?column=vector&label=kind")
    assert dataset.spec.classes == 2
    kinds = {vector.tobytes(): index % 2 for index, vector in enumerate(VECTORS)}
    for split in (dataset.train, dataset.valid, dataset.test):
        assert split.y is not None
        assert split.y.tolist() == [kinds[row.tobytes()] for row in split.x.numpy()]
    assert card_of("hf:all.parquet?column=vector&label=count").spec.classes == 3
    with pytest.raises(DataError, match="column 'number' holds no labels: double"):
        card_of("hf:all.parquet?column=vector&label=number")


def test_texts_are_lines_in_order(parquet: Path) -> None:
    card = card_of("hf:all.parquet?column=line&window=5")
    text = "\n".join(LINES)
    assert card.spec.modality == "tokens"
    assert card.spec.levels == len(set(text))
    dataset = dataset_of(card.name)
    codes = torch.cat([dataset.train.x, dataset.valid.x, dataset.test.x]).flatten().tolist()
    alphabet = sorted(set(text))
    assert "".join(alphabet[code] for code in codes) == text[: len(text) // 5 * 5]
    with pytest.raises(UsageError, match="windows of texts have no labels"):
        card_of("hf:all.parquet?column=line&label=kind")


def test_its_own_splits_are_used(splits: Path) -> None:
    card = card_of("hf:sets?column=vector")
    assert card.sizes == (20, 4, 6)
    assert card.splits == "train, valid, test as published"
    dataset = dataset_of("hf:sets?column=vector")
    assert np.array_equal(dataset.train.x.numpy(), VECTORS[:20])
    assert np.array_equal(dataset.valid.x.numpy(), VECTORS[20:24])
    assert np.array_equal(dataset.test.x.numpy(), VECTORS[24:])
    text = card_of("hf:sets?column=line&window=5")
    assert text.sizes == tuple(
        len("\n".join(LINES[begin:end])) // 5 for begin, end in ((0, 20), (20, 24), (24, 30))
    )


def test_what_is_missing_is_taken_from_train(splits: Path) -> None:
    (splits / "validation.parquet").unlink()
    card = card_of("hf:sets?column=vector")
    assert card.sizes == (16, 4, 6)
    assert "valid is a fifth of train" in card.splits
    assert card_of("hf:sets?column=vector&split=train").sizes == (12, 4, 4)
    with pytest.raises(UnknownNameError, match="unknown split of sets 'tset'; did you mean 'test'"):
        card_of("hf:sets?column=vector&split=tset")


def test_folders_that_the_library_wrote() -> None:
    parts = {"train": range(20), "test": range(20, 26), "spare": range(26, 30)}
    hf.DatasetDict({name: whole().select(rows) for name, rows in parts.items()}).save_to_disk("saved")
    card = card_of("hf:saved?column=vector")
    assert card.sizes == (16, 4, 6)
    assert "left out: split spare" in card.summary
    whole().save_to_disk("one")
    assert card_of("hf:one?column=vector").sizes == (18, 6, 6)
    hf.DatasetDict({name: whole().select(range(12)) for name in ("left", "right")}).save_to_disk("odd")
    with pytest.raises(DataError, match=r"hf:odd.*: its splits are left, right; split=NAME takes one"):
        card_of("hf:odd?column=vector")


def test_plain_parquet_files_of_another_writer() -> None:
    """No features of the library in it: images as bytes, or as the struct that it stores."""
    encoded = []
    for image in IMAGES:
        Image.fromarray(image).save("one.png")
        encoded.append(Path("one.png").read_bytes())
    table = pa.table(
        {"raw": encoded, "struct": [{"bytes": each, "path": None} for each in encoded], "n": COUNTS}
    )
    pq.write_table(table, "plain.parquet")
    for column in ("raw", "struct"):
        assert np.array_equal(rows_of(f"hf:plain.parquet?column={column}"), ordered(np.stack(IMAGES)))


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"image": "image", "kind": "kind"}, "image"),
        ({"number": "number", "count": "count"}, "number, count"),
        ({"vector": "vector", "when": "when"}, "vector"),
        ({"line": "line"}, "line"),
    ],
)
def test_without_a_choice_to_make_none_is_asked_for(columns: dict[str, str], found: str) -> None:
    whole().select_columns(list(columns)).to_parquet("some.parquet")
    assert f"{found}" in card_of("hf:some.parquet?window=5").summary


# ---- what is wrong is named


@pytest.mark.usefixtures("parquet")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("?column=vectr", r"unknown column of all\.parquet 'vectr'; did you mean 'vector'"),
        ("?columns=number,line", r"hf:all.*: column 'line' is string; columns= takes numbers"),
        ("?column=when", r"column 'when' is timestamp\[m?s\]; expected images, numbers, lists or text"),
        ("?label=kinds&column=image", r"unknown column of all\.parquet 'kinds'; did you mean 'kind'"),
        ("?column=line", r"529 characters; 20 windows of 256 take 5,120"),
        ("?column=image&columns=number", "column is for one, columns for several"),
        ("?colum=image", "unknown option of hf 'colum'; did you mean 'column'"),
        ("?column=image&size=3", "size=3: expected WIDTHxHEIGHT"),
    ],
)
def test_columns_that_cannot_be(options: str, message: str) -> None:
    with pytest.raises((DataError, UsageError), match=message):
        card_of(f"hf:all.parquet{options}")


def test_a_choice_is_asked_for_with_what_there_is(parquet: Path) -> None:
    whole().remove_columns("image").to_parquet("some.parquet")
    with pytest.raises(
        DataError, match=r"which column\? .*vector \(array\), .*line \(text\), kind \(class\), when \(o"
    ):
        card_of("hf:some.parquet")


def changed(column: str, row: int, value: object) -> None:
    """The whole with one cell changed, in plain parquet."""
    table = whole().with_format("arrow")[:]
    columns = {
        "image": table["image"].to_pylist(),
        "vector": VECTORS.tolist(),
        "number": NUMBERS.tolist(),
        "line": list(LINES),
        "kind": [("no", "yes")[index % 2] for index in range(COUNT)],
    }
    columns[column][row] = value
    pq.write_table(pa.table(columns), "bad.parquet")


def small_image() -> dict[str, object]:
    Image.fromarray(IMAGES[0][:4, :3]).save("small.png")
    return {"bytes": Path("small.png").read_bytes(), "path": None}


@pytest.mark.parametrize(
    ("column", "value", "options", "message"),
    [
        ("image", None, "column=image", r"bad\.parquet \(train\): row 7, column 'image' is null"),
        ("image", {"bytes": None, "path": None}, "column=image", r"row 7, column 'image' is null"),
        ("image", {"bytes": b"no image", "path": None}, "column=image", r"row 7, column 'image': no image"),
        (
            "image",
            {"bytes": None, "path": "absent.png"},
            "column=image",
            r"row 7, column 'image': .*No such file",
        ),
        (
            "image",
            small_image,
            "column=image",
            r"bad\.parquet \(train\): row 7, column 'image': 3x4 pixels, but bad\.parquet \(train\): row 0, .* has 5x6",
        ),
        ("vector", None, "column=vector", r"row 7, column 'vector' is null"),
        ("vector", [1.0, 2.0], "column=vector", r"row 7, column 'vector' has 2 values, the first row 4"),
        ("vector", [1.0, None, 2.0, 3.0], "column=vector", r"row 7, column 'vector' has a null in it"),
        (
            "vector",
            [1.0, float("nan"), 2.0, 3.0],
            "column=vector",
            r"row 7, .*'vector', at \[1\]: nan is no finite",
        ),
        ("number", None, "columns=number", r"bad\.parquet \(train\): row 7, column 'number' is null"),
        ("number", float("inf"), "columns=number", r"row 7, column 'number': inf is no finite number"),
        ("number", 3e300, "columns=number", r"row 7, column 'number': 3e\+300 is beyond what 32 bits hold"),
        ("line", None, "column=line&window=5", r"row 7, column 'line' is null"),
        ("kind", None, "column=vector&label=kind", r"row 7, column 'kind' is null"),
        ("kind", "maybe", "column=vector&label=kind", r"class 'maybe' has 1 example; a class needs 3"),
    ],
)
def test_a_bad_cell_is_named_with_row_and_column(
    column: str, value: object, options: str, message: str
) -> None:
    changed(column, 7, value() if callable(value) else value)
    with pytest.raises(DataError, match=message) as caught:
        card_of(f"hf:bad.parquet?{options}")
    assert len(str(caught.value).splitlines()) == 1


def test_rows_are_counted_within_their_split(splits: Path) -> None:
    table = whole().select(range(24, 30)).with_format("arrow")[:]
    broken = table["number"].to_pylist()
    broken[2] = None
    index = table.schema.get_field_index("number")
    pq.write_table(table.set_column(index, "number", pa.array(broken)), splits / "test.parquet")
    with pytest.raises(DataError, match=r"sets \(test\): row 2, column 'number' is null"):
        card_of("hf:sets?columns=number")


def test_constant_columns_and_too_few_rows() -> None:
    pq.write_table(pa.table({"a": NUMBERS, "b": np.ones(COUNT)}), "bad.parquet")
    with pytest.raises(
        DataError, match=r"bad\.parquet: constant column 'b': there is no density; columns=A,B"
    ):
        card_of("hf:bad.parquet")
    pq.write_table(pa.table({"a": NUMBERS[:9]}), "bad.parquet")
    with pytest.raises(DataError, match=r"hf:bad\.parquet: 9 examples; 10 are needed"):
        card_of("hf:bad.parquet")


def test_files_that_cannot_be_loaded(splits: Path) -> None:
    content = (splits / "test.parquet").read_bytes()
    (splits / "test.parquet").write_bytes(content[:-100])
    with pytest.raises(DataError, match=r"sets/test\.parquet: no whole parquet file: "):
        card_of("hf:sets?column=vector")
    Path("a.txt").write_text("a text")
    with pytest.raises(DataError, match=r"a\.txt: expected a parquet file"):
        card_of("hf:a.txt")
    Path("empty").mkdir()
    with pytest.raises(DataError, match="empty: datasets cannot load it: "):
        card_of("hf:empty")
    for place in ("./sest", "no/such/place", "all.parquet"):
        with pytest.raises(DataError, match="no such file or folder"):
            card_of(f"hf:{place}")


def test_an_edited_file_is_read_again_although_the_library_keeps_copies(parquet: Path) -> None:
    before = card_of("hf:all.parquet?columns=number")
    times = parquet.stat().st_atime_ns, parquet.stat().st_mtime_ns
    other = whole().map(lambda row: {"number": row["number"] + 1})
    other.to_parquet("all.parquet")
    os.utime(parquet, ns=times)
    after = card_of("hf:all.parquet?columns=number")
    assert after.version != before.version
    assert np.allclose(ordered(NUMBERS[:, None] + 1), rows_of(after.name))
    with pytest.raises(DataError, match="changed since the run was planned"):
        rebuilt(before)


# ---- the hub, without a network

_SHOW = [sys.executable, "-m", "genbench", "datasets", "show"]


def test_the_hub_out_of_reach_is_one_line() -> None:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": "home"}
    done = subprocess.run(
        [*_SHOW, "hf:nobody/nothing"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 4
    assert len(done.stderr.strip().splitlines()) == 1
    assert "nobody/nothing: datasets cannot load it: Couldn't reach" in done.stderr


def test_what_the_library_has_downloaded_is_used(parquet: Path) -> None:
    """A cache as the library leaves it, here of a local file given the name of a data set of the hub."""
    Path("name").mkdir()
    parquet.rename("name/train.parquet")
    hf.load_dataset("name", cache_dir="downloaded")
    Path("downloaded/name").rename("downloaded/user___name")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": "downloaded"}
    done = subprocess.run(
        [*_SHOW, "hf:user/name?column=vector"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "18 / 6 / 6 (train / valid / test)" in done.stdout


def test_without_the_extra_it_is_said_how_to_have_it() -> None:
    code = (
        "import sys; sys.modules['datasets'] = None\n"
        "from genbench.cli.main import run_command_line\n"
        "sys.exit(run_command_line(['run', '-m', 'noise', '-d', 'hf:all.parquet']))"
    )
    Path("all.parquet").write_bytes(b"")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert (
        done.stderr == "genai-bench: hf: needs the package datasets; pip install 'genbench[hf]' brings it\n"
    )


def test_listing_the_sources_imports_nothing_of_it() -> None:
    code = (
        "import sys\n"
        "from genbench.cli.main import run_command_line\n"
        "run_command_line(['list', 'sources'])\n"
        "print(sorted({'datasets', 'pyarrow', 'PIL', 'mido', 'torch', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
