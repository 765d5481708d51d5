"""What samples cost: the drawing of those that are scored, timed; then latency, FLOPs and throughput.

Each function takes the costs of the job as they are known so far and returns them with its own added, so that a
measurement that fails leaves the earlier ones in the record.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import psutil
import torch
from torch import Tensor

from genbench.execution.stages.job_context import JobContext
from genbench.execution.stages.peak_costs import peak_costs
from genbench.measure.gauges import PhaseGauges
from genbench.measure.memory import larger_by_gpu
from genbench.measure.sampling_cost import Drawing, SamplingBench
from genbench.measure.speed import synchronised_clock
from genbench.records.result import Cost
from genbench.samples.draw import draw_pieces_once, max_samples_per_call

MEASURING_MEMORY_SHARE = 0.5
"""The share of the free memory, divided by the number of workers, that trying out batches may use."""


@dataclass(frozen=True)
class TimedSamples:
    """The samples that are scored, and what drawing them cost."""

    samples: Tensor
    """(N, *event_shape), on the CPU."""
    lengths: Tensor | None
    """Lengths of the samples, (N,), where they are pieces of different lengths; None where all have one shape."""
    drawing: Drawing
    """How they were drawn."""
    cost: Cost
    """The costs of the job, those of the drawing included."""


def draw_timed(context: JobContext, cost: Cost) -> TimedSamples:
    """Draw the job's samples, and measure time, memory and energy meanwhile."""
    count = context.job.drawn_samples
    gauges = PhaseGauges(context.gauges)
    gauges.start()
    began = synchronised_clock(context.device)
    seed = context.seed("sampling")
    samples = context.draw(count, seed)
    seconds = synchronised_clock(context.device) - began
    gauges.stop()
    joules, energy_note = gauges.joules()
    return TimedSamples(
        samples,
        context.lengths(count, seed),
        Drawing(count, min(count, max_samples_per_call(context.dataset.spec)), seconds),
        msgspec.structs.replace(
            cost,
            sample_seconds=seconds,
            **peak_costs(gauges.peak, "sample"),
            peak_cuda_reserved_bytes_by_gpu=larger_by_gpu(
                cost.peak_cuda_reserved_bytes_by_gpu, gauges.peak.reserved_bytes_by_gpu
            ),
            sample_energy_joules=joules,
            energy_note=_joined_notes(cost.energy_note, energy_note),
        ),
    )


def sampling_bench(context: JobContext) -> SamplingBench:
    """The bench on which latency, FLOPs and throughput are measured, one after another."""
    generator = torch.Generator(context.device).manual_seed(context.seed("latency"))

    @torch.no_grad()
    def sample(size: int) -> Tensor:
        lengths = context.lengths(size, context.seed("latency"))
        if lengths is None:
            return context.model.sample(size, generator)
        return draw_pieces_once(context.model, lengths, generator, context.dataset.spec)

    return SamplingBench(
        sample=sample,
        device=context.device,
        memory=context.gauges.memory,
        budget_seconds=context.job.sampling_seconds,
        largest=max_samples_per_call(context.dataset.spec),
        limit_bytes=_memory_limit_bytes(context),
    )


def with_latency(cost: Cost, bench: SamplingBench) -> Cost:
    """Adds what a call for one sample takes, and the FLOPs of a sample."""
    latency = bench.latency()
    return msgspec.structs.replace(
        cost,
        sample_latency_seconds=latency.p50_seconds,
        sample_latency_p95_seconds=latency.p95_seconds,
        sample_latency_repeats=latency.repeats,
        flops_per_sample=bench.flops_per_sample(latency.p50_seconds),
    )


def with_throughput(cost: Cost, bench: SamplingBench, drawing: Drawing) -> Cost:
    """Adds samples per second, at the batch size that gives the most."""
    search = bench.throughput(drawing)
    return msgspec.structs.replace(
        cost,
        samples_per_second=search.best.samples_per_second,
        sample_batch=search.best.batch,
        throughput=search.points,
        throughput_note=search.note or None,
    )


def _memory_limit_bytes(context: JobContext) -> int:
    """The memory limit of the job's budget; without one, this worker's part of half the free memory."""
    free = psutil.virtual_memory().available / context.task.workers
    return context.job.training_budget.memory_bytes or int(MEASURING_MEMORY_SHARE * free)


def _joined_notes(training: str | None, sampling: str | None) -> str | None:
    """One note from those on training and on sampling; written once if they are equal."""
    if training == sampling:
        return training
    notes = {"training": training, "sampling": sampling}
    return "; ".join(f"{phase}: {note}" for phase, note in notes.items() if note) or None
