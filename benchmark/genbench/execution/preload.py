"""What the fork server loads once for all workers.

torch loads parts of itself at their first use: counting FLOPs and the first step of an optimiser load its compiler,
which takes about a second; the metrics of points load scipy's assignment solver, which takes a third of a second.
Loaded here, they cost no job any time, and no model any of its training budget.

A process with threads must not be forked. Nothing here starts a thread except OpenBLAS, which ends its threads before a
fork. Nothing here asks CUDA for its devices either, because children of a process that did cannot use them. A backward
pass and an optimiser's step do ask, so with a build of torch for GPUs their parts are imported and not run.
"""

from __future__ import annotations

import importlib
import os

# torch.cuda.is_available() then asks NVML, and not CUDA
os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")

import scipy.optimize  # noqa: F401
import torch

import genbench.execution.worker  # noqa: F401
from genbench.api.flop_counter import flops_of
from genbench.execution.orphans import adopt_orphans


def _touch() -> None:
    parameter = torch.nn.Parameter(torch.ones(2, 2))
    optimiser = torch.optim.Adam([parameter])
    with flops_of():
        (parameter @ parameter).sum().backward()
    optimiser.step()
    optimiser.zero_grad()
    torch.distributions.Normal(0.0, 1.0)
    torch.linalg.eigvalsh(torch.eye(2))


def _import() -> None:
    importlib.import_module("torch._dynamo")
    with torch.no_grad(), flops_of():
        _ = torch.ones(2, 2) @ torch.ones(2, 2)
    torch.distributions.Normal(0.0, 1.0)
    torch.linalg.eigvalsh(torch.eye(2))


adopt_orphans()
threads = torch.get_num_threads()
torch.set_num_threads(1)
if torch.backends.cuda.is_built():
    _import()
else:
    _touch()
torch.set_num_threads(threads)
