"""Likelihoods: observation models, and the estimators that turn a model into a figure with its kind."""
