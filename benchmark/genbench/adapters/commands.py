"""A program of your own that speaks files: for JAX, R, Julia, or an environment with other versions.

The program is called three times, with a folder of files of numpy and JSON:

    PROGRAM fit FOLDER         reads spec.json, train.npy and valid.npy; writes `state`, any bytes
    PROGRAM sample FOLDER      reads spec.json, state and request.json {"count", "seed"}; writes samples.npy
    PROGRAM log_prob FOLDER    reads spec.json, state and x.npy; writes log_prob.npy: (N,) nats

spec.json has `modality`, `event_shape`, `levels`, `classes`, and for `fit` the budget: `seconds`, `steps` and
`examples` (null where there is no such limit), and `seed`.
"""

from __future__ import annotations

import inspect
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from genbench.adapters.stored_arrays import StoredArrays
from genbench.adapters.untrained import untrained_log_prob, untrained_sample
from genbench.api import ComputeMeter, DataSpec, GenerativeModel, Split, working_dtype
from genbench.errors import PluginError

_MAX_SEED = 2**31
_SAID = 300
"""So many characters of what a failing program said last are repeated."""


class CommandModel(StoredArrays, GenerativeModel):
    """A model around a program. What the program takes of the processor is charged, because its process is waited for;
    that it ends in time is its own task, and the harness kills a job that does not."""

    command: ClassVar[tuple[str, ...]]
    """The program and its first arguments: ("/opt/jax/bin/python", "my_model.py"). A file that lies beside the class is
    found there."""
    requires_validation: ClassVar[bool] = True

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        budget = meter.budget
        limits = {
            "seconds": budget.expected_seconds,
            "steps": budget.steps,
            "examples": budget.examples,
            "seed": int(torch.randint(_MAX_SEED, ())),
        }
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            np.save(folder / "train.npy", train.tensor().cpu().numpy())
            np.save(folder / "valid.npy", meter.valid.tensor().cpu().numpy())
            self._run("fit", folder, limits)
            state = self._written(folder / "state", "fit").read_bytes()
        self.store({"state": np.frombuffer(state, np.uint8)})
        meter.charge(steps=1, examples=len(train))

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape): what the program wrote as samples.npy."""
        if not len(self.arrays):
            return untrained_sample(self.spec, count, generator)
        seed = int(torch.randint(_MAX_SEED, (), generator=generator, device=generator.device))
        with tempfile.TemporaryDirectory() as name:
            folder = self._with_state(Path(name))
            (folder / "request.json").write_text(json.dumps({"count": count, "seed": seed}))
            self._run("sample", folder)
            array = np.load(self._written(folder / "samples.npy", "sample"), allow_pickle=False)
        return torch.from_numpy(array).to(self.device, working_dtype(self.spec))

    def _with_state(self, folder: Path) -> Path:
        (folder / "state").write_bytes(self.stored()["state"].tobytes())
        return folder

    def _run(self, action: str, folder: Path, more: dict[str, Any] | None = None) -> None:
        """Raises PluginError, which repeats the last that the program said, where it fails."""
        spec = self.spec
        facts = {
            "modality": spec.modality,
            "event_shape": spec.event_shape,
            "levels": spec.levels,
            "classes": spec.classes,
        }
        (folder / "spec.json").write_text(json.dumps(facts | (more or {})))
        beside = Path(inspect.getfile(type(self))).parent
        words = [str(beside / word) if (beside / word).is_file() else word for word in self.command]
        try:
            done = subprocess.run(
                [*words, action, str(folder)], capture_output=True, text=True, errors="replace", check=False
            )
        except OSError as error:
            raise PluginError(f"cannot run {words[0]}: {error.strerror}") from None
        print(done.stdout, end="")
        if done.returncode:
            said = (done.stderr or done.stdout).strip()[-_SAID:].splitlines()
            raise PluginError(
                f"{words[0]} {action} ended with code {done.returncode}: {said[-1] if said else ''}"
            )

    @staticmethod
    def _written(path: Path, action: str) -> Path:
        if not path.is_file():
            raise PluginError(f"the program wrote no {path.name} when it was asked to {action}")
        return path


class CommandDensity(CommandModel):
    """A `CommandModel` whose program computes log-likelihoods too."""

    def log_prob(self, x: Tensor) -> Tensor:
        """(N, *event_shape) -> (N,) nats."""
        if not len(self.arrays):
            return untrained_log_prob(self.spec, x)
        with tempfile.TemporaryDirectory() as name:
            folder = self._with_state(Path(name))
            np.save(folder / "x.npy", x.cpu().numpy())
            self._run("log_prob", folder)
            found = np.load(self._written(folder / "log_prob.npy", "compute log_prob"), allow_pickle=False)
        return torch.from_numpy(np.asarray(found, np.float64)).to(x.device)
