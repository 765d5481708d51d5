"""Data set sources of a stranger: one that works, others that do not."""

from __future__ import annotations

import msgspec
from jobs import TINY

from genbench.api.cards import DatasetCard


def good(argument: str) -> DatasetCard:
    spec = msgspec.structs.replace(TINY.spec, name=f"mine:{argument}")
    return msgspec.structs.replace(TINY, spec=spec, argument=argument)


def fails(argument: str) -> DatasetCard:
    raise ZeroDivisionError("division by zero")


def nothing(argument: str) -> None:
    return None


def other(argument: str) -> DatasetCard:
    return TINY
