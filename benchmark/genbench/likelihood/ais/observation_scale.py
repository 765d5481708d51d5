"""The scale of a decoder's observation model, chosen on validation examples.

One run of annealed importance sampling tries all scales. Its chains start under the widest scale, where p(x | z) hardly
depends on z, and move under p(z) p(x | z, s) for smaller and smaller scales s, with resampling in between. At each
scale the expectation of the log of the mean weight is a lower bound on log p(x), and the scale with the highest mean
is chosen. Chains that have not converged lose nearly equally at neighbouring scales, so that these are ordered
correctly.
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

# The factor between neighbouring scales. An error of half of it costs at most D * 0.025^2 nats.
_FACTOR = 1.05
# The search ends when the mean has been below its best value for this many scales, a factor of two and a half.
_PATIENCE = 20
_GAIN = 0.5


@dataclass(frozen=True)
class ScaleChoice:
    """The chosen scale of an observation model, and the search that found it."""

    scale: float
    """The chosen scale."""
    tried: tuple[float, ...]
    """All scales that were tried, in descending order."""
    log_likelihood: tuple[float, ...]
    """The mean estimate of log p(x) under each of them, in nats."""


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
    """The scale under which validation examples x are likeliest.

    seeds: one per example. chains: per example. on_step: called before each step. Raises LikelihoodUnavailable where no
    scale has a finite value.
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
    """The index of the greatest value. Values that are not finite count as the smallest."""
    return max(range(len(means)), key=lambda i: means[i] if math.isfinite(means[i]) else -math.inf)
