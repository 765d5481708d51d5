"""VAR(p): all channels of a moment are a linear function of all channels of the last p moments, plus Gaussian noise.

Sims 1980, "Macroeconomics and Reality", https://doi.org/10.2307/1912017. The estimators are those of `ar`, which takes
several channels as well; what differs are the defaults. A lag has as many coefficients as the square of the number of
channels, so that long orders are not affordable, and the order is the one that Schwarz's criterion (BIC) allows
(Lütkepohl 2005, section 4.3).
"""

from __future__ import annotations

from genbench import DataSpec
from genbench_models.autoregressive.ar import AR


class VAR(AR):
    """x_t = c_m + sum_{i=1..m} A_{m,i} x_{t-i} + e_t, e_t ~ N(0, S_m), with full matrices A and S. Of one channel it is
    an autoregression whose order the training split chooses."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        max_order: int = 6,
        method: str = "least-squares",
        criterion: str = "bic",
    ) -> None:
        super().__init__(spec, max_order=max_order, method=method, criterion=criterion)
