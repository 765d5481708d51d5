"""Metrics of memorisation: near duplicates of training examples, the C_T test of data copying."""
