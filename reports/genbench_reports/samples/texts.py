"""Tokens as text."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Shaped
from torch import Tensor

_MAX_TOKENS = 4096
"""Examples are shown whole; only one that is much longer than those of the built-in data sets is cut."""
_VISIBLE = str.maketrans({"\n": "⏎\n", "\t": "⇥"})


def text_of(
    tokens: Shaped[Tensor, " time"], alphabet: Sequence[str] | None, source_steps: int | None = None
) -> str:
    """The symbols of one example, or its codes where there is no alphabet. Line ends are made visible; other characters
    that do not print are replaced.

    source_steps: of pairs (`DataSpec.source_steps`), which are written "source → target", each up to its end."""
    if source_steps is not None:
        return " → ".join(
            text_of(_up_to_end(part), alphabet).strip()
            for part in (tokens[:source_steps], tokens[source_steps:])
        )
    codes = tokens[:_MAX_TOKENS].tolist()
    more = "…" if len(tokens) > _MAX_TOKENS else ""
    if alphabet is None:
        return " ".join(map(str, codes)) + more
    text = "".join(alphabet[code] if code < len(alphabet) else "\N{REPLACEMENT CHARACTER}" for code in codes)
    shown = "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
    return shown.translate(_VISIBLE) + more


def _up_to_end(tokens: Shaped[Tensor, " time"]) -> Shaped[Tensor, " some"]:
    ends = (tokens == 0).nonzero()
    return tokens[: int(ends[0])] if len(ends) else tokens
