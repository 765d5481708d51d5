"""`genai-bench score --samples`: anyone's samples, ranked beside models by the code that scores these."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

import genbench as gb
from genbench.cli.main import run_command_line
from genbench.datasets.prepared import load_dataset
from genbench.errors import DataError, UsageError
from genbench.features.loading import load_extractor
from genbench.plugin.discovery import load_registry
from genbench.records.run_folder import Run
from genbench.runner.brought import BESIDE, facts_of, outdated_files
from genbench.samples.brought import read_brought
from genbench.samples.stored import load_samples


def training_digits(count: int) -> NDArray[Any]:
    train = load_dataset(load_registry().dataset("digits")).train.tensor()
    return np.asarray(train[:count].numpy(), np.uint8)


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 100 training examples of digits, brought as samples, and the four baselines."""
    folder = tmp_path_factory.mktemp("brought")
    np.save(folder / "copied.npy", training_digits(100))
    command = [
        "score",
        "--samples",
        str(folder / "copied.npy"),
        "--data",
        "digits",
        "--out",
        str(folder / "run"),
    ]
    assert run_command_line([*command, "--json"]) == 0
    return folder


def record_of(folder: Path, name: str) -> Any:
    return next(result for result in Run.open(folder).results() if result.job.variant == name)


def test_a_new_run_has_real_data_a_copier_marginals_and_noise_beside_the_samples(brought: Path) -> None:
    results = Run.open(brought / "run").results()
    assert {result.job.model for result in results} == {"copied", *BESIDE}
    row = record_of(brought / "run", "copied")
    assert (row.job.family, row.status, row.cost.train_seconds, row.audit) == ("brought", "ok", None, None)
    facts = facts_of(row)
    assert facts is not None
    assert (facts.given, facts.scored, facts.file) == (100, 100, str(brought / "copied.npy"))
    copier = next(result for result in results if result.job.model == "copier")
    for metric in ("copied_share", "authenticity"):
        assert (
            row.metric(metric).value
            == copier.metric(metric).value
            == (1.0 if metric == "copied_share" else 0.0)
        )
    frechet = row.metric("frechet_distance")
    assert (frechet.n, frechet.extractor) == (100, copier.metric("frechet_distance").extractor)
    assert frechet.stderr > 0
    assert row.metric("negative_log_likelihood") is None
    stored = load_samples(
        Run.open(brought / "run").samples_path(row.job), load_registry().dataset("digits").spec, 100
    )
    assert np.array_equal(stored.numpy(), training_digits(100))


def test_into_a_run_the_samples_are_ranked_beside_its_models_and_a_new_file_takes_the_row(
    brought: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, file = brought / "run", brought / "halved.npz"
    np.savez(file, samples=training_digits(120) // 2)
    command = ["score", "--samples", str(file), "--data", "digits", "--into", str(run)]
    assert run_command_line(command) == 0
    shown = capsys.readouterr().out
    assert "halved on digits, N = 100 of 120 samples" in shown.replace("\n", " ")
    assert "* of features: digits-cnn" in shown
    board = gb.load(run).leaderboard("digits")
    assert {"halved", "copied"} <= set(board.model)
    assert set(board[board.model == "halved"].family) == {"brought"}
    assert outdated_files(Run.open(run)) == []
    np.savez(file, samples=training_digits(120) // 3)
    assert len(outdated_files(Run.open(run))) == 1
    first = record_of(run, "halved")
    assert run_command_line([*command, "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["job"]["model_version"] != first.job.model_version
    names = [result.job.variant for result in Run.open(run).results()]
    assert names.count("halved") == 1
    assert outdated_files(Run.open(run)) == []


def test_an_array_in_memory_is_a_row_too(brought: Path) -> None:
    noisy = np.clip(training_digits(100).astype(float) + 1, 0, 16)
    ran = gb.score(noisy, "digits", name="brighter", into=brought / "run", progress=False)
    assert ran.samples("brighter", "digits").shape == (100, 1, 8, 8)
    assert "brighter" in set(ran.leaderboard().model)


def test_statistics_of_others_make_a_frechet_distance_alone(
    brought: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = brought / "statistics.npz"
    np.savez(file, mu=np.zeros(4), sigma=np.eye(4))
    command = ["score", "--samples", str(file), "--data", "digits"]
    assert run_command_line(command) == 4
    assert "mu has 4 numbers, but the features of digits-cnn" in capsys.readouterr().err
    assert run_command_line([*command, "--into", str(brought / "run")]) == 4
    digits = load_dataset(load_registry().dataset("digits"))
    real = load_extractor(load_registry().extractor("digits-cnn"), digits)(digits.test.tensor())
    features = real.double().numpy()
    away = np.eye(1, features.shape[1])[0] * 3
    np.savez(file, mu=features.mean(0) + away, sigma=np.cov(features, rowvar=False))
    assert run_command_line([*command, "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["value"] == pytest.approx(
        9, rel=1e-6
    )  # equal covariances: the distance is that of the means
    assert (value["n"], value.get("stderr")) == (360, None)


@pytest.mark.parametrize(
    ("samples", "data", "said"),
    [
        (np.zeros((5, 9)), "digits", r"shape \(5, 9\), but digits has \(N, 1, 8, 8\)"),
        (np.zeros((8, 8)), "digits", r"shape \(8, 8\), but digits has \(N, 1, 8, 8\)"),
        (
            np.full((5, 8, 8), 0.5),
            "digits",
            r"no whole numbers.*from 0..1 they come by \(samples \* 16\).round\(\)",
        ),
        (np.full((5, 8, 8), -0.5), "digits", r"from -1..1 they come by \(\(samples \+ 1\) \* 8\).round\(\)"),
        (np.full((5, 64), 17), "digits", r"values 17..17, but digits has the integers 0..16"),
        (np.full((5, 2), np.nan), "ring8", "5 of 5 samples have NaN or infinite values"),
        (np.zeros((1, 2)), "ring8", "1 sample; at least 2 are needed"),
        (np.array([["a", "b"]] * 3), "ring8", "expected numbers"),
    ],
)
def test_what_the_data_cannot_have_is_refused_in_one_line(
    samples: NDArray[Any], data: str, said: str, tmp_path: Path
) -> None:
    np.save(tmp_path / "samples.npy", samples)
    with pytest.raises(DataError, match=said) as caught:
        read_brought(str(tmp_path / "samples.npy"), load_registry().dataset(data), {})
    assert "\n" not in str(caught.value)


def test_files_that_hold_no_samples_are_named(tmp_path: Path) -> None:
    card = load_registry().dataset("ring8")
    sources = load_registry().dataset_sources
    np.save(tmp_path / "objects.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    (tmp_path / "pickle.npy").write_bytes(b"\x80\x04junk")
    np.savez(tmp_path / "two.npz", a=np.zeros((3, 2)), b=np.zeros((3, 2)))
    (tmp_path / "broken.safetensors").write_bytes(b"nothing of the sort")
    for name, said in {
        "objects.npy": "holds Python objects, which are not unpickled",
        "pickle.npy": "no .npy or .npz file",
        "two.npz": "holds a, b; expected one array, or one called samples",
        "broken.safetensors": "cannot be read",
    }.items():
        with pytest.raises(DataError, match=said):
            read_brought(str(tmp_path / name), card, sources)
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=r"no samples in it that can be read; known are \.npy, .*\.mid"):
        read_brought(str(tmp_path / "folder"), card, sources)
    with pytest.raises(UsageError, match="there is no file or folder"):
        read_brought(str(tmp_path / "absent.npy"), card, sources)
    save_file({"samples": np.zeros((3, 2), np.float32)}, tmp_path / "good.safetensors")
    assert read_brought(str(tmp_path / "good.safetensors"), card, sources).x.shape == (3, 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["score"], "what to score?"),
        (["score", "--samples", "x.npy"], "--samples needs --data NAME"),
        (["score", "run", "--samples", "x.npy", "--data", "digits"], "--samples takes no RUN"),
        (["score", "--samples", "absent.npy", "--data", "digits"], "there is no file or folder absent.npy"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(arguments) == 4
    assert said in capsys.readouterr().err


def test_fewer_samples_than_the_rows_of_a_run_have_and_names_of_models_are_refused(brought: Path) -> None:
    with pytest.raises(UsageError, match="50 samples, but each row on digits has 100"):
        gb.score(training_digits(50), "digits", into=brought / "run", progress=False)
    with pytest.raises(UsageError, match="'copier' is the name of a model"):
        gb.score(training_digits(100), "digits", name="copier", into=brought / "run", progress=False)
