"""Models that misbehave, each in one way, and a tiny data set to do it on. Loaded by real workers."""

from __future__ import annotations

import ctypes
import math
import os
import signal
import subprocess
import sys
import time

import torch
from threadpoolctl import threadpool_info

from genbench import ComputeMeter, Dataset, DataSpec, GenerativeModel, Split

SPEC = DataSpec(name="tiny", modality="points", event_shape=(2,))


def tiny_dataset() -> Dataset:
    x = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    return Dataset(
        spec=SPEC, train=Split(SPEC, x[:32]), valid=Split(SPEC, x[32:48]), test=Split(SPEC, x[48:])
    )


def broken_dataset() -> Dataset:
    raise OSError("the disk is on fire")


class Good(GenerativeModel):
    """Learns a mean."""

    def __init__(self, spec: DataSpec, *, rate: float = 0.1) -> None:
        super().__init__(spec)
        self.rate = rate
        self.mean = torch.nn.Parameter(torch.zeros(spec.event_shape))

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        for batch in meter.batches(train, batch_size=8):
            loss = (batch.x - self.mean).square().mean()
            (gradient,) = torch.autograd.grad(loss, self.mean)
            self.mean.data -= self.rate * gradient
            meter.log(loss=loss)

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        return self.mean.detach() + torch.randn((count, *self.spec.event_shape), generator=generator)


class CountsThreads(Good):
    """Its losses are the threads that torch and the other libraries of its process may use."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        for _ in meter.batches(train, batch_size=8):
            pools = [pool["num_threads"] for pool in threadpool_info()]
            meter.log(torch=torch.get_num_threads(), least=min(pools), most=max(pools), pools=len(pools))


class Collapsed(Good):
    """Every sample is the mean."""

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        return self.mean.detach().expand(count, *self.spec.event_shape)


class Hangs(Good):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        super().fit(train, meter)
        while True:
            time.sleep(0.1)


class HangsDeaf(Good):
    """Ignores every signal that can be ignored."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(0.1)


class SamplesSlowly(Good):
    """More than a second per sample."""

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        time.sleep(1.1 * count)
        return super().sample(count, generator)


class WorksWhereItIsBuilt(Good):
    """Half a second in the constructor."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        end = time.perf_counter() + 0.5
        while time.perf_counter() < end:
            pass


class TrainsInALoopOfItsOwn(Good):
    """Takes no batch and charges nothing."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        with torch.no_grad():
            self.mean.copy_(train.x.float().mean(0))


class TrainsBesidesItsBatches(Good):
    """More than a second before its first batch."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        time.sleep(1.3)
        super().fit(train, meter)


class AddsNumbersUp(Good):
    """Has no operation that costs FLOPs, and trains until it is told to stop."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        for batch in meter.batches(train, batch_size=8):
            self.mean.data += batch.x.sum(0) / 8


class MultipliesMatrices(Good):
    """Every step is the same work, a few milliseconds of it."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        a = torch.ones(192, 192)
        for _ in meter.batches(train, batch_size=8):
            for _ in range(10):
                a = (a @ a).clamp(max=1.0)


class HangsInSample(Good):
    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        while True:
            time.sleep(0.1)


class Leaves(Good):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        os._exit(7)


class Exits(Good):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        sys.exit(3)


class KillsItself(Good):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        super().fit(train, meter)
        os.kill(os.getpid(), signal.SIGKILL)


class Segfaults(Good):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        ctypes.string_at(0)


def allocate_without_end() -> None:
    held = []
    while True:
        held.append(torch.ones(2**20))
        time.sleep(0.002)


class AllocatesWithoutEnd(Good):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        allocate_without_end()


class AllocatesWithoutEndOnceTrained(Good):
    """In the process that draws the samples to score, not at the checkpoints of its training."""

    is_trained_here = False

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.is_trained_here = True
        super().fit(train, meter)

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        if not self.is_trained_here:
            allocate_without_end()
        return super().sample(count, generator)


class AsksForTooMuch(Good):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        torch.empty(2**50, dtype=torch.uint8)


class LossIsNan(Good):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        for _ in meter.batches(train, batch_size=8):
            meter.log(loss=float("nan"))


class SamplesAreNan(Good):
    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        samples = torch.zeros((count, *self.spec.event_shape))
        samples[: min(3, count), 0] = float("nan")
        return samples


class PrintsWithoutEnd(Good):
    """One hundred megabytes, through Python and past it."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        print("the first line")
        for _ in range(50):
            print("x" * 1_000_000)
        sys.stdout.flush()
        for _ in range(50):
            os.write(2, b"y" * 1_000_000)
        os.write(2, b"\nthe last line\n")
        super().fit(train, meter)


class FindsTheDiskFull(Good):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        with open("/dev/full", "w") as file:
            file.write("x")


class Raises(Good):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        raise ValueError("three is not an even number\nand never will be")


class WrongShape(Good):
    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        return torch.zeros(count, 5)


class ReturnsIntegers(Good):
    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        return torch.zeros((count, *self.spec.event_shape), dtype=torch.int64)


class LeavesChildBehind(Good):
    """Starts a process that would outlive it, and that holds on to the log."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print(f"child {child.pid}", flush=True)
        super().fit(train, meter)


class NotAModel:
    def __init__(self, spec: DataSpec, rate: float = 0.1) -> None:
        pass


class FailsToBuild(Good):
    def __init__(self, spec: DataSpec, *, rate: float = 0.1) -> None:
        raise RuntimeError("no such layer")


# ---- likelihoods: one that is right, and some that are not


class RightLikelihood(Good):
    """A normal distribution about the mean, and its density."""

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return torch.distributions.Normal(self.mean, 1.0).log_prob(x).sum(1)


class ClaimsTooMuch(RightLikelihood):
    """Its data were divided by fifty before it saw them, and it forgot the change of variables."""

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return super().log_prob(x) + 2 * math.log(50)


class ClaimsTooLittle(RightLikelihood):
    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return super().log_prob(x) - 2 * math.log(50)


class LooksAtTheBatch(RightLikelihood):
    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return super().log_prob(x) - x.square().mean()


class TakesNoSingleExample(RightLikelihood):
    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) < 2:
            raise ValueError("expected a batch")
        return super().log_prob(x)


class DividesTheBound(Good):
    """An importance-weighted bound that counts its samples twice."""

    def log_weights(self, x: torch.Tensor, k: int) -> torch.Tensor:
        noise = torch.randn(len(x), k)  # a latent that changes nothing, proposed a little too widely
        log_ratio = math.log(1.1) - 0.105 * noise.square()  # N(0, 1) over N(0, 1.1²), at 1.1 noise
        log_p = torch.distributions.Normal(self.mean, 1.0).log_prob(x).sum(1, keepdim=True)
        return log_p + log_ratio + math.log(k)
