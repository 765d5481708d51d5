"""The names of published splits."""

from __future__ import annotations

_NAMES = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
}


def split_of(name: str) -> str | None:
    """ "train", "valid" or "test"; None where the name is none of the usual ones."""
    return _NAMES.get(name.lower())
