"""Conditional tasks: what a model makes of a part of an example, or of a label.

masks          which pixels are given
latents        posterior sampling in the latent space of a decoder
completions    what a model fills in, and how likely it thinks the truth
class_samples  an equal number of samples of each class
inside         traversals, interpolations and entropies, for pictures
beside         all of it, for the worker and for scoring again
tensors        how all that is kept beside the samples
"""
