"""Helpers that know nothing of benchmarks: files, checksums, seeds, caches."""
