"""The likelihood of anything that decodes a latent, GANs and VAEs alike. MAIN PATH: `DecoderAnnealing`.

    prepare          the scale of the observation model and the temperatures, on validation examples
    log_likelihood   step sizes by pilot chains, then forward chains from the prior to the posterior
    gap              the same on data simulated from the model, and backward from the latents they came from:
                     how far the estimate can be off

Wu et al. 2017, "On the quantitative analysis of decoder-based generative models". No example's estimate
depends on the batch it is in; neither the model's parameters and modes nor torch's generators change.
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

# Numbers of decoded examples in one batch: on a CPU about what its cache holds, on a GPU what keeps it busy.
_BATCH_NUMBERS = {"cpu": 50_000}
_BATCH_NUMBERS_ELSEWHERE = 20_000_000
# Pilot chains of an example: at least two, or an eighth of those that count; of a quarter of the steps.
_PILOT_CHAINS, _PILOT_SHARE_OF_CHAINS, _PILOT_SHARE_OF_STEPS = 2, 1 / 8, 1 / 4
# An example of fewer numbers than this gets more chains in proportion: they cost less, and a narrow observation of
# few numbers has many posterior modes that a single chain cannot go between.
_NUMBERS_PER_CHAIN = 64
# Chains of an example that explore, at least: their differences say where temperatures must lie.
_EXPLORING_CHAINS = 4
# Fewer simulated examples than real ones: their gap varies far less than a likelihood does.
_SIMULATED_SHARE = 0.25


@dataclass(frozen=True)
class AnnealingSettings:
    """How hard to try. examples: that are estimated. chains: of each example of 64 numbers or more; smaller ones
    get more, in proportion. steps: temperatures."""

    examples: int
    chains: int
    steps: int

    def chains_for(self, event_shape: tuple[int, ...]) -> int:
        return self.chains * max(1, _NUMBERS_PER_CHAIN // math.prod(event_shape))


@dataclass(frozen=True)
class BidirectionalGap:
    """By how much the upper bound is above the lower one on data simulated from the model, in nats: mean and
    standard error over n examples."""

    nats: float
    stderr: float
    n: int


@dataclass(frozen=True)
class DecoderAnnealing:
    """A model under its observation model, ready to be annealed.

    event_shape: of the data. scale: what was chosen on the validation split, and from what. path: temperatures
    and shared step sizes. on_step: called before each step; what it raises ends the estimate.
    """

    model: HasDecoder
    event_shape: tuple[int, ...]
    observation: DecoderObservation
    latents: LatentSpace
    scale: ScaleChoice
    schedule: AnnealingSchedule
    settings: AnnealingSettings
    seed: int
    on_step: OnStep

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
        """Choose the scale, then the temperatures, on half as many validation examples as will be estimated.

        observation: None takes what the harness puts on every decoder of the data.
        Raises LikelihoodUnavailable where the prior or the decoder do not allow it, PluginError where `decode`
        breaks its contract.
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
        """Of each example."""
        return self.settings.chains_for(self.event_shape)

    def log_likelihood(self, x: Shaped[Tensor, "n *event"], axis: str) -> Float[Tensor, " n"]:
        """log p(x) of each example, float64 nats: a lower bound in expectation. axis: names the stream of
        chance."""
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
        """Some of the examples, their target, their path with step sizes of their own, and their seeds."""
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
        """Latents from the prior, and data that come from them: each latent is an exact draw of its datum's
        posterior."""
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
