"""Discovering plugins, checking their cards, and calling their hooks."""
