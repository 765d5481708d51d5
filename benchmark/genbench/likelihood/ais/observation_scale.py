"""The scale of a decoder's observation model, chosen on validation examples.

One run of annealed importance sampling tries all scales: its chains start under the widest scale, where
p(x | z) hardly depends on z, and meet p(z) p(x | z, s) for ever smaller s, resampled on the way. The running
mean weights are a lower bound of log p(x) under each scale on the way, in expectation; the scale with the
highest mean is chosen. What chains lose by lagging behind they lose for all smaller scales alike, so the order
of neighbours hardly suffers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Shaped
from torch import Tensor

from genbench.api.data import Split
from genbench.api.model import HasDecoder
from genbench.errors import LikelihoodUnavailable
from genbench.likelihood.ais.annealing import LEAPFROG_STEPS, TARGET_ACCEPTANCE, OnStep, first_step_size
from genbench.likelihood.ais.chains import Chains
from genbench.likelihood.ais.decoder_observation import DecoderObservation
from genbench.likelihood.ais.decoder_target import DecodedLikelihood
from genbench.likelihood.ais.hmc import Target
from genbench.likelihood.ais.latent_space import LatentSpace
from genbench.util.seeding import derive_seed

# Neighbouring scales differ by this factor: being off by half of it costs D * 0.025^2 nats at most.
_FACTOR = 1.05
# It ends early where the mean has stayed below its best for this many scales, a factor of two and a half.
_PATIENCE = 20
_GAIN = 0.5


@dataclass(frozen=True)
class ScaleChoice:
    """scale: the chosen one. tried: all scales, descending, and log_likelihood: the mean estimate under each,
    in nats."""

    scale: float
    tried: tuple[float, ...]
    log_likelihood: tuple[float, ...]


def choose_scale(
    model: HasDecoder,
    observation: DecoderObservation,
    latents: LatentSpace,
    train: Split,
    x: Shaped[Tensor, "n *event"],
    seeds: Sequence[int],
    chains: int,
    on_step: OnStep,
) -> ScaleChoice:
    """x: validation examples. seeds: one each; chains: of each.

    Raises LikelihoodUnavailable where no scale gives a finite value.
    """
    least, most = observation.scale_range(train)
    steps = math.ceil(math.log(most / least) / math.log(_FACTOR))
    log_scales = torch.linspace(math.log(most), math.log(least), steps + 1, dtype=torch.float64).tolist()

    def target_at(log_scale: float) -> Target:
        scales = torch.full((len(x),), log_scale, device=latents.device, dtype=latents.dtype)
        return Target(latents, DecodedLikelihood(model, observation, x, scales))

    running = Chains(target_at(log_scales[0]), seeds, chains)
    running.weigh(1.0)
    generator = torch.Generator().manual_seed(derive_seed(seeds[0], "resampling"))
    log_size = math.log(first_step_size(running.target, seeds))
    tried: list[float] = []
    means: list[float] = []
    for log_scale in log_scales:
        on_step()
        running.meet(target_at(log_scale))
        tried.append(math.exp(log_scale))
        means.append(float(running.annealed().lower_bound.mean()))
        if len(means) - 1 - _best(means) >= _PATIENCE:
            break
        running.resample(generator)
        size = torch.tensor([math.exp(log_size)], dtype=torch.float64, device=latents.device)
        acceptance = float(running.move(size, 1.0, LEAPFROG_STEPS).mean())
        log_size += _GAIN * (acceptance - TARGET_ACCEPTANCE)
    best = _best(means)
    if not math.isfinite(means[best]):
        raise LikelihoodUnavailable("the decoder gives values that are not finite")
    return ScaleChoice(tried[best], tuple(tried), tuple(means))


def _best(means: Sequence[float]) -> int:
    """Where the greatest is; what is not finite is the least."""
    return max(range(len(means)), key=lambda i: means[i] if math.isfinite(means[i]) else -math.inf)
