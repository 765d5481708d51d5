"""One job, from data to figures, inside a process of its own. MAIN PATH of the child: `run_task`.

    load data | build | train (clock) | checkpoints (paused) | sample (own clock) | likelihood | audit | score

What happens outside this process (limits, kills, logs, storing the result) is the supervisor's business.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
import psutil
import torch
from torch import Tensor

from genbench.api.budget import Budget
from genbench.api.cards import load_factory
from genbench.api.compute_meter import ComputeMeter, Spent
from genbench.api.model import GenerativeModel, HasSamplingSteps
from genbench.datasets.prepared import load_data
from genbench.errors import PluginError
from genbench.execution.failures import classify
from genbench.execution.rescoring import Rescorer
from genbench.execution.threads import hold_to
from genbench.features import Extractor
from genbench.features.loading import load_extractor_or_reason
from genbench.likelihood.ais.metrics import AnnealedFigures
from genbench.likelihood.audit.quick_audit import quick_audit
from genbench.likelihood.estimates import estimate_likelihood, likelihood_metrics
from genbench.measure.gauges import Gauges
from genbench.measure.memory import MemoryPeak, larger
from genbench.measure.sampling_cost import Drawing, SamplingBench
from genbench.measure.sampling_steps import sampling_curve
from genbench.measure.speed import synchronised_clock
from genbench.metrics.frechet import score_frechet
from genbench.metrics.scoring import ScoringInputs, reference_examples, score, scoring_inputs
from genbench.metrics.sliced_wasserstein import score_sliced_wasserstein
from genbench.records.result import CurvePoint, MetricValue, SamplingPoint
from genbench.records.task import Observer, Outcome, Phase, Task
from genbench.samples.conditional_samples import Beside, make_beside, save_beside
from genbench.samples.draw import call_size, draw_samples
from genbench.samples.mode_collapse import collapse_warning
from genbench.samples.stored import save_samples
from genbench.util.precision import full_precision
from genbench.util.seeding import derive_seed, generators_kept, seed_everything

# Checkpoints are judged on this many validation examples and samples, and importance samples.
CHECKPOINT_EXAMPLES = 512
CHECKPOINT_IMPORTANCE_SAMPLES = 10
# Trying out batches is no reason to run out of memory.
_MEASURING_SHARE = 0.5


def run_task(task: Task, observer: Observer | None = None) -> Outcome:
    """Run one job in this process. Never raises what a plugin did: that is the outcome's status and reason."""
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


@dataclass
class _Best:
    """The checkpoint that the validation split likes best so far."""

    score: float
    fraction: float
    steps: int
    state: dict[str, Tensor]


class _Worker:
    def __init__(self, task: Task, observer: Observer) -> None:
        self.task = task
        self.job = task.job
        self.observer = observer
        self.outcome = Outcome()
        self.phase: Phase = "load"
        self.best: _Best | None = None
        self.train_peak: MemoryPeak | None = None

    def run(self) -> None:
        self.enter("load")
        self.device = torch.device(self.job.device)
        hold_to(self.job.threads)
        self.dataset = load_data(self.task.dataset)
        self.enter("build")
        self.gauges = Gauges(self.device, self.task.workers)
        self.memory, self.train_energy = self.gauges.memory, self.gauges.energy_meter()
        self.model = self.build()
        self.enter("train")
        self.train()
        self.draw_and_judge()

    def enter(self, phase: Phase) -> None:
        self.phase = phase
        self.observer.phase(phase)

    def cost(self, **changes: object) -> None:
        self.outcome.cost = msgspec.structs.replace(self.outcome.cost, **changes)

    def seed(self, axis: str) -> int:
        return derive_seed(self.job.seed, self.job.dataset, axis)

    # ---- build and train

    def build(self) -> GenerativeModel:
        model_class = load_factory(self.task.model_factory)
        hold_to(self.job.threads)  # of what its module imported too
        seed_everything(self.seed("initialisation"))
        model = model_class(self.dataset.spec, **self.job.hyperparameters)
        if not isinstance(model, GenerativeModel):
            raise PluginError(f"{self.task.model_factory} is not a genbench.GenerativeModel")
        return model.to(self.device)

    def train(self) -> None:
        budget = Budget.parse(self.job.budget)
        meter = ComputeMeter(
            budget,
            device=self.device,
            seed=self.seed("data"),
            valid=self.dataset.valid.to(self.device),
            on_checkpoint=lambda spent: self.checkpoint(spent, meter),
            on_progress=self.progress,
        )
        seed_everything(self.seed("training"))
        self.model.train()
        self.memory.reset()
        self.train_energy.start()
        meter.start()
        self.model.fit(self.dataset.train, meter)
        spent = meter.finish()
        self.train_energy.stop()
        self.observer.progress(spent.fraction, meter.losses())
        self.checkpoint(spent, meter)
        self.train_energy.stop()
        assert self.train_peak is not None
        joules, energy_note = self.gauges.joules(self.train_energy)
        self.cost(
            train_seconds=spent.seconds,
            bound_by=meter.bound_by(),
            steps=spent.steps,
            examples=spent.examples,
            flops=spent.flops,
            flops_per_step=spent.flops / spent.steps if spent.steps else None,
            parameters=sum(parameter.numel() for parameter in self.model.parameters()),
            train_examples_per_second=spent.examples / spent.seconds if spent.examples else None,
            train_peak_rss_bytes=self.train_peak.rss_bytes,
            train_peak_cuda_bytes=self.train_peak.cuda_allocated_bytes,
            train_peak_cuda_reserved_bytes=self.train_peak.cuda_reserved_bytes,
            train_peak_device_bytes=self.train_peak.device_bytes,
            train_peak_process_device_bytes=self.train_peak.process_device_bytes,
            train_energy_joules=joules,
            energy_source=self.gauges.energy_source,
            energy_note=energy_note,
        )
        self.observer.outcome(self.outcome)

    def progress(self, spent: Spent, losses: dict[str, float]) -> None:
        self.train_energy.look()
        self.observer.progress(spent.fraction, losses)

    def checkpoint(self, spent: Spent, meter: ComputeMeter) -> None:
        """Judge the model as it is on the validation split: off the clock, outside its memory and its energy."""
        self.train_energy.stop()
        self.train_peak = larger(self.train_peak, self.memory.peak())
        self.enter("checkpoint")
        was_training = self.model.training
        with generators_kept(self.device):
            seed_everything(self.seed("checkpoint"))
            self.model.eval()
            metrics = self.judge_on_validation()
        self.model.train(was_training)
        self.outcome.curve.append(
            CurvePoint(
                fraction=spent.fraction,
                seconds=spent.seconds,
                steps=spent.steps,
                examples=spent.examples,
                flops=spent.flops,
                losses=meter.losses(),
                metrics=metrics,
            )
        )
        deciding = metrics[0].value
        score = float("inf") if deciding is None else deciding
        if self.best is None or score <= self.best.score:
            state = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
            self.best = _Best(score, spent.fraction, spent.steps, state)
        self.observer.outcome(self.outcome)
        self.enter("train")
        self.memory.reset()
        self.train_energy.start()

    def judge_on_validation(self) -> list[MetricValue]:
        """Likelihood first where the model has one, then a distance; the first one decides.

        Of points it is the sliced Wasserstein distance: the Fréchet distance sees their mean and covariance alone, and
        one broad heap has those of a ring or a grid.
        """
        valid = self.dataset.valid.random_subset(CHECKPOINT_EXAMPLES, self.seed("validation subset"))
        x = valid.tensor()
        k = min(CHECKPOINT_IMPORTANCE_SAMPLES, self.job.importance_samples)
        with full_precision():
            estimates = estimate_likelihood(self.model, self.dataset.spec, x.to(self.device), k=k)
        figures = likelihood_metrics(estimates[:1], self.dataset.spec)
        samples = self.draw(len(x), self.seed("checkpoint samples"))
        inputs = self.inputs(samples, x)
        distances = score_frechet(inputs)
        if self.dataset.spec.modality == "points":
            distances = score_sliced_wasserstein(inputs) + distances
        return figures[::-1] + distances

    # ---- sample, likelihood, score

    def draw_and_judge(self) -> None:
        """The test split is touched here, and only here: by the selected checkpoint, then by the last one."""
        assert self.best is not None
        last_steps = self.outcome.curve[-1].steps
        last_state = None
        if self.best.steps != last_steps:
            last_state = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
            self.model.load_state_dict(self.best.state)
        self.outcome.selected_fraction = self.best.fraction
        self.model.eval()
        self.outcome.metrics = self.judge(measure=True)
        self.outcome.sampling_curve = self.trade_off()
        if last_state is not None:
            self.model.load_state_dict(last_state)
            self.outcome.last_metrics = self.judge(measure=False)

    def judge(self, *, measure: bool) -> list[MetricValue]:
        """All figures of the model as it is. measure: time it, and keep the samples."""
        self.enter("sample")
        samples = self.timed_samples() if measure else self.draw(self.job.samples, self.seed("sampling"))
        self.enter("likelihood")
        reference = reference_examples(self.dataset, self.job)
        if measure and (warning := collapse_warning(samples, reference)) is not None:
            self.outcome.warnings.append(warning)
        seed_everything(self.seed("likelihood"))
        began = synchronised_clock(self.device)
        with full_precision():
            estimates = estimate_likelihood(
                self.model, self.dataset.spec, reference.to(self.device), k=self.job.importance_samples
            )
            likelihoods = likelihood_metrics(estimates, self.dataset.spec)
            if measure:
                annealed = AnnealedFigures(
                    self.model,
                    self.dataset,
                    self.job,
                    reference.to(self.device),
                    estimates,
                    self.seed("likelihood"),
                )
                likelihoods += annealed.compute()
                self.cost(likelihood_seconds=synchronised_clock(self.device) - began if likelihoods else None)
                self.observer.outcome(self.outcome)
                if estimates:
                    self.audit(samples, reference)
        beside = self.make_beside(reference) if measure else None
        self.enter("score")
        return [
            *score(self.task.metrics, self.inputs(samples, reference, beside)),
            *likelihoods,
        ]

    def make_beside(self, reference: Tensor) -> Beside:
        """Conditional tasks: what the model makes of parts and labels, kept beside the samples. Off every clock."""
        self.enter("sample")
        with generators_kept(self.device):
            beside = make_beside(
                self.model, self.task.capabilities, self.dataset, reference, self.job, self.device
            )
        save_beside(Path(self.task.samples_path).parent, beside, self.dataset)
        return beside

    def trade_off(self) -> list[SamplingPoint]:
        """Quality against the sampler's steps, for models that have them."""
        if not isinstance(self.model, HasSamplingSteps):
            return []
        self.enter("sample")
        reference = reference_examples(self.dataset, self.job)
        return sampling_curve(
            self.model,
            self.job.samples,
            self.seed("sampling"),
            self.job.sampling_seconds,
            lambda samples: score_frechet(self.inputs(samples, reference)),
        )

    def audit(self, samples: Tensor, reference: Tensor) -> None:
        """Is the likelihood one? Off every clock."""
        self.enter("audit")
        cost = self.outcome.cost
        # a training step is a pass forwards and, twice as dear, one backwards
        flops = cost.flops / cost.examples / 3 if cost.flops and cost.examples else 0.0
        self.outcome.audit = quick_audit(
            self.model, samples, reference, seed=self.seed("audit"), flops_per_example=flops
        )

    def timed_samples(self) -> Tensor:
        """Draw what is scored, keep it, and measure it on the way; then what else samples cost."""
        count = self.job.samples
        energy = self.gauges.energy_meter()
        self.memory.reset()
        energy.start()
        began = synchronised_clock(self.device)
        samples = self.draw(count, self.seed("sampling"))
        drawn = Drawing(
            count, min(count, call_size(self.dataset.spec)), synchronised_clock(self.device) - began
        )
        energy.stop()
        peak = self.memory.peak()
        joules, energy_note = self.gauges.joules(energy)
        self.cost(
            sample_seconds=drawn.seconds,
            sample_peak_rss_bytes=peak.rss_bytes,
            sample_peak_cuda_bytes=peak.cuda_allocated_bytes,
            sample_peak_cuda_reserved_bytes=peak.cuda_reserved_bytes,
            sample_peak_device_bytes=peak.device_bytes,
            sample_peak_process_device_bytes=peak.process_device_bytes,
            sample_energy_joules=joules,
            energy_note=_both(self.outcome.cost.energy_note, energy_note),
        )
        save_samples(Path(self.task.samples_path), samples, self.dataset.spec)
        if (warning := self.gauges.warning()) is not None:
            self.outcome.warnings.append(warning)
        self.observer.outcome(self.outcome)
        self.enter("sample")  # the measuring is another visit, with limits of its own
        self.measure_sampling(drawn)
        return samples

    def measure_sampling(self, drawn: Drawing) -> None:
        generator = torch.Generator(self.device).manual_seed(self.seed("latency"))
        bench = SamplingBench(
            sample=torch.no_grad()(lambda size: self.model.sample(size, generator)),
            device=self.device,
            memory=self.memory,
            budget_seconds=self.job.sampling_seconds,
            largest=call_size(self.dataset.spec),
            limit_bytes=self.memory_limit_bytes(),
        )
        latency = bench.latency()
        self.cost(
            sample_latency_seconds=latency.p50_seconds,
            sample_latency_p95_seconds=latency.p95_seconds,
            sample_latency_repeats=latency.repeats,
            flops_per_sample=bench.flops_per_sample(latency.p50_seconds),
        )
        search = bench.throughput(drawn)
        self.cost(
            samples_per_second=search.best.samples_per_second,
            sample_batch=search.best.batch,
            throughput=search.points,
            throughput_note=search.note or None,
        )
        self.observer.outcome(self.outcome)

    def memory_limit_bytes(self) -> int:
        """What measuring may use: the job's own limit, or this worker's half share of what is free."""
        free = int(_MEASURING_SHARE * psutil.virtual_memory().available / self.task.workers)
        return Budget.parse(self.job.budget).memory_bytes or free

    def draw(self, count: int, seed: int) -> Tensor:
        """(count, *event_shape) checked samples on the CPU, within the sampling budget."""
        generator = torch.Generator(self.device).manual_seed(seed)
        return draw_samples(self.model, count, generator, self.dataset.spec, self.job.sampling_seconds)

    def inputs(self, samples: Tensor, reference: Tensor, beside: Beside | None = None) -> ScoringInputs:
        return scoring_inputs(self.dataset, self.job, samples, reference, self.extractor, beside)

    @cached_property
    def extractor(self) -> Extractor:
        return load_extractor_or_reason(self.task.extractor, self.dataset)


def _both(*notes: str | None) -> str | None:
    """The notes on training and on sampling; once, where they say the same."""
    said = [f"{phase}: {note}" for phase, note in zip(("training", "sampling"), notes, strict=True) if note]
    return notes[0] if notes[0] == notes[1] else "; ".join(said) or None
