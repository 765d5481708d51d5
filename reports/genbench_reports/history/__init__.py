"""Metrics and costs over commits, and where they changed."""
