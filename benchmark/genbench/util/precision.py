"""Float32 that is float32: no TF32, whose 10 bits of mantissa torch allows convolutions on a GPU by default.

Training and sampling run as the model and torch's defaults have it. A likelihood is compared with others'
to the second decimal, from a CPU or from another GPU, so it is computed in full.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def full_precision() -> Iterator[None]:
    """Convolutions and matrix products of float32 keep their 23 bits inside; the settings are as before afterwards."""
    convolutions, products = torch.backends.cudnn, torch.backends.cuda.matmul
    try:
        before = convolutions.allow_tf32, products.allow_tf32
    except RuntimeError:  # a model used torch's newer switches, which do not mix with these: it has chosen
        yield
        return
    convolutions.allow_tf32 = products.allow_tf32 = False
    try:
        yield
    finally:
        convolutions.allow_tf32, products.allow_tf32 = before
