"""Self-BLEU: how alike samples are, each against all the others.

Zhu et al. 2018, "Texygen: A Benchmarking Platform for Text Generation Models", section 3.1, of the BLEU of Papineni et
al. 2002: the geometric mean over n = 1..4 of the clipped precisions of a sample's n-grams, where a count is clipped to
the largest count in one other sample. All sequences have equal length, so there is no brevity penalty. From n = 2 on, 1
is added to hits and to n-grams (Lin and Och 2004), so that one precision of 0 does not decide.

The largest count in one other sample is the largest over all samples, or for the sample that has it the second largest,
so the time is linear in the tokens rather than quadratic in the samples.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genbench.metrics.metric_values import metric_value, without_value
from genbench.metrics.numerics.grams import Grams
from genbench.metrics.scoring import ScoringInputs
from genbench.metrics.text.ngrams import ORDER, ngrams
from genbench.records.result import MetricValue
from genbench.util.mean_errors import mean_error

_NAME = "self_bleu"


def self_bleu(x: Int[Tensor, "n time"]) -> Float[Tensor, " n"]:
    """BLEU-4 of each sequence against all others, 0 to 1, float64. Raises ValueError for fewer than 2."""
    if len(x) < 2:
        raise ValueError(f"self-BLEU of {len(x)} sequences: needs at least 2")
    orders = [grams for grams, _ in ngrams(x, x[:0], ORDER)]
    logs = [_log_precision(grams, smoothing=0 if n == 0 else 1) for n, grams in enumerate(orders)]
    return torch.stack(logs).mean(0).exp()


def _log_precision(grams: Grams, smoothing: int) -> Float[Tensor, " n"]:
    """The logarithm of each example's clipped precision."""
    pairs, counts = torch.unique(grams.owners * grams.kinds + grams.ids, return_counts=True)
    owner, kind = pairs // grams.kinds, pairs % grams.kinds
    largest = torch.zeros(grams.kinds, dtype=torch.int64).scatter_reduce_(0, kind, counts, "amax")
    has_it = counts == largest[kind]
    holders = torch.bincount(kind[has_it], minlength=grams.kinds)
    others = torch.where(has_it, 0, counts)
    second = torch.zeros(grams.kinds, dtype=torch.int64).scatter_reduce_(0, kind, others, "amax")
    limit = torch.where(has_it & (holders[kind] == 1), second[kind], largest[kind])
    hits = torch.bincount(owner, torch.minimum(counts, limit).double(), minlength=grams.examples)
    total = torch.bincount(grams.owners, minlength=grams.examples)
    return ((hits + smoothing) / (total + smoothing)).log()


def score_self_bleu(inputs: ScoringInputs) -> list[MetricValue]:
    """The metric `self_bleu`; `real` is that of the reference."""
    for side, examples in (("samples", inputs.samples), ("reference examples", inputs.reference)):
        if len(examples) < 2:
            return without_value((_NAME,), inputs, f"{len(examples)} {side}, needs at least 2")
    ours, real = self_bleu(inputs.samples), self_bleu(inputs.reference)
    error = mean_error(ours, inputs.sample_windows)
    return [
        metric_value(
            _NAME,
            inputs,
            ours.mean(),
            stderr=error.stderr,
            is_rough=error.is_rough,
            k=ORDER,
            real=real.mean(),
            real_stderr=mean_error(real, inputs.reference_windows).stderr,
        )
    ]
