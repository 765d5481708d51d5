"""Add a model without packaging it: a normal distribution, next to a built-in one.

    python examples/add_a_model.py FOLDER

FOLDER will hold the run. The script checks the model against the contract, then runs it with two settings, and the
built-in model `noise`, on `ring8`. A model that others are to install needs a package with an entry point:
docs/adding-a-model.md.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from genbench import ComputeMeter, DataSpec, GenerativeModel, ModelCard, Split
from genbench.plugin.discovery import load_registry
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench.records.task import Message
from genbench.runner.planning import Request, make_plan
from genbench.runner.provenance import collect_provenance
from genbench.runner.run_benchmark import Execution, run_benchmark
from genbench.runner.suite import load_suite
from genbench.testing import check_model

SUITE = Path(__file__).with_name("small.toml")  # budget, number of samples


class FullGaussian(GenerativeModel):
    """One normal distribution with a full covariance matrix, fitted in closed form.

    `ridge` is added to the variance of each number, in the data's units squared.
    """

    def __init__(self, spec: DataSpec, *, ridge: float = 1e-3) -> None:
        super().__init__(spec)
        self.ridge = ridge
        # Buffers are part of the saved state, so that a checkpoint holds all of the model.
        self.register_buffer("mean", torch.zeros(spec.dimension))
        self.register_buffer(
            "root", torch.eye(spec.dimension)
        )  # lower triangular, root @ root.T = covariance

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        x = train.x.flatten(1).float()  # (N, D)
        if self.spec.levels is not None:
            x = x + 0.5  # integer i stands for the interval from i to i + 1
        self.mean = x.mean(0)
        centred = x - self.mean
        covariance = centred.T @ centred / len(x) + self.ridge * torch.eye(self.spec.dimension)
        self.root = torch.linalg.cholesky(covariance)
        # A fit in closed form has no steps that the meter could count, and states its own cost.
        meter.charge(examples=len(x), flops=2 * x.numel() * self.spec.dimension)

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        noise = torch.randn(count, self.spec.dimension, generator=generator, device=self.device)
        x = (self.mean + noise @ self.root.T).reshape(count, *self.spec.event_shape)
        if self.spec.levels is None:
            return x
        return x.floor().clamp(0, self.spec.levels - 1).long()

    def log_density(self, x: torch.Tensor) -> torch.Tensor:
        normal = torch.distributions.MultivariateNormal(self.mean, scale_tril=self.root)
        return normal.log_prob(x.flatten(1))  # (N,) nats


CARD = ModelCard(
    name="full-gaussian",
    family="baseline",
    summary="one normal distribution with a full covariance matrix",
    # "module:class". Workers import it by this name, so the script names its own file, not "__main__".
    factory="add_a_model:FullGaussian",
    modalities=("points",),
    capabilities=("sample", "log_density"),
    defaults={"ridge": 1e-3},
)


class PrintResults:
    """What `run_benchmark` reports its progress to."""

    def message(self, job: Job, message: Message) -> None:
        """Called when a job enters a new phase, and several times per second while it trains."""

    def finished(self, job: Job, result: Result) -> None:
        print(f"{job.variant:24} {result.status} {result.reason or ''}")

    def close(self) -> None:
        print("all jobs are done")


def main(folder: Path) -> int:
    check_model(CARD)  # raises PluginError, which names what is wrong
    print(f"{CARD.name} keeps the contract")

    registry = load_registry().extended(models=[CARD])
    request = Request(
        suite=load_suite(str(SUITE)),
        models=["full-gaussian", "full-gaussian:ridge=0.5", "noise"],
        datasets=["ring8"],
        seeds=1,
    )
    plan = make_plan(request, registry, command=sys.argv)
    run = Run.create(folder, plan)
    provenance = collect_provenance(threads=1)
    run_benchmark(run, run.pending(), registry, Execution(workers=2), provenance, PrintResults())
    # The last line printed the leaderboard. It can be printed again: genai-bench show FOLDER
    return 0


# The guard is needed: worker processes import this script again.
if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
