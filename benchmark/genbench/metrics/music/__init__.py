"""Metrics of music as piano rolls: notes, chords, and how voices move."""
