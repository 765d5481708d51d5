"""Prints what models learn of points within a budget, one line per seed: the weights at the end, judged by fresh draws.

    python tests/performance/measure_point_models.py 10cpu-s 0,1,2 gan@ring8 spline-flow@grid25

A job of `genai-bench run` chooses among checkpoints besides, and evaluates ten of them; this takes little more than the
budget.
"""

from __future__ import annotations

import sys
import time

import torch

from genbench import Budget, ComputeMeter
from genbench.api import load_factory
from genbench.datasets.prepared import load_dataset
from genbench.metrics.divergences import js_divergence
from genbench.metrics.truth import assign_to_modes, high_quality_share, modes_covered
from genbench.plugin.discovery import load_registry

SAMPLES = 10_000


def measure(model_name: str, dataset_name: str, budget: str, seed: int) -> str:
    registry = load_registry()
    data = load_dataset(registry.dataset(dataset_name))
    truth = data.truth
    assert truth is not None
    build = load_factory(registry.model(model_name).factory)
    torch.manual_seed(seed)
    began = time.process_time()
    model = build(data.spec)
    meter = ComputeMeter(
        Budget.parse(budget),
        valid=data.valid,
        seed=seed,
        fractions=(),
        construction_cpu_seconds=time.process_time() - began,
    )
    model.train()
    model.fit(data.train, meter)
    spent = meter.finish()
    samples = model.eval().sample(SAMPLES, torch.Generator().manual_seed(seed)).float()
    divergence = float(
        js_divergence(samples, truth.sample(SAMPLES, torch.Generator().manual_seed(1000 + seed))).value
    )
    line = f"{model_name:14s} {dataset_name:8s} seed {seed} {spent.steps:5d} steps  JS {divergence:.4f}"
    if truth.modes is not None and truth.mode_scale is not None:
        modes = assign_to_modes(samples, truth.modes, truth.mode_scale)
        line += f"  high quality {high_quality_share(modes):.3f}  modes {modes_covered(modes)}"
    return line


def main(budget: str, seeds: str, *pairs: str) -> None:
    torch.set_num_threads(1)
    for pair in pairs:
        model, _, dataset = pair.partition("@")
        for seed in seeds.split(","):
            print(measure(model, dataset, budget, int(seed)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
