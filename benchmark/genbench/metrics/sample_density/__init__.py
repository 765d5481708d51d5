"""Small densities that are fitted to a model's samples, to be judged on real data (train on samples, test on real).

They say how much of real data can be learned from the samples. They are not the model's own likelihood.

backoff.py         counts with Witten-Bell back-off: the density of everything that has levels
contexts.py        what each modality's counts are conditioned on
chow_liu.py        the same for numbers without an order: a tree
kernel_density.py  the density of real values
fit.py             which one it is, and what is the same for every model: grey levels, and a floor
"""

from __future__ import annotations

from genbench.metrics.sample_density.fit import SampleDensity, fit_sample_density

__all__ = ["SampleDensity", "fit_sample_density"]
