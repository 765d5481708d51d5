"""Helpers that have nothing to do with benchmarks: files, checksums, seeds, caches."""
