"""Audits: is a model's likelihood a probability, and are the model's samples drawn from it?

likelihood_values   a model's log-likelihoods, computed in one way for all kinds
e_values            tests that hold for any number of examples: bets that a right likelihood cannot win
reference_density   a simple normalised density near the model's samples
tree_reference      a closer one for integers of few levels
perturbations       small random changes of an example, with a known probability in both directions
check_*             the checks: values, batches, normalisation, the model's own samples, the total by chains, a known
                    truth
quick_audit         the cheap audit of every job; `genbench.testing.audit_likelihood` is the full one

Results of an audit are in `genbench.records.audit`.
"""
