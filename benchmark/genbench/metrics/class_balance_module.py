"""Class balance and entropies as a torchmetrics class; as in `genbench.metrics.modules`, kept out of workers.

Keeps a few sums a side, so that memory does not grow with N; `update` takes logits.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from genbench.metrics.class_balance import class_counts, total_variation

__all__ = ["ClassBalance"]


class ClassBalance(Metric):
    """Balance, and the entropies of the samples. classes: K, of the logits (B, K) that `update` takes."""

    is_differentiable = False
    full_state_update = False
    real_counts: Tensor
    fake_counts: Tensor
    probabilities: Tensor
    entropy: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        for side in ("real", "fake"):
            self.add_state(f"{side}_counts", torch.zeros(classes, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("probabilities", torch.zeros(classes, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("entropy", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, logits: Float[Tensor, "batch classes"], real: bool) -> None:
        getattr(self, "real_counts" if real else "fake_counts").add_(class_counts(logits))
        if not real:
            log_p = logits.double().log_softmax(1)
            self.probabilities += log_p.exp().sum(0)
            self.entropy += torch.special.entr(log_p.exp()).sum()

    def compute(self) -> dict[str, Tensor]:
        """By name, 0-dimensional float64."""
        count = self.fake_counts.sum()
        whole, own = torch.special.entr(self.probabilities / count).sum(), self.entropy / count
        return {
            "class_balance": total_variation(self.fake_counts, self.real_counts),
            "class_entropy": whole,
            "predictive_entropy": own,
            "class_information": whole - own,
        }
