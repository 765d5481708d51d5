"""One job, from data to figures, inside a process of its own. MAIN PATH of the child: `run_task`.

    load data | build | train (clock) | checkpoints (paused) | sample (own clock) | likelihood | score

What happens outside this process (limits, kills, logs, storing the result) is the supervisor's business.
"""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from genbench.budget import Budget
from genbench.cards import DatasetCard, load_factory
from genbench.compute_meter import ComputeMeter, Spent
from genbench.data import Dataset, storage_dtype, working_dtype
from genbench.errors import DataError, Diverged, GenbenchError, PluginError
from genbench.features import Extractor
from genbench.job import derive_seed
from genbench.likelihood.estimates import estimate_likelihood, likelihood_metrics
from genbench.measure.memory import MemoryPeak, PeakMemory, larger
from genbench.measure.speed import sample_latency_seconds, synchronised_clock
from genbench.metrics.frechet import score_frechet
from genbench.model import GenerativeModel
from genbench.prepared import load_dataset
from genbench.result import CurvePoint, MetricValue, Status
from genbench.scoring import ScoringInputs, score
from genbench.task import Observer, Outcome, Phase, Task

# Checkpoints are judged on this many validation examples and samples, and importance samples.
CHECKPOINT_EXAMPLES = 512
CHECKPOINT_IMPORTANCE_SAMPLES = 10
# Samples are drawn in calls of at most this many numbers, so that memory does not grow with their count.
_CALL_NUMBERS = 2**20


def run_task(task: Task, observer: Observer | None = None) -> Outcome:
    """Run one job in this process. Never raises what a plugin did: that is the outcome's status and reason."""
    worker = _Worker(task, observer or Observer())
    outcome = worker.outcome
    try:
        worker.run()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        traceback.print_exc()
        outcome.status, outcome.reason = _classify(error, worker.phase)
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
        torch.set_num_threads(self.job.threads)
        self.dataset = _load(self.task.dataset)
        self.enter("build")
        self.memory = PeakMemory(self.device)
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
        _seed_everything(self.seed("initialisation"))
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
            on_progress=lambda spent, losses: self.observer.progress(spent.fraction, losses),
        )
        _seed_everything(self.seed("training"))
        self.model.train()
        self.memory.reset()
        meter.start()
        self.model.fit(self.dataset.train, meter)
        spent = meter.finish()
        self.observer.progress(spent.fraction, meter.losses())
        self.checkpoint(spent, meter)
        assert self.train_peak is not None
        self.cost(
            train_seconds=spent.seconds,
            bound_by=meter.bound_by(),
            steps=spent.steps,
            examples=spent.examples,
            flops=spent.flops,
            parameters=sum(parameter.numel() for parameter in self.model.parameters()),
            train_examples_per_second=spent.examples / spent.seconds if spent.examples else None,
            train_peak_rss_bytes=self.train_peak.rss_bytes,
            train_peak_cuda_bytes=self.train_peak.cuda_allocated_bytes,
            train_peak_cuda_reserved_bytes=self.train_peak.cuda_reserved_bytes,
        )
        self.observer.outcome(self.outcome)

    def checkpoint(self, spent: Spent, meter: ComputeMeter) -> None:
        """Judge the model as it is on the validation split, off the clock and outside its memory figure."""
        self.train_peak = larger(self.train_peak, self.memory.peak())
        self.enter("checkpoint")
        was_training = self.model.training
        with _chance_kept(self.device):
            _seed_everything(self.seed("checkpoint"))
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

    def judge_on_validation(self) -> list[MetricValue]:
        """Likelihood first where the model has one, then the Fréchet distance; the first one decides."""
        valid = self.dataset.valid.random_subset(CHECKPOINT_EXAMPLES, self.seed("validation subset"))
        x = valid.tensor()
        k = min(CHECKPOINT_IMPORTANCE_SAMPLES, self.job.importance_samples)
        estimates = estimate_likelihood(self.model, self.dataset.spec, x.to(self.device), k=k)
        figures = likelihood_metrics(estimates[:1], self.dataset.spec)
        samples = self.draw(len(x), self.seed("checkpoint samples"))
        return figures[::-1] + score_frechet(self.inputs(samples, x))

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
        if last_state is not None:
            self.model.load_state_dict(last_state)
            self.outcome.last_metrics = self.judge(measure=False)

    def judge(self, *, measure: bool) -> list[MetricValue]:
        """All figures of the model as it is. measure: time it, and keep the samples."""
        self.enter("sample")
        samples = self.timed_samples() if measure else self.draw(self.job.samples, self.seed("sampling"))
        self.enter("likelihood")
        test = self.dataset.test.random_subset(
            self.job.samples, derive_seed(0, self.job.dataset, "reference")
        )
        reference = test.tensor()
        _seed_everything(self.seed("likelihood"))
        began = synchronised_clock(self.device)
        estimates = estimate_likelihood(
            self.model, self.dataset.spec, reference.to(self.device), k=self.job.importance_samples
        )
        if measure:
            self.cost(likelihood_seconds=synchronised_clock(self.device) - began if estimates else None)
            self.observer.outcome(self.outcome)
        self.enter("score")
        return [
            *score(self.task.metrics, self.inputs(samples, reference)),
            *likelihood_metrics(estimates, self.dataset.spec),
        ]

    def timed_samples(self) -> Tensor:
        """Draw what is scored, save it, and measure time and memory on the way."""
        self.memory.reset()
        one = torch.Generator(self.device).manual_seed(self.seed("latency"))
        with torch.no_grad():
            latency = sample_latency_seconds(lambda: self.model.sample(1, one), self.device)
        began = synchronised_clock(self.device)
        samples = self.draw(self.job.samples, self.seed("sampling"))
        seconds = synchronised_clock(self.device) - began
        peak = self.memory.peak()
        self.cost(
            sample_seconds=seconds,
            sample_latency_seconds=latency,
            samples_per_second=len(samples) / seconds,
            sample_batch=min(len(samples), self.call_size),
            sample_peak_rss_bytes=peak.rss_bytes,
            sample_peak_cuda_bytes=peak.cuda_allocated_bytes,
            sample_peak_cuda_reserved_bytes=peak.cuda_reserved_bytes,
        )
        path = Path(self.task.samples_path)
        temporary = path.with_suffix(".partial")
        save_file({"samples": samples.to(storage_dtype(self.dataset.spec))}, temporary)
        temporary.replace(path)
        self.observer.outcome(self.outcome)
        return samples

    @property
    def call_size(self) -> int:
        return max(1, _CALL_NUMBERS // self.dataset.spec.dimension)

    def draw(self, count: int, seed: int) -> Tensor:
        """(count, *event_shape) checked samples on the CPU, within the sampling budget."""
        generator = torch.Generator(self.device).manual_seed(seed)
        began, drawn = time.perf_counter(), 0
        pieces: list[Tensor] = []
        with torch.no_grad():
            while drawn < count:
                size = min(self.call_size, count - drawn)
                pieces.append(_checked_samples(self.model.sample(size, generator), size, self.dataset))
                drawn += size
                seconds = time.perf_counter() - began
                if seconds > self.job.sampling_seconds and drawn < count:
                    raise SamplingTimeout(
                        f"drew {drawn} of {count} samples in the sampling budget of {self.job.sampling_seconds:g}s"
                    )
        return torch.cat(pieces)

    def inputs(self, samples: Tensor, reference: Tensor) -> ScoringInputs:
        return ScoringInputs(
            spec=self.dataset.spec,
            samples=samples,
            reference=reference,
            train=self.dataset.train.tensor(),
            extractor=self.extractor,
            truth=self.dataset.truth,
            seed=derive_seed(0, self.job.dataset, "scoring"),
        )

    @cached_property
    def extractor(self) -> Extractor:
        extractor = load_factory(self.task.extractor.factory)(self.dataset)
        assert isinstance(extractor, Extractor)
        return extractor


class SamplingTimeout(GenbenchError):
    """The sampling budget ran out."""


def _load(card: DatasetCard) -> Dataset:
    try:
        return load_dataset(card)
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{card.name}: {type(error).__name__}: {error}") from error


def _checked_samples(samples: object, count: int, dataset: Dataset) -> Tensor:
    spec = dataset.spec
    if not isinstance(samples, Tensor):
        raise PluginError(f"sample returned {type(samples).__name__}, expected a tensor")
    expected = (count, *spec.event_shape)
    if tuple(samples.shape) != expected:
        raise PluginError(f"sample({count}) returned shape {tuple(samples.shape)}, expected {expected}")
    samples = samples.detach().cpu()
    if samples.is_floating_point():
        broken = int((~samples.isfinite()).flatten(1).any(1).sum())
        if broken:
            raise Diverged(f"{broken} of {count} samples are not finite")
    if spec.levels is not None:
        if samples.is_floating_point() or samples.is_complex():
            raise PluginError(f"sample returned {samples.dtype}, expected integers 0..{spec.levels - 1}")
        low, high = int(samples.min()), int(samples.max())
        if low < 0 or high >= spec.levels:
            raise PluginError(f"samples range over {low}..{high}, expected 0..{spec.levels - 1}")
    elif not samples.is_floating_point():
        raise PluginError(f"sample returned {samples.dtype}, expected float32")
    return samples.to(working_dtype(spec))


def _classify(error: BaseException, phase: str) -> tuple[Status, str]:
    """The status that tells what went wrong, and one line that says it."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else ""
    if isinstance(error, DataError):
        return "data_error", text
    if isinstance(error, Diverged):
        return "diverged", text
    if isinstance(error, SamplingTimeout):
        return "timeout", text
    if _is_out_of_memory(error):
        return "oom", f"out of memory in {phase}: {text or type(error).__name__}"
    if isinstance(error, GenbenchError):
        return "plugin_error", text
    return "plugin_error", f"{type(error).__name__} in {phase}: {text}{_place(error)}"


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # the CPU allocator raises a plain RuntimeError
    return isinstance(error, RuntimeError) and "not enough memory" in str(error)


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename]
    frame = (own or frames)[-1]
    return f" ({Path(frame.filename).name}:{frame.lineno})"


def _seed_everything(seed: int) -> None:
    """Every source of chance that a plugin may use."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    torch.manual_seed(seed)


@contextmanager
def _chance_kept(device: torch.device) -> Iterator[None]:
    """Leave every generator as it was, so that a checkpoint does not change the training."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002
