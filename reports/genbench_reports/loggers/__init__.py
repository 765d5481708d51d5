"""Loggers for experiment trackers, each an optional extra: one tracked run a job, grouped by benchmark run.

Factories are called in the main process and stay light; a tracker's library is imported in the logger's own thread.
"""
