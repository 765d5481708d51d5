"""The torchmetrics classes give what the functions give: in batches, after a reset, across processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from genbench import metrics
from genbench.metrics.class_balance import class_balance, class_entropies
from genbench.metrics.frechet import frechet_distance
from genbench.metrics.kernel import kernel_distance
from genbench.metrics.neighbours import precision_recall_density_coverage
from genbench.metrics.sliced_wasserstein import sliced_wasserstein


def draw(count: int, seed: int) -> Tensor:
    return torch.randn(count, 6, generator=torch.Generator().manual_seed(seed)) + seed


REAL, FAKE = draw(100, 0), draw(80, 1)


def as_floats(value: object) -> list[float]:
    if isinstance(value, dict):
        names = ("precision", "recall", "density", "coverage") if "precision" in value else sorted(value)
        return [float(value[name]) for name in names]
    return [float(part) for part in value] if isinstance(value, tuple) else [float(value)]  # type: ignore[arg-type]


def expected() -> dict[str, list[float]]:
    kernel = kernel_distance(FAKE, REAL)
    four = precision_recall_density_coverage(FAKE, REAL, 3)
    balance, entropies = class_balance(FAKE, REAL, torch.Generator()), class_entropies(FAKE)
    return {
        "ClassBalance": [
            float(estimate.value)
            for estimate in (
                balance,
                entropies.class_entropy,
                entropies.class_information,
                entropies.predictive_entropy,
            )
        ],
        "FrechetDistance": [float(frechet_distance(FAKE, REAL))],
        "KernelDistance": [float(kernel.value), float(kernel.stderr)],
        "PrecisionRecallDensityCoverage": as_floats(vars(four)),
        "SlicedWasserstein": [float(sliced_wasserstein(FAKE, REAL, torch.Generator().manual_seed(7)))],
    }


ARGUMENTS = {
    "ClassBalance": {"classes": 6},
    "FrechetDistance": {"dimension": 6},
    "KernelDistance": {},
    "PrecisionRecallDensityCoverage": {"k": 3},
    "SlicedWasserstein": {"seed": 7},
}


@pytest.mark.parametrize("name", metrics.__all__)
def test_batches_equal_the_function(name: str) -> None:
    metric = getattr(metrics, name)(**ARGUMENTS[name])
    for _ in range(2):  # the second time after a reset
        for start in range(0, 100, 30):
            metric.update(REAL[start : start + 30], real=True)
            if start < len(FAKE):
                metric.update(FAKE[start : start + 30], real=False)
        assert as_floats(metric.compute()) == pytest.approx(expected()[name], rel=1e-9)
        metric.reset()


def test_all_are_exported() -> None:
    assert sorted(metrics.__all__) == sorted(ARGUMENTS)
    with pytest.raises(AttributeError, match="no attribute 'Frechet'"):
        _ = metrics.Frechet


PROCESS = """
import json, sys
import torch
import torch.distributed as dist
from genbench import metrics

rank, rendezvous, arguments, features = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]), sys.argv[4]
dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
held = torch.load(features, weights_only=True)
values = {}
for name, keywords in arguments.items():
    metric = getattr(metrics, name)(**keywords)
    # Unequal shares: the first process holds 70 real ones and 10 samples.
    share = {True: slice(0, 70), False: slice(0, 10)} if rank == 0 else {True: slice(70, None), False: slice(10, None)}
    metric.update(held["real"][share[True]], real=True)
    metric.update(held["fake"][share[False]], real=False)
    value = metric.compute()
    if isinstance(value, dict):
        value = tuple(value[part] for part in (value if "precision" in value else sorted(value)))
    parts = value if isinstance(value, tuple) else [value]
    values[name] = [float(part) for part in parts]
print(json.dumps(values))
dist.destroy_process_group()
"""


def test_two_processes_equal_the_function(tmp_path: Path) -> None:
    torch.save({"real": REAL, "fake": FAKE}, tmp_path / "features.pt")
    arguments = [str(tmp_path / "rendezvous"), json.dumps(ARGUMENTS), str(tmp_path / "features.pt")]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(rank), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        outputs = [process.communicate(timeout=120) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, (output, problems) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, problems
        found = json.loads(output)
        for name, value in expected().items():
            assert found[name] == pytest.approx(value, rel=1e-9)
