"""Annealed importance sampling: likelihoods of decoders, partition functions of energy models."""
