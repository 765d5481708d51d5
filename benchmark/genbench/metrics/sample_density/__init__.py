"""Small densities that are fitted to a model's samples and evaluated on real data (train on samples, test on real).

They measure how much can be learned about real data from the samples. They are not the model's own likelihood.

backoff.py         counts with Witten-Bell back-off: the density of data with levels
contexts.py        what the counts of each modality are conditioned on
chow_liu.py        a tree of dependencies, for numbers without an order
kernel_density.py  the density of real values
fit.py             which density is fitted, and its parts that are the same for every model
"""

from __future__ import annotations

from genbench.metrics.sample_density.fit import SampleDensity, fit_sample_density

__all__ = ["SampleDensity", "fit_sample_density"]
