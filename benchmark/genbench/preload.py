"""What the fork server loads once for all its children.

torch loads parts of itself when they are first used: counting FLOPs and taking an optimiser's first step
bring in its compiler, about a second's work. Done here, it is neither paid by every job nor on a model's
clock. Nothing here starts a thread: a process that has some must not be forked.
"""

from __future__ import annotations

import torch

import genbench.worker  # noqa: F401
from genbench.measure.flops import flops_of


def _touch() -> None:
    parameter = torch.nn.Parameter(torch.ones(2, 2))
    optimiser = torch.optim.Adam([parameter])
    with flops_of():
        (parameter @ parameter).sum().backward()
    optimiser.step()
    optimiser.zero_grad()
    torch.distributions.Normal(0.0, 1.0)
    torch.linalg.eigvalsh(torch.eye(2))


threads = torch.get_num_threads()
torch.set_num_threads(1)
_touch()
torch.set_num_threads(threads)
