"""Announced in CARDS."""

from __future__ import annotations

from genbench import ModelCard

CARDS: tuple[ModelCard, ...] = ()
