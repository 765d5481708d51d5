"""Comparisons over seeds, models and data sets: score matrices, profiles, mean ranks, groups of models."""
