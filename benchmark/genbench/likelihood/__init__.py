"""Likelihoods: estimators that turn a model into log-likelihoods of a known kind, and audits of them."""
