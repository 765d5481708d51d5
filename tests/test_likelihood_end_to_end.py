"""From the command line to the printed table: a GAN, a VAE and an autoregressive model, each with its own sign."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genbench.cli.main import run_command_line

SUITE = """
summary = "a moment"
budget = "30steps"
sampling_seconds = 20.0
seeds = 1
samples = 100
importance_samples = 5
ais_examples = 8
ais_chains = 2
ais_steps = 20
"""


def test_every_family_gets_a_likelihood_with_its_sign_and_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    Path("moment.toml").write_text(SUITE)
    models = ["-m", "gan", "-m", "vae", "-m", "made"]
    assert run_command_line(["run", "--suite", "moment.toml", *models, "-d", "digits", "--out", "run"]) == 0
    capsys.readouterr()
    assert run_command_line(["report", "run", "--format", "json", "-o", "records.json"]) == 0
    kinds, signs = {}, {}
    for record in json.loads(Path("records.json").read_text()):
        (figure,) = (each for each in record["metrics"] if each["name"] == "bits_per_dim")
        model = record["job"]["model"]
        kinds[model] = figure["kind"]
        assert 1 < figure["value"] < 6
    assert kinds["made"] == "exact"
    assert kinds["vae"] == "lower bound (IWAE-5)"
    assert kinds["gan"].startswith("AIS estimate (gap ")

    page = Path("run/leaderboard.md").read_text(encoding="utf-8")
    table = page[page.index("| rank") :]
    header, *rows = [line.split("|") for line in table.splitlines() if line.startswith("|")]
    column = next(i for i, title in enumerate(header) if "bits/dim" in title)
    for row in rows:
        signs.setdefault(row[2].strip().rstrip("¹²³⁴⁵⁶⁷⁸⁹⁰ "), row[column].replace("*", "").strip()[:1])
    assert {model: signs[model] for model in kinds} == {"made": "=", "vae": "≤", "gan": "≈"}
    assert "AIS estimate (gap " in page
    assert "Kinds are not ranked against each other" in page
    assert "Parzen nats (unsound)" in page
    assert "orders models wrongly" in page


def test_a_suite_without_annealing_leaves_the_gan_without_a_likelihood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("off.toml").write_text("\n".join(line for line in SUITE.splitlines() if "ais_" not in line))
    assert run_command_line(["run", "--suite", "off.toml", "-m", "gan", "-d", "digits", "--out", "run"]) == 0
    (record,) = Path("run/jobs").glob("*/result.json")
    names = {figure["name"] for figure in json.loads(record.read_text())["metrics"]}
    assert "frechet_distance" in names
    assert not names & {"bits_per_dim", "negative_log_likelihood", "decoder_bits_per_dim"}
