"""Autoregressive models of sequences, one step after the other; see the cards in the folder above."""
