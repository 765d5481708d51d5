"""Metrics of series: what is said of their values, their past, their spectrum and their tails, and by judges that are
trained."""

from genbench.metrics.series.differences import (
    autocorrelation,
    autocorrelation_difference,
    autocorrelation_difference_with_error,
    marginal_difference,
    marginal_difference_with_error,
)

__all__ = [
    "autocorrelation",
    "autocorrelation_difference",
    "autocorrelation_difference_with_error",
    "marginal_difference",
    "marginal_difference_with_error",
]
