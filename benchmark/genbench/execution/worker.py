"""One job, from data to metric values, inside a process of its own. MAIN PATH of the child: `run_task`.

    load | build | train (timed), paused for checkpoints | sample (timed) | likelihood | audit | score

What happens outside this process (limits, signals, logs, storing the result) is the supervisor's business.
"""

from __future__ import annotations

import traceback
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from genbench.api.cards import load_factory
from genbench.api.clocks import process_cpu_seconds
from genbench.api.compute_meter import ComputeMeter, Spent
from genbench.api.data import Dataset
from genbench.api.model import GenerativeModel, HasSamplingSteps
from genbench.datasets.prepared import load_data
from genbench.errors import PluginError
from genbench.execution.checkpoints import (
    Checkpoint,
    CheckpointChoice,
    copy_of_state,
    judge_on_validation,
    ranking_metric,
)
from genbench.execution.failures import classify
from genbench.execution.job_context import JobContext
from genbench.execution.rescoring import Rescorer
from genbench.execution.sampling_costs import draw_timed, sampling_bench, with_latency, with_throughput
from genbench.execution.threads import set_threads
from genbench.likelihood.ais.metrics import AnnealedMetrics
from genbench.likelihood.audit.quick_audit import quick_audit
from genbench.likelihood.estimates import LikelihoodEstimate, estimate_likelihood, likelihood_metrics
from genbench.measure.gauges import Gauges, PhaseGauges
from genbench.measure.sampling_steps import sampling_curve
from genbench.measure.speed import synchronised_clock
from genbench.metrics.frechet import score_frechet
from genbench.metrics.scoring import reference_examples, score
from genbench.records.result import CurvePoint, LikeliestCheckpoint, MetricValue
from genbench.records.task import Observer, Outcome, Phase, Task
from genbench.samples.conditional_samples import (
    ConditionalSamples,
    make_conditional_samples,
    save_conditional_samples,
)
from genbench.samples.mode_collapse import collapse_warning
from genbench.samples.stored import save_samples
from genbench.util.precision import full_precision
from genbench.util.seeding import derive_seed, preserved_generators, seed_everything


def run_task(task: Task, observer: Observer | None = None) -> Outcome:
    """Run one job in this process. What a plugin raises is not raised: it is the status and reason of the outcome."""
    observer = observer or Observer()
    worker = Rescorer(task, task.rescoring, observer) if task.rescoring else _Worker(task, observer)
    outcome = worker.outcome
    try:
        worker.run()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        traceback.print_exc()
        outcome.status, outcome.reason = classify(error, worker.phase)
    return outcome


class _Worker:
    """A job as a sequence of phases, each a method; what they find is written into `outcome`."""

    def __init__(self, task: Task, observer: Observer) -> None:
        self.task = task
        self.job = task.job
        self.observer = observer
        self.outcome = Outcome()
        self.phase: Phase = "load"
        self.likeliest: Checkpoint | None = None

    # ---- the phases, in their order

    def run(self) -> None:
        dataset = self.load()
        self.context = self.build(dataset)
        self.train()  # and `checkpoint` at fixed shares of the budget, and at the end
        last_state = self.restore_chosen()
        self.evaluate_chosen()
        if self.likeliest is not None:
            self.context.model.load_state_dict(self.likeliest.state)
            self.evaluate_likeliest(self.likeliest)
        if last_state is not None:
            self.context.model.load_state_dict(last_state)
            self.evaluate_last()

    def evaluate_chosen(self) -> None:
        """All that is measured on the chosen checkpoint. The test split is not used before."""
        samples = self.sample()
        reference, estimates, likelihoods = self.likelihood(samples)
        if estimates:
            self.audit(samples, reference, estimates[0].log_prob)
        conditional = self.conditional_samples(reference)
        self.outcome.metrics = self.score(samples, reference, conditional) + likelihoods
        self.sampling_curve(reference)

    def evaluate_likeliest(self, checkpoint: Checkpoint) -> None:
        """The likelihoods of the checkpoint that is best by likelihood, if another one was chosen."""
        self.enter("likelihood")
        _, likelihoods = self.estimate(reference_examples(self.context.dataset, self.job))
        self.outcome.likeliest = LikeliestCheckpoint(fraction=checkpoint.fraction, metrics=likelihoods)

    def evaluate_last(self) -> None:
        """The metrics of the last state of the model, if an earlier checkpoint was chosen."""
        self.enter("sample")
        samples = self.context.draw(self.job.drawn_samples, self.context.seed("sampling"))
        self.enter("likelihood")
        reference = reference_examples(self.context.dataset, self.job)
        _, likelihoods = self.estimate(reference)
        self.outcome.last_metrics = self.score(samples, reference) + likelihoods

    def enter(self, phase: Phase) -> None:
        self.phase = phase
        self.observer.phase(phase)

    def add_cost(self, **changes: object) -> None:
        self.outcome.cost = msgspec.structs.replace(self.outcome.cost, **changes)

    # ---- load and build

    def load(self) -> Dataset:
        self.enter("load")
        set_threads(self.job.threads)
        return load_data(self.task.dataset)

    def build(self, dataset: Dataset) -> JobContext:
        self.enter("build")
        device = torch.device(self.job.device)
        gauges = Gauges(device, self.task.workers)
        model_class = load_factory(self.task.model_factory)
        set_threads(self.job.threads)  # the module may have imported libraries with threads of their own
        seed_everything(derive_seed(self.job.seed, self.job.dataset, "initialisation"))
        began, cpu_began = synchronised_clock(device), process_cpu_seconds()
        model = model_class(dataset.spec, **self.job.hyperparameters)
        if not isinstance(model, GenerativeModel):
            raise PluginError(f"{self.task.model_factory} is not a genbench.GenerativeModel")
        model = model.to(device)
        # building is training, so that work in the constructor is not free
        self.construction_seconds = synchronised_clock(device) - began
        self.construction_cpu_seconds = process_cpu_seconds() - cpu_began
        return JobContext(self.task, device, dataset, model, gauges)

    # ---- train, with pauses for checkpoints

    def train(self) -> None:
        self.enter("train")
        context, model = self.context, self.context.model
        self.choice = CheckpointChoice(ranking_metric(context))
        gauges = PhaseGauges(context.gauges)

        def on_checkpoint(spent: Spent) -> None:
            gauges.stop()
            self.checkpoint(spent, meter.losses())
            self.enter("train")
            gauges.start()

        def on_progress(spent: Spent, losses: dict[str, float]) -> None:
            gauges.look()
            self.observer.progress(spent.fraction, losses)

        meter = ComputeMeter(
            self.job.training_budget,
            device=context.device,
            seed=context.seed("data"),
            valid=context.dataset.valid.to(context.device),
            on_checkpoint=on_checkpoint,
            on_progress=on_progress,
            construction_seconds=self.construction_seconds,
            construction_cpu_seconds=self.construction_cpu_seconds,
        )
        seed_everything(context.seed("training"))
        model.train()
        gauges.start()
        meter.start()
        model.fit(context.dataset.train, meter)
        spent = meter.finish()
        meter.check_charged()
        gauges.stop()
        self.observer.progress(spent.fraction, meter.losses())
        self.checkpoint(spent, meter.losses())
        peak = gauges.peak
        joules, energy_note = gauges.joules()
        in_fit = spent.seconds - self.construction_seconds
        if (warning := meter.warning()) is not None:
            self.outcome.warnings.append(warning)
        self.add_cost(
            train_seconds=spent.seconds,
            train_cpu_seconds=spent.cpu_seconds,
            construction_seconds=self.construction_seconds,
            outside_batches_seconds=meter.seconds_outside_batches,
            budget_overrun=meter.overrun(),
            bound_by=meter.bound_by(),
            steps=spent.steps,
            examples=spent.examples,
            flops=spent.flops,
            flops_per_step=spent.flops / spent.steps if spent.steps else None,
            parameters=sum(parameter.numel() for parameter in model.parameters()),
            train_examples_per_second=spent.examples / in_fit if spent.examples else None,
            train_peak_rss_bytes=peak.rss_bytes,
            train_peak_cuda_bytes=peak.cuda_allocated_bytes,
            train_peak_cuda_reserved_bytes=peak.cuda_reserved_bytes,
            train_peak_device_bytes=peak.device_bytes,
            train_peak_process_device_bytes=peak.process_device_bytes,
            train_energy_joules=joules,
            energy_source=context.gauges.energy_source,
            energy_note=energy_note,
        )
        self.observer.outcome(self.outcome)

    def checkpoint(self, spent: Spent, losses: dict[str, float]) -> None:
        """Judge the model as it is now on the validation split. Meter and gauges of the training are stopped."""
        self.enter("checkpoint")
        model = self.context.model
        was_training = model.training
        with preserved_generators(self.context.device):
            seed_everything(self.context.seed("checkpoint"))
            model.eval()
            metrics = judge_on_validation(self.context)
        model.train(was_training)
        self.outcome.curve.append(
            CurvePoint(
                fraction=spent.fraction,
                seconds=spent.seconds,
                cpu_seconds=spent.cpu_seconds,
                steps=spent.steps,
                examples=spent.examples,
                flops=spent.flops,
                losses=losses,
                metrics=metrics,
                is_last_stage=spent.is_last_stage,
            )
        )
        self.choice.offer(model, spent, metrics)
        self.observer.outcome(self.outcome)

    def restore_chosen(self) -> dict[str, Tensor] | None:
        """Put the model into the chosen state. Returns the last state if that is another."""
        chosen, model = self.choice.chosen, self.context.model
        last_state = None
        if chosen.steps != self.choice.last_steps:
            last_state = copy_of_state(model)
            model.load_state_dict(chosen.state)
        self.outcome.selected_fraction = chosen.fraction
        if self.choice.likeliest is not None and self.choice.likeliest.steps != chosen.steps:
            self.likeliest = self.choice.likeliest
        model.eval()
        return last_state

    # ---- sample, likelihood, audit, score

    def sample(self) -> Tensor:
        """Draw the samples that are scored and store them; then measure what samples cost."""
        self.enter("sample")
        context = self.context
        timed = draw_timed(context, self.outcome.cost)
        self.outcome.cost = timed.cost
        save_samples(Path(self.task.samples_path), timed.samples, context.dataset.spec)
        if (warning := context.gauges.warning()) is not None:
            self.outcome.warnings.append(warning)
        self.observer.outcome(self.outcome)
        self.enter("sample")  # a second visit: measuring has a time limit of its own
        bench = sampling_bench(context)
        self.outcome.cost = with_latency(self.outcome.cost, bench)
        self.outcome.cost = with_throughput(self.outcome.cost, bench, timed.drawing)
        self.observer.outcome(self.outcome)
        return timed.samples

    def likelihood(self, samples: Tensor) -> tuple[Tensor, list[LikelihoodEstimate], list[MetricValue]]:
        """The test examples, and the likelihoods of the model on them, annealed importance sampling included."""
        self.enter("likelihood")
        context = self.context
        reference = reference_examples(context.dataset, self.job)
        if (warning := collapse_warning(samples, reference)) is not None:
            self.outcome.warnings.append(warning)
        began = synchronised_clock(context.device)
        estimates, values = self.estimate(reference)
        with full_precision():
            values += AnnealedMetrics(
                context.model,
                context.dataset,
                self.job,
                reference.to(context.device),
                estimates,
                context.seed("likelihood"),
            ).compute()
        self.add_cost(likelihood_seconds=synchronised_clock(context.device) - began if values else None)
        self.observer.outcome(self.outcome)
        return reference, estimates, values

    def estimate(self, reference: Tensor) -> tuple[list[LikelihoodEstimate], list[MetricValue]]:
        """The likelihoods that the model's own methods give."""
        context, spec = self.context, self.context.dataset.spec
        seed_everything(context.seed("likelihood"))
        with full_precision():
            estimates = estimate_likelihood(
                context.model, spec, reference.to(context.device), k=self.job.importance_samples
            )
            return estimates, likelihood_metrics(estimates, spec)

    def audit(self, samples: Tensor, reference: Tensor, reported: Tensor) -> None:
        """Check that the model's likelihood is one. Not timed. reported: the likelihoods of the test examples."""
        self.enter("audit")
        cost = self.outcome.cost
        # a training step is a pass forwards and a pass backwards, which costs twice as much
        flops = cost.flops / cost.examples / 3 if cost.flops and cost.examples else 0.0
        with full_precision():
            self.outcome.audit = quick_audit(
                self.context.model,
                samples,
                reference,
                seed=self.context.seed("audit"),
                flops_per_example=flops,
                reported=reported,
                truth=self.context.dataset.truth,
            )

    def conditional_samples(self, reference: Tensor) -> ConditionalSamples:
        """What the model makes of parts of examples and of labels, stored beside the samples. Not timed."""
        self.enter("sample")
        context = self.context
        with preserved_generators(context.device):
            conditional = make_conditional_samples(
                context.model, self.task.capabilities, context.dataset, reference, self.job, context.device
            )
        save_conditional_samples(Path(self.task.samples_path).parent, conditional, context.dataset)
        return conditional

    def score(
        self, samples: Tensor, reference: Tensor, conditional: ConditionalSamples | None = None
    ) -> list[MetricValue]:
        self.enter("score")
        return score(self.task.metrics, self.context.inputs(samples, reference, conditional))

    def sampling_curve(self, reference: Tensor) -> None:
        """Quality against the sampler's steps, for models that can take more steps or fewer."""
        context = self.context
        if not isinstance(context.model, HasSamplingSteps):
            return
        self.enter("sample")
        self.outcome.sampling_curve = sampling_curve(
            context.model,
            self.job.samples,
            context.seed("sampling"),
            self.job.sampling_seconds,
            lambda samples: score_frechet(context.inputs(samples, reference)),
        )
