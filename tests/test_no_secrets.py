"""Secrets that come in with addresses are nowhere in what a run leaves behind or says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from genbench.cli.main import run_command_line

SECRETS = tuple(f"s3cret-{number}-of-mine" for number in range(9))
(MIRROR_USER, MIRROR_TOKEN, REMOTE, TRACKER, REASON, LOG, WARNING, QUERY, HEADER) = SECRETS
MODEL = f'''
import warnings
import torch
from genbench import ComputeMeter, GenerativeModel, Split


class Leaky(GenerativeModel):
    """Says addresses wherever a model can."""

    family = "vae"

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        print("downloading https://me:{LOG}@models.example/weights?sig={QUERY}&page=2")
        print("authorization: bearer {HEADER}")
        warnings.warn("see https://models.example/?access_key={WARNING}", stacklevel=1)
        for batch in meter.batches(train, batch_size=16):
            meter.log(loss=0.0)

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        raise RuntimeError("no answer from https://user:{REASON}@models.example/")
'''
SUITE = """
summary = "to be searched"
budget = "3steps"
sampling_seconds = 10.0
seeds = 1
samples = 20
importance_samples = 2
"""


def test_no_secret_is_in_what_a_run_leaves_or_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("GENBENCH_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("GENBENCH_MIRROR", f"http://me:{MIRROR_USER}@127.0.0.1:9/?token={MIRROR_TOKEN}")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for words in (
        ["init", "-q"],
        ["remote", "add", "origin", f"https://oauth2:{REMOTE}@git.example/x.git"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "begin"],
    ):
        subprocess.run(["git", *words], check=True)
    (work / "leaky.py").write_text(MODEL)
    (work / "s.toml").write_text(SUITE)
    models = ["-m", "leaky.py:Leaky", "-m", "marginals"]
    command = [
        "run",
        *models,
        "-d",
        "ring8",
        "-d",
        "mnist",
        "--suite",
        "s.toml",
        "--out",
        "run",
        "--no-probe",
    ]
    assert run_command_line([*command, "--jobs", "1"]) == 2
    assert run_command_line(
        [*command, "--dry-run", "--log", f"mlflow:https://me:{TRACKER}@tracker.example"]
    ) in (0, 4)
    reports = [
        ("report", "run", "--format", kind, "-o", f"out.{kind}") for kind in ("md", "html", "json", "csv")
    ]
    for words in (
        *reports,
        ("baseline", "run", "-o", "baseline.json"),
        ("show", "run", "-m", "leaky"),
    ):
        assert run_command_line(list(words)) == 0, words
    said = capfd.readouterr()
    left = {"output": (said.out + said.err).encode()}
    left |= {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    planted = {"leaky.py", "config"}  # the model itself, and git's own record of its remote
    left = {name: content for name, content in left.items() if Path(name).parent.name != "__pycache__"}
    found = [
        f"{secret} in {name}"
        for name, content in left.items()
        for secret in SECRETS
        if secret.encode() in content and Path(name).name not in planted
    ]
    assert not found
    assert "no answer from https://models.example/" in (work / "out.json").read_text()
    assert any(b"downloading https://models.example/weights?sig=***&page=2" in text for text in left.values())
