"""Colours and marker symbols of families: the same in every chart, table and picture.

After Okabe and Ito ("Color universal design", 2008), whose eight colours people with any common colour vision
deficiency can tell apart; the symbol says the same again, so that nothing hangs on colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FamilyStyle:
    """light, dark: "#rrggbb" on a light and on a dark page. symbol: of plotly; marker: of matplotlib."""

    light: str
    dark: str
    symbol: str
    marker: str


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
    """A family that this version does not know gets the colour of text."""
    return _STYLES.get(family, _OTHER)
