"""How the music of samples compares with real music.

The distances are total variations between the distributions of what is counted, as in the comparisons of histograms by
Yang and Lerch 2020, "On the evaluation of generative models in music", whose features these are: pitch classes of
notes, intervals, note lengths, onsets, and the polyphony of Dong et al. 2018 ("MuseGAN", section 5).

pitch_class_distance, interval_distance, duration_distance, onset_distance, polyphony_distance
                  0 to 1; see `genbench.metrics.music.notes` for what is counted
chord_precision   the share of changes of chord in samples that occur in the reference; a chord is a set of pitch
                  classes
chord_recall      the share of changes of chord in the reference that occur in samples
voice_crossings   the share of moves of two voices or more in which one moves beyond where its neighbour was, an
                  "overlap" in the teaching of harmony; a roll does not say which voice sings which note, so that voices
                  that cross look like voices that overlap
repetition        the share of changes of step that bring back what sounded earlier in the example
"""

from __future__ import annotations

from jaxtyping import Bool
from torch import Tensor

from genbench.metrics.metric_values import estimated_value, metric_value, without_value
from genbench.metrics.music.notes import (
    chord_changes,
    durations,
    onset_counts,
    outer_intervals,
    overlaps,
    pitch_classes,
    polyphony,
    repeats,
)
from genbench.metrics.numerics.grams import Grams, share_known, share_known_of_reference, total_variation
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import MeanError, Windows, mean_error

_DISTANCES = {
    "pitch_class_distance": (pitch_classes, "notes"),
    "interval_distance": (outer_intervals, "notes that move"),
    "duration_distance": (durations, "notes"),
    "onset_distance": (onset_counts, "steps"),
    "polyphony_distance": (polyphony, "steps"),
}
_CHORDS = ("chord_precision", "chord_recall")
_SHARES = {"voice_crossings": (overlaps, "moves of voices"), "repetition": (repeats, "changes")}
_NAMES = (*_DISTANCES, *_CHORDS, *_SHARES)


def score_music(inputs: ScoringInputs) -> list[MetricValue]:
    """All metrics of music."""
    for side, examples in (("samples", inputs.samples), ("reference examples", inputs.reference)):
        if len(examples) < 2:
            return without_value(_NAMES, inputs, f"{len(examples)} {side}, needs at least 2")
    of_reference, of_samples = inputs.reference_windows, inputs.sample_windows
    found = []
    for name, (count, what) in _DISTANCES.items():
        x, y = count(inputs.samples), count(inputs.reference)
        if (note := _nothing(x, y, what)) is not None:
            found.append(metric_value(name, inputs, None, note=note))
        else:
            found.append(estimated_value(name, inputs, total_variation(x, y, of_reference, of_samples)))
    return [*found, *_chord_values(inputs), *(_share_value(inputs, name) for name in _SHARES)]


def _chord_values(inputs: ScoringInputs) -> list[MetricValue]:
    of_reference, of_samples = inputs.reference_windows, inputs.sample_windows
    x, y = chord_changes(inputs.samples), chord_changes(inputs.reference)
    if (note := _nothing(x, y, "changes of chord")) is not None:
        return without_value(_CHORDS, inputs, note)
    return [
        estimated_value("chord_precision", inputs, share_known(x, y, of_reference, of_samples)),
        estimated_value("chord_recall", inputs, share_known_of_reference(x, y, of_reference, of_samples)),
    ]


def _share_value(inputs: ScoringInputs, name: str) -> MetricValue:
    count, what = _SHARES[name]
    (hits, chances), (real_hits, real_chances) = count(inputs.samples), count(inputs.reference)
    if not chances.any():
        return metric_value(name, inputs, None, note=f"no {what} in the samples")
    share, error = ratio(hits, chances, inputs.sample_windows)
    real = ratio(real_hits, real_chances, inputs.reference_windows) if real_chances.any() else None
    return metric_value(
        name,
        inputs,
        share,
        stderr=error.stderr,
        is_rough=error.is_rough,
        real=None if real is None else real[0],
        real_stderr=None if real is None else real[1].stderr,
    )


def ratio(
    hits: Bool[Tensor, "n moves"], chances: Bool[Tensor, "n moves"], windows: Windows | None = None
) -> tuple[Tensor, MeanError]:
    """Hits over chances in all examples, and its standard error by the delta method. windows: those of the examples."""
    of_hits, of_chances = hits.sum(1).double(), chances.sum(1).double()
    share = of_hits.sum() / of_chances.sum()
    return share, mean_error((of_hits - share * of_chances) / of_chances.mean(), windows)


def _nothing(x: Grams, y: Grams, what: str) -> str | None:
    for side, grams in (("samples", x), ("reference", y)):
        if not len(grams):
            return f"no {what} in the {side}"
    return None
