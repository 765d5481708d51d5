"""Feature extractors: fixed maps from examples to vectors, identified by name and hash.

`Extractor` is loaded when it is first used, so that `genbench.features.cards` can be read without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genbench.features.extractor import Extractor

__all__ = ["Extractor"]


def __getattr__(name: str) -> Any:
    if name == "Extractor":
        from genbench.features.extractor import Extractor

        return Extractor
    raise AttributeError(f"module 'genbench.features' has no attribute {name!r}")
