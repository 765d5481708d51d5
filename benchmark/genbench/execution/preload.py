"""What the fork server loads once for all its children.

torch loads parts of itself when they are first used: counting FLOPs and taking an optimiser's first step
bring in its compiler, about a second's work, and metrics of points scipy's assignments, a third of one. Done here,
it is neither paid by every job nor on a model's clock. A process that has threads must not be forked: nothing here
starts one but OpenBLAS, which ends its own before a fork.

Nor does anything here ask CUDA for its devices: children of a process that did cannot use them. A backward pass and an
optimiser's step do ask, so where torch is built for GPUs their parts are imported and not run.
"""

from __future__ import annotations

import importlib
import os

# torch.cuda.is_available() by NVML, which leaves CUDA alone
os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")

import scipy.optimize  # noqa: F401
import torch

import genbench.execution.worker  # noqa: F401
from genbench.api.flop_counter import flops_of


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


threads = torch.get_num_threads()
torch.set_num_threads(1)
if torch.backends.cuda.is_built():
    _import()
else:
    _touch()
torch.set_num_threads(threads)
