"""What every use of matplotlib here has in common: the check that it is installed, and text that it does not
interpret."""

from __future__ import annotations

import importlib.util

from genbench.errors import UsageError


def require_matplotlib() -> None:
    """Raises UsageError where the extra is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("pictures need matplotlib: pip install 'genbench[pictures]'")


def plain(text: str) -> str:
    """The text with its dollar signs escaped, because matplotlib reads mathematics between them."""
    return text.replace("$", r"\$")
