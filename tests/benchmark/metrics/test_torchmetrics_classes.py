"""The torchmetrics classes give what the functions give: in batches, after a reset, across processes."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from genbench import metrics
from genbench.metrics import torchmetrics_classes
from genbench.metrics.conditional.class_balance import class_balance, class_entropies
from genbench.metrics.divergences import TRUTH_DRAWS, js_divergence, kl_divergence
from genbench.metrics.frechet import frechet_distance, frechet_distance_with_error
from genbench.metrics.frechet_infinity import frechet_infinity
from genbench.metrics.kernel import kernel_distance
from genbench.metrics.neighbours import precision_recall_density_coverage
from genbench.metrics.series import autocorrelation_difference_with_error, marginal_difference_with_error
from genbench.metrics.sliced_wasserstein import sliced_wasserstein, sliced_wasserstein_with_error
from genbench.metrics.two_sample import classifier_accuracy, nearest_neighbour_accuracy
from genbench.metrics.vendi import vendi_score, vendi_score_gaussian
from genbench.metrics.wasserstein import wasserstein_distance


def draw(count: int, seed: int) -> Tensor:
    return torch.randn(count, 6, generator=torch.Generator().manual_seed(seed)) + 0.3 * seed


def log_prob(x: Tensor) -> Tensor:
    return -x.double().square().sum(1) / 2 - 3 * math.log(2 * math.pi)


def sample(count: int, generator: torch.Generator) -> Tensor:
    return torch.randn(count, 6, generator=generator)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def vendi_of_both(fake: Tensor, real: Tensor, score: Callable[[Tensor], Any]) -> list[Tensor]:
    ours, theirs = score(fake), score(real)
    return [*ours[:2], *theirs[:2], ours.value / theirs.value]


@dataclass(frozen=True)
class Case:
    """of: what the function gives for (fake, real)."""

    of: Callable[[Tensor, Tensor], Any]
    arguments: dict[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] = (6,)
    one_set: bool = False


MODES = torch.zeros(2, 6)
MODES[1] = 4.0
CASES = {
    "AutocorrelationDifference": Case(autocorrelation_difference_with_error, shape=(3, 2)),
    "ClassBalance": Case(
        lambda x, y: [*class_balance(x, y, seeded(7)), *vars(class_entropies(x)).values()], {"seed": 7}
    ),
    "ClassifierTwoSample": Case(lambda x, y: classifier_accuracy(x, y, seeded(7)), {"seed": 7}),
    "FrechetDistance": Case(lambda x, y: [frechet_distance(x, y)], {"dimension": 6}),
    "FrechetInfinity": Case(lambda x, y: frechet_infinity(x, y, seeded(7), 2), {"seed": 7, "halvings": 2}),
    "JSDivergence": Case(
        lambda x, _: js_divergence(x, sample(TRUTH_DRAWS, seeded(7))),
        {"sample": sample, "seed": 7},
        one_set=True,
    ),
    "KLDivergence": Case(
        lambda x, _: kl_divergence(x, log_prob(x), 3), {"log_prob": log_prob, "k": 3}, one_set=True
    ),
    "KernelDistance": Case(kernel_distance),
    "MarginalDifference": Case(
        lambda x, y: marginal_difference_with_error(x, y, y.double().std((0, 1), correction=0)), shape=(3, 2)
    ),
    "ModeCoverage": Case(
        lambda x, _: [
            float(((x - MODES[0]).norm(dim=1) <= 3).any()) + float(((x - MODES[1]).norm(dim=1) <= 3).any()),
            None,
            float((torch.cdist(x, MODES).amin(1) <= 3).double().mean()),
            None,
        ],
        {"modes": MODES, "mode_scale": 1.0},
        one_set=True,
    ),
    "NeighbourTwoSample": Case(nearest_neighbour_accuracy),
    "PrecisionRecallDensityCoverage": Case(
        lambda x, y: list(vars(precision_recall_density_coverage(x, y, 3)).values()), {"k": 3}
    ),
    "SlicedWasserstein": Case(
        lambda x, y: sliced_wasserstein_with_error(x, y, seeded(7), 16), {"seed": 7, "projections": 16}
    ),
    "VendiScore": Case(
        lambda x, y: vendi_of_both(x, y, lambda side: vendi_score_gaussian(side, 2.0)), {"bandwidth": 2.0}
    ),
    "WassersteinDistance": Case(lambda x, y: wasserstein_distance(x, y, 2), {"power": 2}),
}
REAL, FAKE = draw(100, 0), draw(80, 1)


def as_floats(value: Any) -> list[float]:
    if isinstance(value, dict):
        return as_floats(list(value.values()))
    if isinstance(value, (tuple, list)):
        return [number for part in value for number in as_floats(part)]
    return [math.nan if value is None else float(value)]


def assert_as_expected(name: str, found: list[float]) -> None:
    case = CASES[name]
    expected = as_floats(case.of(FAKE.view(-1, *case.shape), REAL.view(-1, *case.shape)))
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert math.isnan(theirs) or ours == pytest.approx(theirs, rel=1e-9)


def feed(metric: Any, case: Case, features: Any, *, real: bool) -> None:
    batch = features.reshape(-1, *case.shape)
    if not case.one_set:
        metric.update(batch, real=real)
    elif not real:
        metric.update(batch)


@pytest.mark.parametrize("name", CASES)
def test_batches_equal_the_function(name: str) -> None:
    metric = getattr(metrics, name)(**CASES[name].arguments)
    for convert in (lambda x: x, lambda x: x.numpy()):  # the second time after a reset, and from numpy
        for start in range(0, 100, 30):
            feed(metric, CASES[name], convert(REAL[start : start + 30]), real=True)
            if start < len(FAKE):
                feed(metric, CASES[name], convert(FAKE[start : start + 30]), real=False)
        assert_as_expected(name, as_floats(metric.compute()))
        metric.reset()


def test_all_are_exported() -> None:
    assert sorted(torchmetrics_classes.__all__) == sorted(CASES)
    assert set(torchmetrics_classes.__all__) < set(metrics.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Frechet'"):
        _ = metrics.Frechet


PROCESS = """
import json, sys
from pathlib import Path
import torch
import torch.distributed as dist

sys.path.insert(0, sys.argv[4])
import test_torchmetrics_classes as here
from genbench import metrics

rank, rendezvous, features = int(sys.argv[1]), sys.argv[2], sys.argv[3]
dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
held = torch.load(features, weights_only=True)
# Unequal shares: the first process holds 70 real ones and 10 samples.
real, fake = (slice(0, 70), slice(0, 10)) if rank == 0 else (slice(70, None), slice(10, None))
values = {}
for name, case in here.CASES.items():
    metric = getattr(metrics, name)(**case.arguments)
    here.feed(metric, case, held["real"][real], real=True)
    here.feed(metric, case, held["fake"][fake], real=False)
    values[name] = here.as_floats(metric.compute())
print(json.dumps(values))
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_equal_the_function(tmp_path: Path) -> None:
    torch.save({"real": REAL, "fake": FAKE}, tmp_path / "features.pt")
    arguments = [str(tmp_path / "rendezvous"), str(tmp_path / "features.pt"), str(Path(__file__).parent)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(rank), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        outputs = [process.communicate(timeout=240) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, (output, problems) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, problems
        for name, found in json.loads(output).items():
            assert_as_expected(name, found)


# ---- what is not features


FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "frechet_distance": frechet_distance,
    "frechet_distance_with_error": frechet_distance_with_error,
    "frechet_infinity": lambda x, y: frechet_infinity(x, y, seeded(0)),
    "kernel_distance": kernel_distance,
    "precision_recall_density_coverage": precision_recall_density_coverage,
    "sliced_wasserstein": lambda x, y: sliced_wasserstein(x, y, seeded(0)),
    "sliced_wasserstein_with_error": lambda x, y: sliced_wasserstein_with_error(x, y, seeded(0)),
    "wasserstein_distance": wasserstein_distance,
    "nearest_neighbour_accuracy": nearest_neighbour_accuracy,
    "classifier_accuracy": lambda x, y: classifier_accuracy(x, y, seeded(0)),
    "js_divergence": js_divergence,
    "class_balance": lambda x, y: class_balance(x, y, seeded(0)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_take_numpy_and_refuse_what_is_not_features(name: str) -> None:
    function, x, y = FUNCTIONS[name], draw(60, 0), draw(60, 1)
    from_torch, from_numpy = function(x, y), function(x.double().numpy(), y.double().numpy())
    for ours, theirs in zip(flat(from_torch), flat(from_numpy), strict=True):
        assert float(ours) == pytest.approx(float(theirs), rel=1e-6)
    with pytest.raises(ValueError, match=rf"{name}: features of unequal width, \(60, 6\) and \(60, 5\)$"):
        function(x, y[:, :5])
    with pytest.raises(
        ValueError, match=rf"{name}: the second array has shape \(60,\), expected \(examples, "
    ):
        function(x, y[:, 0])
    x[[3, 9], 2] = torch.tensor([torch.nan, torch.inf])
    with pytest.raises(
        ValueError, match=f"{name}: the first array has NaN or infinite values in 2 of its 60 rows"
    ):
        function(x, y)


def flat(value: Any) -> list[Any]:
    if isinstance(value, Tensor):
        return [value]
    return list(value if isinstance(value, tuple) else vars(value).values())


def test_of_one_set_too() -> None:
    x = draw(30, 0)
    assert float(vendi_score(x).value) == pytest.approx(float(vendi_score(x.numpy()).value))
    with pytest.raises(
        ValueError, match="vendi_score: the array has NaN or infinite values in 1 of its 2 rows"
    ):
        vendi_score(np.array([[1.0, np.inf], [0.0, 1.0]]))


@pytest.mark.parametrize("name", CASES)
def test_classes_refuse_what_is_not_features(name: str) -> None:
    case = CASES[name]
    metric = getattr(metrics, name)(**case.arguments)
    feed(metric, case, REAL, real=False)
    spoilt = REAL.clone()
    spoilt[0, 0] = torch.nan
    with pytest.raises(
        ValueError, match=f"{name}: the batch has NaN or infinite values in 1 of its 100 rows"
    ):
        feed(metric, case, spoilt, real=False)
    if not case.one_set:
        with pytest.raises(ValueError, match=f"{name}: features of (unequal )?width"):
            metric.update(torch.zeros(4, *case.shape[:-1], case.shape[-1] - 1), real=True)


def test_a_side_without_features_is_said() -> None:
    metric = metrics.KernelDistance()
    metric.update(REAL, real=True)
    with pytest.raises(ValueError, match="KernelDistance: no features with real=False so far"):
        metric.compute()


def test_a_frechet_distance_in_batches_keeps_its_digits_far_from_zero() -> None:
    real, fake = REAL.double() + 1e7, FAKE.double() + 1e7
    metric = metrics.FrechetDistance(6)
    for batch in (real[:1], real[1:30], real[30:30], real[30:]):
        metric.update(batch, real=True)
    metric.update(fake, real=False)
    # 1e7 itself costs seven of the sixteen digits of each number
    assert metric.compute().item() == pytest.approx(
        frechet_distance(FAKE.double(), REAL.double()).item(), rel=1e-6
    )
