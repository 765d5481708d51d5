"""Metrics of conditional tasks: samples of given classes, completions."""
