"""How good translations are: exact match, chrF and BLEU, against the one right answer of each held-out pair.

chrF is that of Popović 2015, "chrF: character n-gram F-score for automatic MT evaluation", and BLEU that of Papineni et
al. 2002, both over the whole corpus by sacrebleu (Post 2018, "A Call for Clarity in Reporting BLEU Scores"), from 0 to
100. Where symbols are words, BLEU takes these as they are; else sacrebleu splits texts into words (its "13a").
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from genbench.metrics.metric_values import metric_value, without_value
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import mean_error

_NAMES = ("exact_match", "chrf", "bleu")
_GROUPS = 10


def score_translation(inputs: ScoringInputs) -> list[MetricValue]:
    """The metrics `exact_match`, `chrf` and `bleu`; none for data that are no pairs and models that answer nothing."""
    found, source = inputs.translations, inputs.spec.source_steps
    if found is None or source is None:
        return []
    if found.x is None:
        return without_value(_NAMES, inputs, found.reason or "no translations")
    answers = found.x[:, source:]
    right = inputs.reference[: len(answers), source:]
    exact = exact_matches(answers, right).double()
    values = [_value("exact_match", inputs, float(exact.mean()), mean_error(exact).stderr, 1.0)]
    texts = [[target_text(row, inputs.alphabet) for row in rows.tolist()] for rows in (answers, right)]
    words = inputs.alphabet is None or any(len(symbol) > 1 for symbol in inputs.alphabet[1:])
    for name, score in (("chrf", corpus_chrf), ("bleu", corpus_bleu(words))):
        value, stderr = _jackknife(score, *texts)
        values.append(_value(name, inputs, value, stderr, 100.0))
    return values


def _value(name: str, inputs: ScoringInputs, value: float, stderr: float, real: float) -> MetricValue:
    """The record of a metric. Its error is that of the choice of held-out pairs."""
    assert inputs.translations is not None
    assert inputs.translations.x is not None
    count = len(inputs.translations.x)
    return metric_value(name, inputs, value, stderr=stderr, test_stderr=stderr, n=count, real=real)


def exact_matches(answers: Int[Tensor, "n steps"], right: Int[Tensor, "n steps"]) -> Bool[Tensor, " n"]:
    """Whether answers are right up to their end: what follows the first symbol 0 does not count."""
    ended = [((rows == 0).cumsum(1) > 0) for rows in (answers, right)]
    return (answers.masked_fill(ended[0], 0) == right.masked_fill(ended[1], 0)).all(1)


def target_text(codes: Sequence[int], alphabet: Sequence[str] | None) -> str:
    """The text of a target up to its end, the first symbol 0; codes with blanks between them where there is no
    alphabet."""
    ended = codes[: codes.index(0)] if 0 in codes else codes
    if alphabet is None:
        return " ".join(map(str, ended))
    return "".join(alphabet[code] for code in ended).strip()


def corpus_chrf(answers: Sequence[str], right: Sequence[str]) -> float:
    """chrF of a corpus, 0 to 100."""
    from sacrebleu.metrics.chrf import CHRF

    return float(CHRF().corpus_score(list(answers), [list(right)]).score)


def corpus_bleu(words: bool) -> Callable[[Sequence[str], Sequence[str]], float]:
    """BLEU of a corpus, 0 to 100. words: whether texts are words with blanks between them already."""
    from sacrebleu.metrics.bleu import BLEU

    # shorter n-grams alone where no text has four words
    metric = BLEU(tokenize="none" if words else "13a", force=True, effective_order=True)
    return lambda answers, right: float(metric.corpus_score(list(answers), [list(right)]).score)


def _jackknife(
    score: Callable[[Sequence[str], Sequence[str]], float], answers: Sequence[str], right: Sequence[str]
) -> tuple[float, float]:
    """The score, and its standard error by the delete-a-group jackknife (Wolter 2007, Introduction to Variance
    Estimation, section 4.2), from the scores without each tenth of the pairs; NaN for a single pair."""
    groups = min(_GROUPS, len(answers))
    if groups < 2:
        return score(answers, right), math.nan
    without = [
        score(
            [text for i, text in enumerate(answers) if i % groups != group],
            [text for i, text in enumerate(right) if i % groups != group],
        )
        for group in range(groups)
    ]
    spread = torch.tensor(without, dtype=torch.float64).var(correction=0)
    return score(answers, right), float((spread * (groups - 1)).sqrt())
