"""Metrics of class-conditional sampling: are samples of class k like real data of class k?

    class_frechet         mean over classes of the Fréchet distance within the class
    class_frechet_worst   the largest of these distances
    class_accuracy        share of samples for which the extractor's classifier predicts the class asked for

There are N = K x m examples on either side, m of each class. `real` is the value of as many held-out real examples.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import torch
from jaxtyping import Float
from torch import Tensor

from genbench.errors import FeatureError
from genbench.metrics.frechet import frechet_distance, frechet_distance_with_error
from genbench.metrics.metric_values import metric_value, without_value
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import share_error

_DISTANCES = ("class_frechet", "class_frechet_worst")


def class_accuracy(logits: Float[Tensor, "classes m k"]) -> Float[Tensor, ""]:
    """The share of examples whose class is predicted. logits: of m examples of each class."""
    wanted = torch.arange(len(logits)).unsqueeze(1)
    return (logits.argmax(2) == wanted).double().mean()


def score_class_samples(inputs: ScoringInputs) -> list[MetricValue]:
    """The metrics of class-conditional sampling. None for models that take no condition, and no accuracy where the
    extractor has no classifier."""
    given = inputs.class_samples
    if given is None:
        return []
    has_head = inputs.extractor.classify is not None
    names = (*_DISTANCES, "class_accuracy") if has_head else _DISTANCES
    if given.drawn is None:
        return without_value(names, inputs, given.reason or "nothing was drawn")
    try:
        features, reference, real = (
            inputs.extractor(x.flatten(0, 1)).unflatten(0, x.shape[:2])
            for x in (given.drawn, given.reference, given.real)
        )
        metric_values = [*_distances(inputs, features, reference, real)]
        if has_head:
            metric_values.append(_accuracy(inputs, features, real))
    except FeatureError as error:
        return without_value(names, inputs, str(error))
    count = given.drawn.shape[0] * given.drawn.shape[1]
    return [msgspec.structs.replace(each, n=count) for each in metric_values]


def _distances(
    inputs: ScoringInputs, features: Tensor, reference: Tensor, real: Tensor
) -> Iterator[MetricValue]:
    found = [frechet_distance_with_error(a, b) for a, b in zip(features, reference, strict=True)]
    floor = torch.stack([frechet_distance(a, b) for a, b in zip(real, reference, strict=True)])
    values, errors = torch.stack([each.value for each in found]), torch.stack([each.stderr for each in found])
    test_errors = torch.stack([torch.as_tensor(each.test_stderr or torch.nan) for each in found])
    total, of_test = (each.square().sum().sqrt() / len(found) for each in (errors, test_errors))
    yield metric_value(
        "class_frechet", inputs, values.mean(), stderr=total, test_stderr=of_test, real=floor.mean()
    )
    worst = int(values.argmax())
    yield metric_value(
        "class_frechet_worst",
        inputs,
        values[worst],
        stderr=errors[worst],
        test_stderr=test_errors[worst],
        is_rough=True,  # of the class that came out worst, which chance had a part in
        real=floor.max(),
        note=f"class {worst}",
    )


def _accuracy(inputs: ScoringInputs, features: Tensor, real: Tensor) -> MetricValue:
    shares = []
    for each in (features, real):
        logits = inputs.extractor.logits(each.flatten(0, 1))
        assert logits is not None
        if logits.shape[1] < len(each):
            note = f"the head knows {logits.shape[1]} classes, the data have {len(each)}"
            return metric_value("class_accuracy", inputs, None, note=note)
        shares.append(class_accuracy(logits.unflatten(0, each.shape[:2])))
    count = features.shape[0] * features.shape[1]
    error, real_error = (share_error(float(share), count) for share in shares)
    return metric_value(
        "class_accuracy",
        inputs,
        shares[0],
        stderr=error.stderr,
        test_stderr=0.0,
        is_rough=error.is_rough,
        real=shares[1],
        real_stderr=real_error.stderr,
    )
