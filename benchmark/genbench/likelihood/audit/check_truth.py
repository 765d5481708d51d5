"""Check that no model beats a known truth by more than chance allows.

Where test examples are independent draws from a density that is known, the mean of p(x) / truth(x) over them is at most
1 for every normalised p that was chosen without them, and for every lower bound on such a p.
"""

from __future__ import annotations

from jaxtyping import Float64
from torch import Tensor

from genbench.likelihood.audit.check_own_samples import judge_ratios
from genbench.records.audit import AuditCheck

NAME = "not better than the truth"


def check_not_better_than_truth(log_p: Float64[Tensor, " n"], log_truth: Float64[Tensor, " n"]) -> AuditCheck:
    """log_p: log-likelihoods of test examples, or lower bounds on them, as the harness reports them. log_truth:
    log-densities of the same examples under the density that they were drawn from."""
    return judge_ratios(
        NAME,
        log_p - log_truth,
        f"p(x) / truth(x) over {len(log_p)} test examples",
        "a likelihood that beats the density from which the examples were drawn",
    )
