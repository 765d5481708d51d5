"""Metrics of memorisation: copies and near-duplicates of training examples, and the C_T test of data copying."""
