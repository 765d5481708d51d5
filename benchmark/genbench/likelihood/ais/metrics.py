"""The metrics that need annealing, and the generalisation gap. The worker computes them once, for the chosen
checkpoint, after those of `genbench.likelihood.estimates`.

decode    decoder_negative_log_likelihood and decoder_bits_per_dim, by the harness's observation model. It has one form
          for all models of a data set, so that models can be compared. For a model without a likelihood of its own
          they are also its negative_log_likelihood and bits_per_dim
energy    negative_log_likelihood and bits_per_dim, by the partition function
any       likelihood_gap, by the kind of negative_log_likelihood
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from genbench.api.data import Dataset, Split
from genbench.api.model import GenerativeModel, HasDecoder, HasEnergy
from genbench.errors import LikelihoodUnavailable
from genbench.likelihood.ais.decoder import AnnealingSettings, DecoderAnnealing
from genbench.likelihood.ais.partition_function import annealing_betas, estimate_partition_function
from genbench.likelihood.batching import batches, checked
from genbench.likelihood.estimates import (
    LikelihoodEstimate,
    estimate_likelihood,
    likelihood_metrics,
    per_step_values,
    without_likelihood,
)
from genbench.likelihood.generalisation_gap import generalisation_gap
from genbench.records import likelihood_kinds as kinds
from genbench.records.job import Job
from genbench.records.result import MetricValue
from genbench.records.task import ANNEALING_SECONDS
from genbench.util.mean_errors import Windows
from genbench.util.seeding import derive_seed

# Chains for a partition function, as many as in Salakhutdinov & Murray (2008).
_PARTITION_CHAINS = 100
# Steps for a partition function per step for a decoder, since a sweep of Gibbs sampling costs less than a trajectory.
_PARTITION_STEPS = 10


@dataclass(frozen=True)
class AnnealedMetrics:
    """The metrics that need annealing, and what they are computed from."""

    model: GenerativeModel
    """The model, in evaluation mode."""
    dataset: Dataset
    """The data set."""
    job: Job
    """The job, with its settings of annealing."""
    reference: Tensor
    """Test examples, (N, *event_shape), in the working type, on the model's device."""
    estimates: list[LikelihoodEstimate]
    """What `estimate_likelihood` returned for the reference."""
    seed: int
    """Seed of all random numbers."""
    windows: Windows | None = None
    """Where in time the reference examples lie (`Split.windows`); None if they are independent."""
    lengths: Tensor | None = None
    """Lengths of the reference examples, (N,); None where all have one shape."""

    def compute(self) -> list[MetricValue]:
        """All metrics that the model's capabilities and the job's settings allow."""
        spec, job = self.dataset.spec, self.job
        if self.estimates:
            metric_values = [self._gap_of_estimates()]
        elif spec.variable_length:  # annealing is for examples of one shape
            metric_values = []
        elif isinstance(self.model, HasEnergy) and job.ais_steps:
            metric_values = self._of_energy(self.model)
        else:
            metric_values = []
        annealed = bool(job.ais_examples and job.ais_steps) and not spec.variable_length
        if annealed and isinstance(self.model, HasDecoder):
            own = bool(self.estimates or metric_values)
            try:
                metric_values += self._of_decoder(self.model, headline=not own)
            except LikelihoodUnavailable as reason:
                metric_values += without_likelihood(spec, str(reason), "decoder_")
                metric_values += [] if own else without_likelihood(spec, str(reason))
        return metric_values

    def _gap_of_estimates(self) -> MetricValue:
        best = self.estimates[0]
        train = self._train_examples(len(self.reference))
        x = train.tensor().to(self.reference.device)
        on_train = estimate_likelihood(
            self.model, self.dataset.spec, x, k=best.k or 1, lengths=train.lengths
        )[0].log_prob
        on_test = best.log_prob
        if train.lengths is not None and self.lengths is not None:
            # longer pieces cost more: compared per step, and shown for a piece of the mean length of the test pieces
            mean = float(self.lengths.double().mean())
            on_train = per_step_values(on_train, train.lengths.cpu()) * mean
            on_test = per_step_values(on_test, self.lengths.cpu()) * mean
        return generalisation_gap(on_train, on_test, best.kind, train.windows, self.windows)

    def _of_decoder(self, model: HasDecoder, *, headline: bool) -> list[MetricValue]:
        job, spec = self.job, self.dataset.spec
        settings = AnnealingSettings(job.ais_examples, job.ais_chains, job.ais_steps)
        annealing = DecoderAnnealing.prepare(
            model, self.dataset.train, self.dataset.valid, settings, seed=self.seed, on_step=_deadline()
        )
        some = self.dataset.test.random_subset(
            job.ais_examples, derive_seed(0, job.dataset, "annealed examples")
        )
        test = annealing.log_likelihood(some.tensor().to(self.reference.device), "test")
        gap = annealing.gap()
        estimate = LikelihoodEstimate(
            test,
            kinds.annealed(gap.nats),
            annealing.chains,
            f"{annealing.observation.describe(annealing.scale.scale)} on the decoder;"
            f" gap {gap.nats:.2f} ± {gap.stderr:.2f} nats on {gap.n} simulated examples",
        )
        metric_values = likelihood_metrics([estimate], spec, "decoder_", some.windows)
        if headline:
            chosen = self._train_examples(len(test))
            train = annealing.log_likelihood(chosen.tensor().to(self.reference.device), "train")
            metric_values += likelihood_metrics([estimate], spec, windows=some.windows)
            metric_values.append(generalisation_gap(train, test, estimate.kind, chosen.windows, some.windows))
        return metric_values

    def _of_energy(self, model: HasEnergy) -> list[MetricValue]:
        spec, steps = self.dataset.spec, _PARTITION_STEPS * self.job.ais_steps
        generator = torch.Generator(self.model.device).manual_seed(derive_seed(self.seed, "partition"))
        try:
            partition = estimate_partition_function(
                model,
                chains=_PARTITION_CHAINS,
                betas=annealing_betas(steps),
                generator=generator,
                on_step=_deadline(),
            )
        except LikelihoodUnavailable as reason:
            return without_likelihood(spec, str(reason))

        def log_prob(x: Tensor) -> Tensor:
            with torch.no_grad():
                values = [
                    checked(model.log_unnormalised(some), (len(some),), "log_unnormalised")
                    for some in batches(x, spec, 1)
                ]
            return torch.cat(values) - partition.log_z

        chosen = self._train_examples(len(self.reference))
        test, train = log_prob(self.reference), log_prob(chosen.tensor().to(self.reference.device))
        kind = kinds.annealed_partition(partition.within)
        interval = f"between {partition.lower:.2f} and {partition.upper:.2f}"
        known = math.isfinite(partition.within)
        note = f"log Z = {partition.log_z:.2f}, {interval if known else 'of which the chains bound no error'}"
        estimate = LikelihoodEstimate(
            test, kind, _PARTITION_CHAINS, note, shared_stderr=partition.log_z_stderr
        )
        # Z cancels in the gap, which is exact
        return [
            *likelihood_metrics([estimate], spec, windows=self.windows),
            generalisation_gap(train, test, kinds.EXACT, chosen.windows, self.windows),
        ]

    def _train_examples(self, count: int) -> Split:
        """`count` random training examples, or all where there are fewer."""
        return self.dataset.train.random_subset(count, derive_seed(0, self.job.dataset, "training examples"))


def _deadline() -> Callable[[], None]:
    """A function to be called before each step, which raises LikelihoodUnavailable once the time is up."""
    began = time.monotonic()

    def check() -> None:
        if time.monotonic() - began > ANNEALING_SECONDS:
            raise LikelihoodUnavailable(f"annealed importance sampling took more than {ANNEALING_SECONDS:g}s")

    return check
