"""A job: one model on one data set with one seed under one budget; equal jobs have equal ids."""

from __future__ import annotations

import functools
import hashlib
from typing import Literal

import msgspec

from genbench.api.budget import Budget
from genbench.api.cards import Family, Hyperparameter

PROTOCOL_VERSION = "2.0"
"""How jobs are measured; jobs of different protocols never share a table.

1.0  first: selection on the validation split, equal sample counts, IWAE-k where there is no log_prob.
1.1  for points, checkpoints without a likelihood are chosen by the sliced Wasserstein distance (docs/decisions/0024).
2.0  one rule chooses the checkpoints of all families, and it is the metric that ranks the data set
     (docs/decisions/0031).
"""


BROUGHT_FAMILY: Literal["brought"] = "brought"
"""The family of samples that somebody brought, of a model that was not run here."""
_LATER_FIELDS = ("ranking", "ranking_samples", "ends_after", "gpus")
"""Fields that came after the first release of the record."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run. Everything that can change the outcome is here, and therefore in the id."""

    model: str
    """The model, as its card names it."""
    family: Family | Literal["brought"]
    """The model's family, from its card; "brought" for samples without a model (`genai-bench score --samples`)."""
    model_version: str
    """Version of the model's distribution, "+", hash of its source: an edited model is another version."""
    variant: str
    """The name of the row in reports: the model and the hyperparameters that the user set."""
    hyperparameters: dict[str, Hyperparameter]
    """All hyperparameters, defaults included."""
    dataset: str
    """The data set, as its card names it."""
    dataset_version: str
    """Version of the data set, from its card and the source that reads it."""
    budget: str
    """The training budget as text; `training_budget` is the same, parsed."""
    sampling_seconds: float
    """The time in which the samples that are scored must be drawn."""
    samples: int
    """How many samples are scored; the same number for every model on a data set."""
    importance_samples: int
    """k of the IWAE bound."""
    seed: int
    """The root seed, from which those of data order, initialisation, training and sampling are derived."""
    device: str
    """Where the model runs: "cpu" or "cuda"."""
    threads: int
    """Threads per worker. Another number rounds differently, and takes another share of the machine."""
    extractor: str | None = None
    """The feature extractor as "name" or "name:hash"; None in old records, which used their modality's default."""
    ais_examples: int = 0
    """Test examples for annealed importance sampling; 0 for none of it."""
    ais_chains: int = 2
    """Chains per example of 64 numbers or more; smaller examples get more in proportion."""
    ais_steps: int = 0
    """Temperatures of annealed importance sampling; 0 for none of it."""
    protocol: str = PROTOCOL_VERSION
    """The protocol version under which the job was planned."""
    ranking: str | None = None
    """The metric that ranks the data set and chooses the checkpoint; None in old records, where the likelihood chose
    if the model had one."""
    ranking_samples: int | None = None
    """How many samples that metric is computed from, if more than `samples`; None: `samples`."""
    ends_after: Literal["train"] | None = None
    """The last stage of the job. After "train" its result has a curve, of the validation split, and no metrics: the
    test split is never loaded. None: all stages are run."""
    gpus: int | None = None
    """How many GPUs the model sees, if more than one; None: one, or none on a CPU."""

    @property
    def id(self) -> str:
        """16 hexadecimal digits: a hash of every field. Fields that old records do not have count where they are
        set, so that the ids of old jobs stay what they were."""
        fields = msgspec.to_builtins(self)
        for name in _LATER_FIELDS:
            if fields[name] is None:
                del fields[name]
        canonical = msgspec.json.encode(fields, order="deterministic")
        return hashlib.sha256(canonical).hexdigest()[:16]

    @property
    def drawn_samples(self) -> int:
        """How many samples are drawn: as many as the metric that takes the most."""
        return max(self.samples, self.ranking_samples or 0)

    @property
    def training_budget(self) -> Budget:
        """The limits on the training. Each text is parsed once per process."""
        return _parsed(self.budget)


@functools.cache
def _parsed(budget: str) -> Budget:
    return Budget.parse(budget)
