"""Metrics of completions of held-out images, for each mask of `genbench.samples.masks`.

    error     √(Σ |x̂ - x|² / Σ |m - x|²) over the missing pixels, with x̂ the completion, x the truth and m the mean of
              training examples. It is 1 where the completion is as far from the truth as m. A draw from the true
              conditional distribution is √2 times as far from the truth as that distribution's mean
    Fréchet   distance between the features of the completed images and of as many other held-out images; `real` is the
              distance for the original images
    nll       - log p(missing | given), where the model computes it exactly

All models complete equally many images, so that the bias of the distances is the same for all.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from genbench.errors import FeatureError
from genbench.metrics.frechet import frechet_distance_with_error
from genbench.metrics.metric_values import metric_value
from genbench.metrics.numerics.feature_arrays import Estimate
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.samples.completions import Completion, masks_for
from genbench.util.mean_errors import mean_error

_MEAN_OF = 2048  # training examples


def relative_error(
    completed: Shaped[Tensor, "n *event"],
    truth: Shaped[Tensor, "n *event"],
    given: Bool[Tensor, "n *event"],
    guess: Float[Tensor, "*event"],
) -> Estimate:
    """The error of the missing pixels relative to that of `guess`, and its standard error by the delta method for a
    ratio.
    """
    missing = ~given
    error = (missing * (completed.double() - truth).square()).flatten(1).sum(1)
    base = (missing * (guess.double() - truth).square()).flatten(1).sum(1)
    ratio = error.sum() / base.sum()
    spread = (error - ratio * base).std() / (base.mean() * len(error) ** 0.5)
    return Estimate(ratio.sqrt(), spread / (2 * ratio.sqrt()))


def score_completion(inputs: ScoringInputs) -> list[MetricValue]:
    """The metrics of completions; none for models that complete nothing."""
    if not inputs.completions:
        return []
    count = next((len(each.x) for each in inputs.completions.values() if each.x is not None), 0)
    masks = masks_for(inputs.spec, inputs.dataset, count)
    guess = inputs.train.random_subset(_MEAN_OF, seed=0).tensor().double().mean(0)
    metric_values: list[MetricValue] = []
    for name, completion in inputs.completions.items():
        metric_values += _of_mask(name, completion, masks[name], guess, inputs)
    return metric_values


def _of_mask(
    name: str, completion: Completion, given: Tensor, guess: Tensor, inputs: ScoringInputs
) -> Iterator[MetricValue]:
    if completion.x is None:
        for kind in ("error", "frechet"):
            refused = metric_value(f"completion_{kind}_{name}", inputs, None, note=completion.reason)
            yield msgspec.structs.replace(refused, n=None)
        return
    count = len(completion.x)
    truth, others = inputs.reference[:count], inputs.reference[count : 2 * count]
    error = relative_error(completion.x, truth, given, guess)
    # what is completed is a part of the test split, so that all of the errors count as the test set's
    found = [
        metric_value(
            f"completion_error_{name}", inputs, error.value, stderr=error.stderr, test_stderr=error.stderr
        )
    ]
    try:
        features, real, against = (inputs.extractor(x) for x in (completion.x, truth, others))
        distance = frechet_distance_with_error(features, against)
        floor = frechet_distance_with_error(real, against)
        found.append(
            metric_value(
                f"completion_frechet_{name}",
                inputs,
                distance.value,
                stderr=distance.stderr,
                test_stderr=distance.stderr,
                real=floor.value,
                real_stderr=floor.stderr,
            )
        )
    except FeatureError as failure:
        found.append(metric_value(f"completion_frechet_{name}", inputs, None, note=str(failure)))
    if completion.log_prob is not None:
        nll = -completion.log_prob.double()
        sampled = mean_error(nll)
        mean = metric_value(
            f"completion_nll_{name}",
            inputs,
            nll.mean(),
            stderr=sampled.stderr,
            test_stderr=sampled.stderr,
            is_rough=sampled.is_rough,
        )
        found.append(msgspec.structs.replace(mean, kind="exact"))
    for each in found:
        yield msgspec.structs.replace(each, n=count)
