"""Does a model's likelihood mean what it says, and do its samples come from it? No torch before it is asked.

record     what an audit found: crosses processes, and goes into the job's record
claim      the model's likelihood as numbers: one a batch, whatever its kind
evidence   what chance may account for: bets that a right likelihood cannot win
reference  a simple normalised density that lies near the model's samples
moves      small changes of an example, the chance of which is known both ways
checks     one file each: values, batches, totals, own samples
quick      the cheap form that the harness runs on every job; `genbench.testing.audit_likelihood` is the full one
"""
