"""The cards of the metrics of conditional tasks: completion, and samples of given classes."""

from __future__ import annotations

from genbench.api.cards import MetricCard
from genbench.api.spec import MODALITIES

_COMPLETION = "genbench.metrics.conditional.completion:score_completion"
_CLASS_SAMPLES = "genbench.metrics.conditional.class_samples:score_class_samples"

_MASKED = {
    "lower_half": "the lower half of held-out images",
    "centre": "the centre of held-out images",
    "random_half": "half the pixels of held-out images, at random",
    "super_resolution": "held-out images, 2x super-resolution from every second row and column",
}

_COMPLETIONS: tuple[MetricCard, ...] = tuple(
    card
    for mask, what in _MASKED.items()
    for card in (
        MetricCard(
            name=f"completion_error_{mask}",
            summary=f"completing {what}: root mean squared error, 1 being that of the training mean",
            unit="of the mean's error",
            better="lower",
            group="quality",
            minimum=0.0,
            modalities=("image",),
            factory=_COMPLETION,
        ),
        MetricCard(
            name=f"completion_frechet_{mask}",
            summary=f"completing {what}: Fréchet distance from other held-out images (`real`: of the truth)",
            unit="squared feature units",
            better="lower",
            group="quality",
            minimum=0.0,
            modalities=("image",),
            extractor=True,
            factory=_COMPLETION,
        ),
        MetricCard(
            name=f"completion_nll_{mask}",
            summary=f"completing {what}: exact negative log-likelihood of what is missing given the rest",
            unit="nats",
            better="lower",
            group="likelihood",
            modalities=("image",),
            factory=_COMPLETION,
        ),
    )
)

CONDITIONAL_CARDS: tuple[MetricCard, ...] = (
    *_COMPLETIONS,
    MetricCard(
        name="class_frechet",
        summary="samples of asked-for classes: Fréchet distance within each class, mean over classes",
        unit="squared feature units",
        better="lower",
        group="quality",
        minimum=0.0,
        modalities=MODALITIES,
        extractor=True,
        factory=_CLASS_SAMPLES,
    ),
    MetricCard(
        name="class_frechet_worst",
        summary="samples of asked-for classes: Fréchet distance within the worst class",
        unit="squared feature units",
        better="lower",
        group="quality",
        minimum=0.0,
        modalities=MODALITIES,
        extractor=True,
        factory=_CLASS_SAMPLES,
    ),
    MetricCard(
        name="class_accuracy",
        summary="samples of asked-for classes: share that a frozen classifier takes for the class asked for",
        unit="share",
        better="higher",
        group="quality",
        minimum=0.0,
        maximum=1.0,
        modalities=MODALITIES,
        extractor=True,
        factory=_CLASS_SAMPLES,
    ),
)
