"""Torch's settings that hold for a whole process, put back to what they are when torch is imported.

A plugin may set them for its own model, at import or while it trains. What the harness computes must not depend on
that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def default_torch_settings() -> Iterator[None]:
    """Inside the block the default type is float32, the default device the CPU, gradients are recorded, and float32
    products have their full precision; afterwards the settings are what they were."""
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    products = torch.get_float32_matmul_precision()
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_default_device(None if device == torch.device("cpu") else device)
        torch.set_float32_matmul_precision(products)
