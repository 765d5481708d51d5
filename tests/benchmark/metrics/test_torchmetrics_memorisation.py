"""The torchmetrics classes give what the functions give: in batches, and again after a reset."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from genbench import metrics
from genbench.api.spec import DataSpec
from genbench.metrics.memorisation.data_copying import cells_for, data_copying, fit_cells
from genbench.metrics.memorisation.near_duplicates import authenticity, near_duplicates
from genbench.metrics.train_on_samples import train_on_samples_log_prob

SPEC = DataSpec(name="toy", modality="points", event_shape=(3,))


def draw(count: int, seed: int) -> Tensor:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))


TRAIN, HELD_OUT = draw(300, 0), draw(110, 1)
SAMPLES = torch.cat([draw(80, 2), TRAIN[:40]])


def expected(name: str) -> list[float]:
    if name == "Authenticity":
        return [float(authenticity(SAMPLES, TRAIN))]
    if name == "NearDuplicateShare":
        found = near_duplicates(SAMPLES, HELD_OUT, TRAIN, 0.05)
        return [float(part) for part in (found.value, found.real, found.stderr, found.excess_share)]
    if name == "DataCopyingZ":
        centres = fit_cells(TRAIN, cells_for(110), torch.Generator().manual_seed(7))
        copying = data_copying(SAMPLES, HELD_OUT, TRAIN, centres)
        return [float(copying.value), float(copying.stderr)]
    nll = -train_on_samples_log_prob(SAMPLES, HELD_OUT, TRAIN, SPEC, 7)
    return [float(nll.mean()), float(nll.std() / 110**0.5)]


ARGUMENTS: dict[str, dict[str, object]] = {
    "Authenticity": {},
    "NearDuplicateShare": {"quantile": 0.05},
    "DataCopyingZ": {"seed": 7},
    "TrainOnSamplesNLL": {"spec": SPEC, "seed": 7},
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_batches_equal_the_function(name: str) -> None:
    metric = getattr(metrics, name)(**ARGUMENTS[name])
    for _ in range(2):  # the second time after a reset
        for source, x in (("train", TRAIN), ("held-out", HELD_OUT), ("samples", SAMPLES)):
            for batch in x.split(33):
                metric.update(batch, source=source)
        found = metric.compute()
        parts = found.values() if isinstance(found, dict) else found if isinstance(found, tuple) else [found]
        assert [float(part) for part in parts] == pytest.approx(expected(name))
        metric.reset()


def test_an_unknown_source_is_named() -> None:
    with pytest.raises(ValueError, match="source 'fake': expected 'samples', 'held-out' or 'train'"):
        metrics.Authenticity().update(TRAIN, source="fake")


def test_all_are_exported() -> None:
    assert set(ARGUMENTS) < set(metrics.__all__)
