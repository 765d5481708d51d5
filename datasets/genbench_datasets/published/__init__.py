"""Data sets whose files are published: fetched once, checked, and kept in the cache."""
