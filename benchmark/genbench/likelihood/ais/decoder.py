"""The likelihood of models that decode latents, such as GANs and VAEs. MAIN PATH: `DecoderAnnealing`.

    prepare          chooses the scale of the observation model and the temperatures, on validation examples
    log_likelihood   finds step sizes by pilot chains, then runs forward chains from the prior to the posterior
    gap              runs forward chains on data simulated from the model, and backward chains from the latents that the
                     data were decoded from: how far the estimate can be from the truth

Wu et al. 2017, "On the quantitative analysis of decoder-based generative models". An example's estimate does not depend
on its batch. The model's parameters and modes and torch's generators are left as they were.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from genbench.api.data import Split
from genbench.api.model import HasDecoder
from genbench.likelihood.ais.annealing import OnStep, anneal, anneal_back, explore, tune
from genbench.likelihood.ais.decoder_observation import DecoderObservation, decoder_observation
from genbench.likelihood.ais.decoder_target import DecodedLikelihood, decode, evaluating
from genbench.likelihood.ais.hmc import Target
from genbench.likelihood.ais.latent_space import LatentSpace
from genbench.likelihood.ais.observation_scale import ScaleChoice, choose_scale
from genbench.likelihood.ais.schedule import AnnealingSchedule
from genbench.util.seeding import derive_seed

# Decoded numbers per batch: on a CPU about what its cache holds, on a GPU enough to keep it busy.
_BATCH_NUMBERS = {"cpu": 50_000}
_BATCH_NUMBERS_ELSEWHERE = 20_000_000
# Pilot chains per example: an eighth of the chains, at least two, with a quarter of the steps.
_PILOT_CHAINS, _PILOT_SHARE_OF_CHAINS, _PILOT_SHARE_OF_STEPS = 2, 1 / 8, 1 / 4
# Examples with fewer numbers than this get proportionally more chains. These cost less, and a narrow observation
# model of few numbers has many posterior modes, between which a single chain cannot move.
_NUMBERS_PER_CHAIN = 64
# The fewest exploring chains per example, from whose differences temperatures are chosen.
_EXPLORING_CHAINS = 4
# Simulated examples per real one: the gap varies far less between examples than the likelihood does.
_SIMULATED_SHARE = 0.25


@dataclass(frozen=True)
class AnnealingSettings:
    """How much work annealing does."""

    examples: int
    """Test examples whose likelihood is estimated."""
    chains: int
    """Chains per example with 64 numbers or more. Smaller examples get proportionally more."""
    steps: int
    """Temperatures."""

    def chains_for(self, event_shape: tuple[int, ...]) -> int:
        """Chains per example of that shape."""
        return self.chains * max(1, _NUMBERS_PER_CHAIN // math.prod(event_shape))


@dataclass(frozen=True)
class BidirectionalGap:
    """The difference between the upper and the lower bound on data simulated from the model."""

    nats: float
    """Mean over examples, in nats."""
    stderr: float
    """Standard error of the mean."""
    n: int
    """Number of simulated examples."""


@dataclass(frozen=True)
class DecoderAnnealing:
    """A model with its observation model and an annealing schedule."""

    model: HasDecoder
    """The model."""
    event_shape: tuple[int, ...]
    """Shape of the data's examples."""
    observation: DecoderObservation
    """The observation model."""
    latents: LatentSpace
    """Coordinates of the latents."""
    scale: ScaleChoice
    """The scale of the observation model, chosen on the validation split."""
    schedule: AnnealingSchedule
    """Temperatures, with step sizes that all examples share."""
    settings: AnnealingSettings
    """How much work annealing does."""
    seed: int
    """Seed of all random numbers."""
    on_step: OnStep
    """Called before each step. An exception that it raises ends the estimate."""

    @classmethod
    def prepare(
        cls,
        model: HasDecoder,
        train: Split,
        valid: Split,
        settings: AnnealingSettings,
        *,
        seed: int,
        observation: DecoderObservation | None = None,
        on_step: OnStep = lambda: None,
    ) -> DecoderAnnealing:
        """Choose the scale and then the temperatures, on half as many validation examples as will be estimated.

        observation: the observation model; None takes the harness's for the data set. Raises LikelihoodUnavailable
        where the prior or the decoder do not allow annealing, and PluginError where `decode` breaks its contract.
        """
        with evaluating(model), torch.no_grad():
            latents = LatentSpace(model.prior)
            observation = observation or decoder_observation(train.spec, train.to(latents.device))
            x = valid.random_subset(max(2, settings.examples // 2), derive_seed(seed, "valid")).tensor()
            x = x.to(latents.device)
            chains = max(_EXPLORING_CHAINS, settings.chains_for(train.spec.event_shape))
            scale = choose_scale(
                model, observation, latents, train, x, _seeds(seed, "scale", len(x)), chains, on_step
            )
            target = _target(model, observation, latents, scale.scale, x)
            schedule = explore(target, _seeds(seed, "path", len(x)), chains, on_step=on_step)
        return cls(
            model, train.spec.event_shape, observation, latents, scale, schedule, settings, seed, on_step
        )

    @property
    def chains(self) -> int:
        """Chains per example."""
        return self.settings.chains_for(self.event_shape)

    def log_likelihood(self, x: Shaped[Tensor, "n *event"], axis: str) -> Float[Tensor, " n"]:
        """log p(x) of each example, float64 nats, whose expectation is a lower bound. axis: the name of the random
        stream.
        """
        seeds = _seeds(self.seed, axis, len(x))
        with evaluating(self.model), torch.no_grad():
            bounds = [
                anneal(target, schedule, chosen, self.chains, self.on_step).lower_bound
                for _, target, schedule, chosen in self._batches(x, seeds)
            ]
        return torch.cat(bounds)

    def gap(self) -> BidirectionalGap:
        """The bidirectional gap on simulated data."""
        seeds = _seeds(self.seed, "simulated", max(2, round(_SIMULATED_SHARE * self.settings.examples)))
        gaps = []
        with evaluating(self.model), torch.no_grad():
            z, x = self._simulated(seeds)
            for batch, target, schedule, chosen in self._batches(x, seeds):
                forward = anneal(target, schedule, chosen, self.chains, self.on_step)
                back_seeds = [derive_seed(seed, "back") for seed in chosen]
                back = anneal_back(target, schedule, back_seeds, self.settings.chains, z[batch], self.on_step)
                gaps.append(back.upper_bound - forward.lower_bound)
        each = torch.cat(gaps)
        return BidirectionalGap(float(each.mean()), float(each.std() / math.sqrt(len(each))), len(each))

    def _batches(
        self, x: Tensor, seeds: Sequence[int]
    ) -> Iterator[tuple[slice, Target, AnnealingSchedule, Sequence[int]]]:
        """Batches of examples: their indices, their target, the schedule with their own step sizes, and their seeds."""
        numbers = _BATCH_NUMBERS.get(self.latents.device.type, _BATCH_NUMBERS_ELSEWHERE)
        decoded = math.prod(self.observation.mean_shape(self.event_shape))
        size = max(1, numbers // (decoded * self.chains))
        pilot = self.schedule.resampled(max(2, round(_PILOT_SHARE_OF_STEPS * self.settings.steps)))
        pilot_chains = max(_PILOT_CHAINS, round(_PILOT_SHARE_OF_CHAINS * self.chains))
        for start in range(0, len(x), size):
            batch = slice(start, start + size)
            some = x[batch].to(self.latents.device)
            target = _target(self.model, self.observation, self.latents, self.scale.scale, some)
            pilot_seeds = [derive_seed(seed, "pilot") for seed in seeds[batch]]
            schedule, _ = tune(target, pilot, pilot_seeds, pilot_chains, self.on_step)
            yield batch, target, schedule.resampled(self.settings.steps), seeds[batch]

    def _simulated(self, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Latents from the prior and data drawn from them. Each latent is an exact draw from the posterior of its
        example.
        """
        log_scale = torch.tensor(math.log(self.scale.scale), device=self.latents.device)
        z = self.latents.draw([derive_seed(seed, "latent") for seed in seeds], 1)[:, 0]
        mean = decode(self.model, z, self.observation.mean_shape(self.event_shape))
        generators = (torch.Generator(mean.device).manual_seed(derive_seed(s, "data")) for s in seeds)
        draws = (self.observation.sample(m, log_scale, g) for m, g in zip(mean, generators, strict=True))
        return z, torch.stack(list(draws))


def _seeds(root: int, axis: str, count: int) -> list[int]:
    return [derive_seed(root, axis, str(index)) for index in range(count)]


def _target(
    model: HasDecoder, observation: DecoderObservation, latents: LatentSpace, scale: float, x: Tensor
) -> Target:
    scales = torch.full((len(x),), math.log(scale), device=latents.device, dtype=latents.dtype)
    return Target(latents, DecodedLikelihood(model, observation, x, scales))
