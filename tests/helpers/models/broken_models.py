"""A sound model that can do everything, and for each check of the contract one that breaks it.

A broken model's class is called after the check, in CamelCase: `LogProbSumsToOne` does not.
"""

from __future__ import annotations

import math
import time

import numpy as np
import torch
from torch import Tensor, nn

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api import check_lengths, check_prompt, step_mask, zero_padding

LATENT = 2
PROPOSAL_SCALE = 1.5


class Sound(GenerativeModel):
    """Points or tokens with levels: every number has frequencies of its own, and a latent that changes nothing."""

    def __init__(self, spec: DataSpec, *, learning_rate: float = 0.1) -> None:
        super().__init__(spec)
        self.learning_rate = learning_rate
        self.levels = spec.levels or 0
        self.logits = nn.Parameter(torch.zeros(spec.dimension, self.levels))  # D, L
        self.sampling_budgets: tuple[int, ...] = (1, 8)

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        optimiser = torch.optim.Adam(self.parameters(), lr=self.learning_rate)
        for batch in meter.batches(train, 16):
            loss = self.loss(batch.x)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            meter.log(loss=loss)

    def loss(self, x: Tensor) -> Tensor:
        return -Sound.log_prob(self, x).mean()

    def sample(
        self,
        count: int,
        generator: torch.Generator,
        *,
        condition: Tensor | None = None,
        steps: int | None = None,
        lengths: Tensor | None = None,
    ) -> Tensor:
        """steps: each draws anew."""
        for _ in range((steps or 1) - 1):
            self._draw(count, generator)
        drawn = self._draw(count, generator)
        if lengths is None:
            return drawn
        check_lengths(lengths, count, self.spec.event_shape[0], self.spec.name)
        return zero_padding(drawn[:, : int(lengths.max())], lengths)

    def _draw(self, count: int, generator: torch.Generator) -> Tensor:
        frequencies = self.logits.softmax(1)
        return torch.multinomial(frequencies, count, replacement=True, generator=generator).T.contiguous()

    def log_prob(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        each = self.logits[: x.shape[1]].log_softmax(1).T.gather(0, x)  # value, dimension
        return (each if lengths is None else zero_padding(each, lengths)).sum(1)

    def continue_from(self, x: Tensor, lengths: Tensor, generator: torch.Generator) -> Tensor:
        check_prompt(x, lengths, self.spec)
        return torch.where(step_mask(lengths, x.shape[1]), x, self._draw(len(x), generator)[:, : x.shape[1]])

    @property
    def prior(self) -> torch.distributions.Distribution:
        return torch.distributions.Normal(self.logits.new_zeros(LATENT), self.logits.new_ones(LATENT))

    def log_weights(self, x: Tensor, k: int, lengths: Tensor | None = None) -> Tensor:
        z = PROPOSAL_SCALE * torch.randn(len(x), k, LATENT, device=self.device)
        log_ratio = z.square() * (PROPOSAL_SCALE**-2 - 1) / 2 + math.log(PROPOSAL_SCALE)  # prior / proposal
        return Sound.log_prob(self, x, lengths).unsqueeze(1) + log_ratio.sum(2)

    def log_density(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Even over each bin."""
        return Sound.log_prob(self, x.long(), lengths)

    def elbo(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        return Sound.log_prob(self, x, lengths) - 0.1 + 0.2 * torch.randn(len(x), device=self.device)

    def decode(self, z: Tensor) -> Tensor:
        mean = self.logits.softmax(1) @ torch.arange(float(self.levels), device=self.device)
        return mean + 0 * z.sum(1, keepdim=True)

    def encode(self, x: Tensor) -> Tensor:
        return torch.zeros(len(x), LATENT, device=self.device)

    def log_unnormalised(self, x: Tensor, beta: float = 1.0) -> Tensor:
        return beta * self.logits.T.gather(0, x).sum(1)

    def base_log_partition(self) -> float:
        return len(self.logits) * math.log(self.levels)

    def sample_base(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self.levels, (count, len(self.logits)), generator=generator, device=self.device)

    def tempered_step(self, x: Tensor, beta: float, generator: torch.Generator) -> Tensor:
        frequencies = (beta * self.logits).softmax(1)
        return torch.multinomial(frequencies, len(x), replacement=True, generator=generator).T.contiguous()

    def complete(self, x: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        return torch.where(mask, x, self.sample(len(x), generator))

    def missing_log_prob(self, x: Tensor, mask: Tensor) -> Tensor:
        each = self.logits.log_softmax(1).T.gather(0, x)
        return each.masked_fill(mask, 0.0).sum(1)

    def predictive_entropy(self, x: Tensor) -> Tensor:
        log_p = self.logits.log_softmax(1)
        return -(log_p.exp() * log_p).sum(1).expand(x.shape)

    def attention(self, x: Tensor) -> Tensor:
        """Every step looks at all earlier ones alike."""
        earlier = torch.ones(x.shape[1], x.shape[1], device=self.device).tril(-1)
        return (earlier / x.shape[1]).expand(len(x), -1, -1)

    def translate(self, x: Tensor) -> Tensor:
        """The likeliest symbol of each step."""
        source = self.spec.source_steps or 0
        answer = self.logits.argmax(1).expand(len(x), -1)
        return torch.cat([x[:, :source], answer[:, source:]], 1)


# ---- the card


class CardIsWellFormed(Sound):
    """Its card has a name with capitals."""


class DefaultsMatchTheFactory(Sound):
    def __init__(self, spec: DataSpec, *, learning_rate: float = 0.2) -> None:
        super().__init__(spec, learning_rate=learning_rate)


class CapabilitiesMatchTheClass(Sound):
    encode = None  # type: ignore[assignment]


# ---- training


class TrainingStopsAtTheBudget(Sound):
    """Charges what it does, but does not ask whether it may."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        optimiser = torch.optim.Adam(self.parameters(), lr=self.learning_rate)
        for _ in range(50):
            self.loss(train.tensor()).backward()
            optimiser.step()
            meter.charge(steps=1, examples=len(train))


class FitChargesItsCost(Sound):
    """Trains on what the meter did not hand out."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        optimiser = torch.optim.Adam(self.parameters(), lr=self.learning_rate)
        for _ in range(50):
            self.loss(train.tensor()).backward()
            optimiser.step()


class ConstructionIsCheap(Sound):
    """Works where it is built."""

    def __init__(self, spec: DataSpec, *, learning_rate: float = 0.1) -> None:
        super().__init__(spec, learning_rate=learning_rate)
        end = time.process_time() + 2.1
        while time.process_time() < end:
            pass


class EveryParameterIsTrained(Sound):
    def __init__(self, spec: DataSpec, *, learning_rate: float = 0.1) -> None:
        super().__init__(spec, learning_rate=learning_rate)
        self.forgotten = nn.Parameter(torch.ones(3))


class TrainingIsRepeatable(Sound):
    """Draws from a generator that no seed reaches."""

    entropy = torch.Generator().manual_seed(0)

    def loss(self, x: Tensor) -> Tensor:
        return super().loss(x) * torch.rand((), generator=self.entropy)


class FitLeavesTheDataAlone(Sound):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        super().fit(train, meter)
        train.x.zero_()


class FewExamplesDoNoHarm(Sound):
    """Divides by the sample's standard deviation, of which a single example has none."""

    def loss(self, x: Tensor) -> Tensor:
        squares = (x - x.float().mean(0)).square().sum(0)
        return super().loss(x) / (1 + squares / (len(x) - 1)).mean()


class ConstantDataDoNoHarm(Sound):
    def loss(self, x: Tensor) -> Tensor:
        spread = x.float().std(0).mean() if len(x) > 1 else 1.0
        return super().loss(x) / spread


class OneClassDoesNoHarm(Sound):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        super().fit(train, meter)
        assert train.y is not None
        several = len(train.x.unique(dim=0)) > 2
        if several and len(train.y.unique()) == 1:
            raise RuntimeError("expected several classes")


class TheSmallestShapeIsTakenOrRefused(Sound):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        assert train.spec.dimension > 1
        super().fit(train, meter)


# ---- sampling


class SamplesLieInTheDomain(Sound):
    def sample(self, count: int, generator: torch.Generator, *, condition: Tensor | None = None) -> Tensor:
        return super().sample(count, generator) + 1


class AnUntrainedModelSamples(Sound):
    def __init__(self, spec: DataSpec, *, learning_rate: float = 0.1) -> None:
        super().__init__(spec, learning_rate=learning_rate)
        self.fitted = False

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        super().fit(train, meter)
        self.fitted = True

    def sample(self, count: int, generator: torch.Generator, *, condition: Tensor | None = None) -> Tensor:
        if not self.fitted:
            raise RuntimeError("call fit first")
        return super().sample(count, generator)


class SamplesFollowTheGenerator(Sound):
    def sample(self, count: int, generator: torch.Generator, *, condition: Tensor | None = None) -> Tensor:
        return super().sample(count, torch.Generator().manual_seed(0))


class SamplingLeavesGlobalChanceAlone(Sound):
    def sample(self, count: int, generator: torch.Generator, *, condition: Tensor | None = None) -> Tensor:
        np.random.rand()  # noqa: NPY002
        return super().sample(count, generator)


class SamplingLeavesTheModelAlone(Sound):
    def sample(self, count: int, generator: torch.Generator, *, condition: Tensor | None = None) -> Tensor:
        self.logits.data += 1.0
        return super().sample(count, generator)


class StateDictHoldsTheModel(Sound):
    """What it learned is no parameter and no buffer."""

    shift = 0

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        super().fit(train, meter)
        self.shift = 1

    def sample(self, count: int, generator: torch.Generator, *, condition: Tensor | None = None) -> Tensor:
        return (super().sample(count, generator) + self.shift) % self.levels


class DecodeIsDifferentiable(Sound):
    def decode(self, z: Tensor) -> Tensor:
        return super().decode(z.detach())


class ConditionsAreTaken(Sound):
    def sample(self, count: int, generator: torch.Generator, *, condition: Tensor | None = None) -> Tensor:
        if condition is None:
            return super().sample(count, generator)
        return super().sample(int((condition == 0).sum()), generator)  # one class only


class SamplingStepsAreTaken(Sound):
    """Takes the argument and goes its own way."""

    def sample(self, count: int, generator: torch.Generator, **settings: object) -> Tensor:
        return super().sample(count, generator)


class CompletionKeepsWhatIsGiven(Sound):
    def complete(self, x: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        return self.sample(len(x), generator)


class LikelihoodsOfPartsAddUp(Sound):
    """The likelihood it gives is of the part that was known."""

    def missing_log_prob(self, x: Tensor, mask: Tensor) -> Tensor:
        return super().missing_log_prob(x, ~mask)


class EntropiesAreNumbersOfEachElement(Sound):
    def predictive_entropy(self, x: Tensor) -> Tensor:
        return super().predictive_entropy(x).sum(1)


class EncodingsAreFinite(Sound):
    def encode(self, x: Tensor) -> Tensor:
        return torch.zeros(len(x), LATENT).log()


# ---- pieces and prompts


class PaddingChangesNoLikelihood(Sound):
    """Counts the padding."""

    def log_prob(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        return super().log_prob(x)


class ALongerPieceCostsMore(Sound):
    """A mean over the steps in place of their sum."""

    def log_prob(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        if lengths is None:
            return super().log_prob(x)
        return super().log_prob(x, lengths) / lengths


class SamplesHaveTheLengthsAskedFor(Sound):
    def sample(self, count: int, generator: torch.Generator, **settings: object) -> Tensor:
        return super().sample(count, generator)


class PiecesOfOneStepDoNoHarm(Sound):
    """Learns differences of neighbours, of which one step has none."""

    def loss(self, x: Tensor) -> Tensor:
        return super().loss(x) + 0.0 * x.float().diff(dim=1).mean()


class PromptsAreContinued(Sound):
    """By something else."""

    def continue_from(self, x: Tensor, lengths: Tensor, generator: torch.Generator) -> Tensor:
        check_prompt(x, lengths, self.spec)
        return self._draw(len(x), generator)[:, : x.shape[1]]


class BadPromptsAreRefused(Sound):
    def continue_from(self, x: Tensor, lengths: Tensor, generator: torch.Generator) -> Tensor:
        return torch.where(step_mask(lengths, x.shape[1]), x, 0)


# ---- likelihood


class LogProbIsOneFiniteNumberEach(Sound):
    def log_prob(self, x: Tensor) -> Tensor:
        return super().log_prob(x).unsqueeze(1)


class LogProbDependsOnTheExampleAlone(Sound):
    def log_prob(self, x: Tensor) -> Tensor:
        log_prob = super().log_prob(x)
        return log_prob - log_prob.mean() / 100


class LogProbSumsToOne(Sound):
    """Forgets to normalise; a constant, so that only the sum shows it."""

    def log_prob(self, x: Tensor) -> Tensor:
        return super().log_prob(x) - 0.01


class LogProbFitsTheSamples(Sound):
    """Samples at another temperature; the likelihood itself adds up."""

    def sample(self, count: int, generator: torch.Generator, *, condition: Tensor | None = None) -> Tensor:
        frequencies = (3 * self.logits).softmax(1)
        return torch.multinomial(frequencies, count, replacement=True, generator=generator).T.contiguous()


class LogDensityIsOneFiniteNumberEach(Sound):
    """Takes the end of a bin for another."""

    def log_density(self, x: Tensor) -> Tensor:
        return torch.where((x % 1 > 0.9).any(1), -math.inf, super().log_density(x))


class LogDensityDependsOnTheExampleAlone(Sound):
    def log_density(self, x: Tensor) -> Tensor:
        log_density = super().log_density(x)
        return log_density - log_density.mean() / 100


class LogDensityIntegratesToOne(Sound):
    """As if a bin were half as wide."""

    def log_density(self, x: Tensor) -> Tensor:
        return super().log_density(x) + x.shape[1] * math.log(2)


class ElboIsOneFiniteNumberEach(Sound):
    def elbo(self, x: Tensor) -> Tensor:
        return super().elbo(x).unsqueeze(1)


class ElboDependsOnTheExampleAlone(Sound):
    def elbo(self, x: Tensor) -> Tensor:
        bound = super().elbo(x)
        return bound - bound.std(correction=0)


class ElboStaysBelowALikelihood(Sound):
    """An upper bound."""

    def elbo(self, x: Tensor) -> Tensor:
        return super().elbo(x) + 0.5


class LogWeightsAreFinite(Sound):
    def log_weights(self, x: Tensor, k: int) -> Tensor:
        return super().log_weights(x, k) - math.inf


class LogWeightsDependOnTheExampleAlone(Sound):
    def log_weights(self, x: Tensor, k: int) -> Tensor:
        return super().log_weights(x, k) + 0.2 * len(x)


class LogWeightsSumToOne(Sound):
    """The latent's prior without its proposal."""

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        return super().log_weights(x, k) - LATENT * math.log(PROPOSAL_SCALE)


class LogWeightsDoNotDependOnK(Sound):
    """Divides by k itself, which the bound does again."""

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        return super().log_weights(x, k) - math.log(k)


class LogWeightsFitTheSamples(LogProbFitsTheSamples):
    """Seen where the space can be counted: a bound may be as loose as it likes."""


class EnergiesAreFiniteAllAlongThePath(Sound):
    """At the base it divides by beta."""

    def log_unnormalised(self, x: Tensor, beta: float = 1.0) -> Tensor:
        return super().log_unnormalised(x, 1.0) * (beta - 1) / torch.tensor(beta)


# ---- devices


class AGpuTrainsAndSamples(Sound):
    """Has a tensor that is no buffer, and stays behind."""

    def __init__(self, spec: DataSpec, *, learning_rate: float = 0.1) -> None:
        super().__init__(spec, learning_rate=learning_rate)
        self.shares = torch.full((self.levels,), 1 / self.levels)

    def loss(self, x: Tensor) -> Tensor:
        return super().loss(x) + (self.logits.softmax(1) - self.shares).square().sum()


class AGpuAgreesWithTheCpu(Sound):
    def log_prob(self, x: Tensor) -> Tensor:
        return super().log_prob(x) - float(x.is_cuda)


# ---- sequences and pairs


class AttentionIsOfEarlierSteps(Sound):
    def attention(self, x: Tensor) -> Tensor:
        return super().attention(x).transpose(1, 2)


class SourcesAreAnswered(Sound):
    """The answer is the one that was given."""

    def translate(self, x: Tensor) -> Tensor:
        return x
