"""Colours and marker symbols of families, equal in every chart, table and picture.

The colours follow Okabe and Ito ("Color universal design", 2008), whose palette people with any common colour vision
deficiency can tell apart. The symbol carries the same information, so that no chart depends on colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FamilyStyle:
    """How one family is drawn."""

    light: str
    """Colour on a light page, as "#rrggbb"."""
    dark: str
    """Colour on a dark page."""
    symbol: str
    """Marker symbol of plotly."""
    marker: str
    """Marker symbol of matplotlib."""


_STYLES = {
    "gan": FamilyStyle("#c2500a", "#f08a4b", "circle", "o"),
    "vae": FamilyStyle("#0067a5", "#4da3e0", "square", "s"),
    "autoregressive": FamilyStyle("#007a5a", "#35c09a", "diamond", "D"),
    "energy": FamilyStyle("#9a6a00", "#e6b83c", "triangle-up", "^"),
    "flow": FamilyStyle("#2f93c8", "#7fccf5", "triangle-down", "v"),
    "diffusion": FamilyStyle("#b0548a", "#e08fbc", "pentagon", "p"),
    "hybrid": FamilyStyle("#5b4a9c", "#a898e8", "star", "*"),
    "baseline": FamilyStyle("#6b6f76", "#a3a8b0", "x", "X"),
}
_OTHER = FamilyStyle("#33363b", "#d5d8dd", "hexagon", "h")


def style_of(family: str) -> FamilyStyle:
    """The style of a family; families that this version does not know share the colour of text."""
    return _STYLES.get(family, _OTHER)
