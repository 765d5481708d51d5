"""How n-grams of samples compare with those of real text.

ngram_js_divergence  the Jensen-Shannon divergence (Lin 1991) between the distributions of n-grams, averaged over n from
                     1 to 4, in nats
ngram_precision      the share of 4-grams of samples that occur in the reference: BLEU's precision (Papineni et al.
                     2002, section 2.1) with the whole held-out text as one reference, without clipping, since how often
                     a 4-gram occurs is what the divergence is about
ngram_recall         the share of 4-grams of the reference that occur in samples: ROUGE's recall (Lin 2004), likewise
distinct_ngrams      different 4-grams over all 4-grams of the samples: distinct-n (Li et al. 2016)

A token is a character where data are characters. Sequences of fewer than four tokens have shorter n-grams only.
"""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor

from genbench.metrics.metric_values import estimated_value, metric_value, without_value
from genbench.metrics.numerics.feature_arrays import Estimate, two_sided
from genbench.metrics.numerics.grams import (
    Grams,
    jensen_shannon,
    of_rows,
    share_distinct,
    share_known,
    share_known_of_reference,
)
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import Windows, mean_error

ORDER = 4
"""Tokens of the longest n-grams."""
_NAMES = ("ngram_js_divergence", "ngram_precision", "ngram_recall", "distinct_ngrams")


def ngrams(x: Int[Tensor, "n time"], y: Int[Tensor, "m time"], order: int) -> list[tuple[Grams, Grams]]:
    """The n-grams of x and of y for n = 1, 2, ... `order`, with ids that mean the same on both sides. There are none
    that are longer than a sequence."""
    tokens = torch.cat([x, y]).long()
    codes, found = tokens, []
    for n in range(1, min(order, tokens.shape[1]) + 1):
        if n > 1:
            codes = codes[:, :-1] * (int(tokens.max()) + 1) + tokens[:, n - 1 :]
        # numbered anew at each n, so that no product overflows
        codes = torch.unique(codes, return_inverse=True)[1]
        found.append((of_rows(codes[: len(x)]), of_rows(codes[len(x) :])))
    return found


def ngram_js_divergence(
    x: Int[Tensor, "n time"],
    y: Int[Tensor, "m time"],
    windows: Windows | None = None,
    sample_windows: Windows | None = None,
) -> Estimate:
    """Mean over n = 1..4 of the Jensen-Shannon divergence between the n-grams of x and of y, in nats, with its standard
    error from both sides. windows: those of y. sample_windows: those of x."""
    return _mean_divergence(ngrams(x, y, ORDER), windows, sample_windows)


def _mean_divergence(
    grams: list[tuple[Grams, Grams]], windows: Windows | None, sample_windows: Windows | None
) -> Estimate:
    values, of_x, of_y = zip(*(jensen_shannon(*pair) for pair in grams), strict=True)
    on_x, on_y = (torch.stack(each).mean(0) for each in (of_x, of_y))
    return two_sided(torch.stack(values).mean(), on_x, on_y, windows, sample_windows=sample_windows)


def score_ngrams(inputs: ScoringInputs) -> list[MetricValue]:
    """The metrics `ngram_js_divergence`, `ngram_precision`, `ngram_recall` and `distinct_ngrams`."""
    for side, examples in (("samples", inputs.samples), ("reference examples", inputs.reference)):
        if len(examples) < 2:
            return without_value(_NAMES, inputs, f"{len(examples)} {side}, needs at least 2")
    of_reference, of_samples = inputs.reference_windows, inputs.sample_windows
    grams = ngrams(inputs.samples, inputs.reference, ORDER)
    x, y = grams[-1]
    distinct, influence = share_distinct(x)
    real, real_influence = share_distinct(y)
    error = mean_error(influence, of_samples)
    return [
        estimated_value("ngram_js_divergence", inputs, _mean_divergence(grams, of_reference, of_samples)),
        estimated_value("ngram_precision", inputs, share_known(x, y, of_reference, of_samples), k=len(grams)),
        estimated_value(
            "ngram_recall", inputs, share_known_of_reference(x, y, of_reference, of_samples), k=len(grams)
        ),
        metric_value(
            "distinct_ngrams",
            inputs,
            distinct,
            stderr=error.stderr,
            is_rough=error.is_rough,
            k=len(grams),
            real=real,
            real_stderr=mean_error(real_influence, of_reference).stderr,
        ),
    ]
