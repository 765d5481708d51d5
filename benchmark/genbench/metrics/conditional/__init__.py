"""Metrics of conditional tasks: samples of given classes, and completions."""
