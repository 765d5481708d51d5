"""Metrics of text, and of tokens in general: n-grams, variety, copies from the training data."""
