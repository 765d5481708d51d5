"""The stage "evaluate" of a job: the model is built anew from its saved state, draws samples, and answers likelihood
calls.

    load | build | sample (timed) | load the test split | likelihood | audit

What a model has learned and does not keep in its `state_dict` is missing here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from genbench.api.model import HasSamplingSteps
from genbench.datasets.pieces import Pieces, window_spec
from genbench.datasets.prepared import load_data
from genbench.errors import PluginError, is_out_of_memory
from genbench.execution.stages.job_context import JobContext
from genbench.execution.stages.sampling_costs import draw_timed, sampling_bench, with_latency, with_throughput
from genbench.execution.stages.stage import Stage
from genbench.execution.stages.state_files import checked_state, load_state, state_hash
from genbench.execution.stages.training import CHOSEN, LAST, LIKELIEST
from genbench.likelihood.ais.metrics import AnnealedMetrics
from genbench.likelihood.audit.piece_audit import audit_pieces
from genbench.likelihood.audit.quick_audit import quick_audit
from genbench.likelihood.estimates import LikelihoodEstimate, estimate_likelihood, likelihood_metrics
from genbench.measure.sampling_steps import sampling_curve
from genbench.measure.speed import synchronised_clock
from genbench.metrics.scoring import reference_split
from genbench.records.result import MetricValue
from genbench.samples.conditional_samples import make_conditional_samples, save_conditional_samples
from genbench.samples.stored import save_samples
from genbench.util.precision import full_precision
from genbench.util.seeding import preserved_generators, seed_everything

LAST_SAMPLES = "last-samples.safetensors"
"""The file of the samples of the last state, if an earlier one was chosen."""
_REPEATED, _MIN_SHARE_REPEATED = 2, 0.9
"""So many samples are drawn again from the same generator, and this share of their numbers has to be equal. Rounding
on a GPU may flip a few."""
MAX_REASON_CHARACTERS = 300
"""How much of the message of a failed `load_state_dict` a reason quotes."""


def curve_samples(steps: int) -> str:
    """The name of the file of the samples that were drawn in so many steps."""
    return f"samples-in-{steps}-steps.safetensors"


class EvaluationStage(Stage):
    """Draws samples of the chosen state and computes its likelihoods; then those of the other states that are reported.

    The metrics of samples are computed by the next stage: `outcome.metrics` and `outcome.last_metrics` hold likelihoods
    alone when this one ends.
    """

    def run(self) -> None:
        self.context = JobContext.load_and_build(self, with_test=False)
        self.restore(CHOSEN)
        samples = self.sample()
        self.load_test()
        self.evaluate_chosen(samples)
        if (self.folder / LIKELIEST).exists():
            self.restore(LIKELIEST)
            self.evaluate_likeliest()
        if (self.folder / LAST).exists():
            self.restore(LAST)
            self.evaluate_last()
        self.report()

    def evaluate_chosen(self, samples: Tensor) -> None:
        """What is measured on the chosen state with the test split."""
        estimates, self.outcome.metrics = self.likelihood()
        if estimates:
            self.audit(samples, estimates[0].log_prob)
        self.conditional_samples()
        self.sampling_curve()

    def evaluate_likeliest(self) -> None:
        """The likelihoods of the checkpoint that is best by likelihood, if another one was chosen."""
        assert self.outcome.likeliest is not None
        self.enter("likelihood")
        _, likelihoods = self.estimate()
        self.outcome.likeliest = msgspec.structs.replace(self.outcome.likeliest, metrics=likelihoods)

    def evaluate_last(self) -> None:
        """The likelihoods and the samples of the last state of the model, if an earlier checkpoint was chosen."""
        self.enter("sample")
        with self.unchanged("it sampled"):
            count, seed = self.job.drawn_samples, self.context.seed("sampling")
            samples = self.context.draw(count, seed)
        lengths = self.context.lengths(count, seed)
        save_samples(self.folder / LAST_SAMPLES, samples, self.context.dataset.spec, lengths)
        self.enter("likelihood")
        with self.unchanged("its likelihood was computed"):
            _, self.outcome.last_metrics = self.estimate()

    # ---- the state of the model

    def restore(self, name: str) -> None:
        """Put the model into a saved state. Raises PluginError if it cannot take it."""
        model, self.restored = self.context.model, name
        try:
            model.load_state_dict(load_state(self.folder / name))
        except Exception as error:
            if is_out_of_memory(error) or isinstance(error, OSError):
                raise
            problem = " ".join(str(error).split())[:MAX_REASON_CHARACTERS]
            raise PluginError(
                "a fresh instance cannot load the state_dict; keep what is learned in parameters and buffers that"
                f" the constructor makes: {problem}"
            ) from error
        model.eval()
        self.hash = self.hash_now()
        if self.hash_now() != self.hash:
            self.warn("what the model's state_dict returns changes from one call to the next")

    def hash_now(self) -> str:
        return state_hash(checked_state(self.context.model.state_dict()))

    @contextmanager
    def unchanged(self, what: str) -> Iterator[None]:
        """Warn if the model's state changes in the block, and restore it.

        what: what the model does in the block, in words.
        """
        yield
        if self.hash_now() != self.hash:
            self.warn(f"the model's state changed while {what}")
            self.restore(self.restored)

    # ---- sample, likelihood, audit

    def sample(self) -> Tensor:
        """Draw the samples that are scored and store them; then measure what samples cost."""
        self.enter("sample")
        context = self.context
        with self.unchanged("it sampled"):
            timed = draw_timed(context, self.outcome.cost)
            self.outcome.cost = timed.cost
            save_samples(Path(self.task.samples_path), timed.samples, context.dataset.spec, timed.lengths)
            if (warning := context.gauges.warning()) is not None:
                self.warn(warning)
            self.report()
            self.enter("sample")  # a second visit: measuring has a time limit of its own
            bench = sampling_bench(context)
            self.outcome.cost = with_latency(self.outcome.cost, bench)
            self.outcome.cost = with_throughput(self.outcome.cost, bench, timed.drawing)
            self.check_generator()
        self.report()
        return timed.samples

    def check_generator(self) -> None:
        """Warn if samples do not repeat with the same generator: then a seed is none, and runs cannot be repeated."""
        seed = self.context.seed("sampling")
        with preserved_generators(self.context.device):
            first, second = (self.context.draw(_REPEATED, seed) for _ in range(2))
        is_near = torch.isclose(first.double(), second.double(), rtol=1e-3, atol=1e-3)
        if is_near.double().mean() < _MIN_SHARE_REPEATED:
            self.warn(
                "the same generator gave other samples: pass `generator=generator` to every draw in `sample`"
            )

    def load_test(self) -> None:
        """Load the test split, which is not held before the samples are drawn."""
        self.enter("load")
        self.context = replace(self.context, dataset=load_data(self.task.dataset))
        split = reference_split(self.context.dataset, self.job)
        self.reference, self.windows, self.lengths = split.tensor(), split.windows, split.lengths
        _ = self.truth_log_prob  # once, before the likelihood of the model is timed

    def likelihood(self) -> tuple[list[LikelihoodEstimate], list[MetricValue]]:
        """The likelihoods of the chosen state on the test examples, annealed importance sampling included."""
        self.enter("likelihood")
        context = self.context
        with self.unchanged("its likelihood was computed"):
            began = synchronised_clock(context.device)
            estimates, values = self.estimate()
            with full_precision():
                values += AnnealedMetrics(
                    context.model,
                    context.dataset,
                    self.job,
                    self.reference.to(context.device),
                    estimates,
                    context.seed("likelihood"),
                    self.windows,
                    self.lengths,
                ).compute()
            self.add_cost(likelihood_seconds=synchronised_clock(context.device) - began if values else None)
        self.report()
        return estimates, values

    def estimate(self) -> tuple[list[LikelihoodEstimate], list[MetricValue]]:
        """The likelihoods that the model's own methods give."""
        context, spec = self.context, self.context.dataset.spec
        seed_everything(context.seed("likelihood"))
        with full_precision():
            estimates = estimate_likelihood(
                context.model,
                spec,
                self.reference.to(context.device),
                k=self.job.importance_samples,
                lengths=self.lengths,
            )
            return estimates, likelihood_metrics(
                estimates,
                spec,
                windows=self.windows,
                lengths=self.lengths,
                step=self.task.dataset.step_name,
                truth_log_prob=self.truth_log_prob,
            )

    @cached_property
    def truth_log_prob(self) -> Tensor | None:
        """The true log-likelihoods of the test examples, (N,) nats; None where the truth is not known."""
        truth = self.context.dataset.truth
        return None if truth is None else truth.log_prob(self.reference)

    def audit(self, samples: Tensor, reported: Tensor) -> None:
        """Check that the model's likelihood is one. Not timed. reported: the likelihoods of the test examples."""
        self.enter("audit")
        cost = self.outcome.cost
        # a training step is a pass forwards and a pass backwards, which costs twice as much
        flops = cost.flops / cost.examples / 3 if cost.flops and cost.examples else 0.0
        if self.lengths is not None:
            with self.unchanged("its likelihood was computed"), full_precision():
                self.outcome.audit = audit_pieces(
                    self.context.model,
                    Pieces(self.reference, self.lengths),
                    reported,
                    window_spec(self.task.dataset),
                    seed=self.context.seed("audit"),
                    flops_per_example=flops,
                )
            return
        with self.unchanged("its likelihood was computed"), full_precision():
            self.outcome.audit = quick_audit(
                self.context.model,
                samples,
                self.reference,
                seed=self.context.seed("audit"),
                flops_per_example=flops,
                reported=reported,
                truth=self.context.dataset.truth,
            )

    # ---- further samples

    def conditional_samples(self) -> None:
        """What the model makes of parts of examples and of labels, stored beside the samples. Not timed. There is
        nothing of the kind for pieces of different lengths."""
        if self.lengths is not None:
            return
        self.enter("sample")
        context = self.context
        with self.unchanged("it sampled"), preserved_generators(context.device):
            conditional = make_conditional_samples(
                context.model,
                self.task.capabilities,
                context.dataset,
                self.reference,
                self.job,
                context.device,
            )
        save_conditional_samples(Path(self.task.samples_path).parent, conditional, context.dataset)

    def sampling_curve(self) -> None:
        """Cost against the sampler's steps, for models that can take more steps or fewer; quality is added later."""
        context = self.context
        if not isinstance(context.model, HasSamplingSteps) or self.lengths is not None:
            return
        self.enter("sample")
        with self.unchanged("it sampled"):
            self.outcome.sampling_curve = sampling_curve(
                context.model,
                self.job.samples,
                context.seed("sampling"),
                self.job.sampling_seconds,
                lambda steps, samples: save_samples(
                    self.folder / curve_samples(steps), samples, context.dataset.spec
                ),
            )
