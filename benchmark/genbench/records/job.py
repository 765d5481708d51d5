"""A job: one model on one data set with one seed under one budget; the same job always has the same id."""

from __future__ import annotations

import hashlib

import msgspec

from genbench.api.cards import Family, Hyperparameter

PROTOCOL_VERSION = "1.1"
"""What is compared with what: jobs of different protocols never share a table.

1.0  first: selection on the validation split, equal sample counts, IWAE-k where there is no log_prob.
1.1  of points, checkpoints without a likelihood are chosen by the sliced Wasserstein distance (docs/decisions/0024).
"""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run. Everything that can change the outcome is here, and so in the id.

    variant: how a report names the row: the model, and the hyperparameters that were set by hand.
    budget: of training, as text (`Budget.parse` reads it). sampling_seconds: budget of drawing the samples.
    samples: how many samples are scored, the same for every model of a data set.
    importance_samples: k of the IWAE bound. threads: torch threads of the worker; a different number
    gives different rounding, and a different share of the machine. extractor: what makes the features, as its
    card's `label` has it; None in old records, which were scored with their modality's default.
    ais_examples, ais_chains, ais_steps: of annealed importance sampling: how many test examples, chains of each
    (of 64 numbers or more; smaller examples get more in proportion), and temperatures. 0 examples or steps: none.
    """

    model: str
    family: Family
    model_version: str
    variant: str
    hyperparameters: dict[str, Hyperparameter]
    dataset: str
    dataset_version: str
    budget: str
    sampling_seconds: float
    samples: int
    importance_samples: int
    seed: int
    device: str
    threads: int
    extractor: str | None = None
    ais_examples: int = 0
    ais_chains: int = 2
    ais_steps: int = 0
    protocol: str = PROTOCOL_VERSION

    @property
    def id(self) -> str:
        """16 hexadecimal digits: a hash of every field."""
        canonical = msgspec.json.encode(self, order="deterministic")
        return hashlib.sha256(canonical).hexdigest()[:16]
