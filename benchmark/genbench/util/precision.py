"""Full float32 precision on a GPU, where torch lets convolutions use TF32, with a mantissa of 10 bits, by default.

Training and sampling use whatever precision the model and torch's defaults choose. Likelihoods are compared to the
second decimal, between CPUs and GPUs, so they are computed in full precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute float32 convolutions and matrix products with all 23 bits of the mantissa inside the block, and restore
    torch's settings afterwards."""
    convolutions, products = torch.backends.cudnn, torch.backends.cuda.matmul
    try:
        before = convolutions.allow_tf32, products.allow_tf32
    except RuntimeError:  # the model chose by torch's newer switches, which do not mix with these
        yield
        return
    convolutions.allow_tf32 = products.allow_tf32 = False
    try:
        yield
    finally:
        convolutions.allow_tf32, products.allow_tf32 = before
