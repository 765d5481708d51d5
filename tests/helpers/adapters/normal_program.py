"""A model as a program: the files that it reads and writes are described in docs/adapters.md."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np


def main(action: str, folder: Path) -> None:
    if action == "fit":
        x = np.load(folder / "train.npy")
        learned = {"mean": x.mean(0).tolist(), "std": (x.std(0) + 1e-3).tolist()}
        (folder / "state").write_text(json.dumps(learned))
        return
    learned = json.loads((folder / "state").read_text())
    mean, std = np.array(learned["mean"]), np.array(learned["std"])
    if action == "sample":
        request = json.loads((folder / "request.json").read_text())
        numbers = np.random.default_rng(request["seed"])
        np.save(folder / "samples.npy", mean + std * numbers.normal(size=(request["count"], *mean.shape)))
    else:
        x = np.load(folder / "x.npy")
        each = -(((x - mean) / std) ** 2) / 2 - np.log(std) - np.log(2 * np.pi) / 2
        np.save(folder / "log_prob.npy", each.reshape(len(x), -1).sum(1))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
