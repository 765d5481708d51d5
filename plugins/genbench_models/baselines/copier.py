"""A copier of the training set: it shows what memorisation looks like in each metric, and which metrics do not
notice it."""

from __future__ import annotations

from genbench import ComputeMeter, Split
from genbench_models.baselines.stored_examples import StoredExamples


class Copier(StoredExamples):
    """Samples are training examples."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.store(train, meter)
