"""Held-out real data: the floor of every distance, since no model can be closer to the data than the data
themselves."""

from __future__ import annotations

from genbench import ComputeMeter, Split
from genbench_models.baselines.stored_examples import StoredExamples


class HeldOut(StoredExamples):
    """Samples are examples of the validation split, which the scorer has not seen."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.store(meter.valid, meter)
