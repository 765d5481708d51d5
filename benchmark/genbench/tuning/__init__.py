"""Searches for the hyperparameters with which a model does best under a budget (`genai-bench tune`)."""
