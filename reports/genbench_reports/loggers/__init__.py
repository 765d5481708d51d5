"""Loggers for experiment trackers, each an optional extra: one tracked run per job, grouped by benchmark run.

Factories are called in the main process and import nothing heavy; the library of a tracker is imported in the thread of
its logger.
"""
