"""Recurrent VAE: one latent for a whole sequence, which an LSTM reads, and from which another writes it step by step.

Bowman et al. 2016, "Generating Sentences from a Continuous Space", https://arxiv.org/abs/1511.06349, for text; Fabius &
van Amersfoort 2015, "Variational Recurrent Auto-Encoders", https://arxiv.org/abs/1412.6581, for series and music.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api import check_lengths, step_mask, zero_padding
from genbench_models.autoregressive.conditionals import conditional_for
from genbench_models.layers.networks import adam, evaluation_mode, set_learning_rate
from genbench_models.layers.ranges import at_least, positive, shares
from genbench_models.layers.standardise import Standardise

# Latents decoded at once when likelihoods are estimated: more leave the cache, and take half as long again.
_DECODED_AT_ONCE = 512
_FIRST_GUESS_EXAMPLES = 512


class RecurrentVAE(GenerativeModel):
    """z ~ N(0, I), p(x | z) = prod_t p(x_t | x_1..x_{t-1}, z); q(z | x) a diagonal Gaussian.

    A step is a symbol, or all channels or keys of a moment, which are independent of each other given z and the steps
    before. A decoder that sees the steps before it needs no latent, and training would switch it off. Two things of the
    paper's (section 3.1) work against that: the weight of the KL term rises from 0 to 1 over the first `warm_up` of the
    budget, and `word_dropout` of the steps that the decoder reads are hidden from it. None means a quarter for symbols
    and none for the rest, whose steps say much about the next one. The latent is an input of every step and of the
    output.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        latent_dim: int = 16,
        hidden: int = 64,
        word_dropout: float | None = None,
        components: int = 1,
        batch_size: int = 32,
        learning_rate: float = 5e-3,
        warm_up: float = 0.3,
    ) -> None:
        super().__init__(spec)
        at_least(1, latent_dim=latent_dim, hidden=hidden, components=components, batch_size=batch_size)
        positive(learning_rate=learning_rate)
        if word_dropout is None:
            word_dropout = 0.25 if spec.modality == "tokens" else 0.0
        shares(word_dropout=word_dropout)
        self.latent_dim = latent_dim
        self.word_dropout = word_dropout
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.warm_up = warm_up
        self.standardise = Standardise(spec)
        self.conditional = conditional_for(spec, components)
        self.channels = math.prod(spec.event_shape[1:])  # of a step; 1 for symbols
        self.reads = self._step_embedding(spec, hidden)
        self.encoder = nn.LSTM(hidden, hidden, batch_first=True)
        self.to_posterior = nn.Linear(hidden, 2 * latent_dim)
        self.begins = nn.Parameter(torch.zeros(hidden))
        self.remembers = self._step_embedding(spec, hidden)
        self.decoder = nn.LSTM(hidden + latent_dim, hidden, batch_first=True)
        self.output = nn.Linear(hidden + latent_dim, self.channels * self.conditional.per_element)

    def _step_embedding(self, spec: DataSpec, hidden: int) -> nn.Module:
        if spec.modality == "tokens" and spec.levels is not None:
            return nn.Embedding(spec.levels, hidden)
        return nn.Linear(self.channels, hidden)

    # ---- networks

    def _as_input(self, x: Shaped[Tensor, "batch time *step"]) -> Tensor:
        """What the embeddings take: symbols, or a step's standardised values."""
        return x if self.spec.modality == "tokens" else self.standardise(x).flatten(2)

    def posterior(
        self, x: Shaped[Tensor, "batch *event"], lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Mean and log standard deviation of q(z | x), from the mean of the encoder's states. lengths: of pieces that
        are padded."""
        states = self.encoder(self.reads(self._as_input(x)))[0]
        mean_state = (
            states.mean(1) if lengths is None else zero_padding(states, lengths).sum(1) / lengths.unsqueeze(1)
        )
        mean, log_scale = self.to_posterior(mean_state).chunk(2, dim=1)
        return mean, log_scale.clamp(-8, 3)

    def log_likelihood(
        self,
        x: Shaped[Tensor, "batch *event"],
        z: Float[Tensor, "batch latent"],
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, " batch"]:
        """log p(x | z), nats. lengths: of pieces that are padded."""
        before = self.remembers(self._as_input(x[:, :-1]))  # B, T - 1, hidden
        if self.training and self.word_dropout:
            hidden_from_it = torch.rand(before.shape[:2], device=before.device) < self.word_dropout
            before = before.masked_fill(hidden_from_it.unsqueeze(2), 0.0)
        inputs = torch.cat([self.begins.expand(len(x), 1, -1), before], 1)
        outputs = self._outputs(self.decoder(self._with(z, inputs))[0], z)
        given = x if self.spec.is_discrete else self.standardise(x)
        each = self.conditional.log_prob(given.flatten(1).view(*outputs.shape[:-1]), outputs)
        if not self.spec.is_discrete:
            each = each - self.standardise.scale.log().flatten()  # of each channel, the same at all steps
        total: Tensor = (each if lengths is None else zero_padding(each, lengths)).flatten(1).sum(1)
        return total

    def _with(
        self, z: Float[Tensor, "batch latent"], states: Float[Tensor, "batch time hidden"]
    ) -> Float[Tensor, "batch time both"]:
        return torch.cat([states, z.unsqueeze(1).expand(-1, states.shape[1], -1)], 2)

    def _outputs(
        self, states: Float[Tensor, "batch time hidden"], z: Float[Tensor, "batch latent"]
    ) -> Float[Tensor, "batch time channels per"]:
        outputs: Tensor = self.output(self._with(z, states)).unflatten(2, (self.channels, -1))
        return outputs

    # ---- training

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        self._start_from_marginals(train)
        optimiser = adam(self.parameters(), self.learning_rate)
        for batch in meter.batches(train, self.batch_size):
            set_learning_rate(optimiser, self.learning_rate, meter.fraction)
            mean, log_scale = self.posterior(batch.x, batch.lengths)
            z = mean + log_scale.exp() * torch.randn_like(mean)
            kl = 0.5 * (mean.square() + (2 * log_scale).exp() - 1 - 2 * log_scale).sum(1).mean()
            error = -self.log_likelihood(batch.x, z, batch.lengths).mean()
            loss = error + min(1.0, meter.fraction / self.warm_up if self.warm_up else 1.0) * kl
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), math.sqrt(self.spec.dimension))
            optimiser.step()
            meter.log(loss=loss, divergence=kl)

    @torch.no_grad()
    def _start_from_marginals(self, train: Split) -> None:
        """Set the bias of the output to the marginal distribution of each channel or key."""
        some = train.random_subset(_FIRST_GUESS_EXAMPLES, seed=0)
        x = some.tensor().to(self.device)
        steps = (x if self.spec.is_discrete else self.standardise(x)).reshape(*x.shape[:2], self.channels)
        if some.lengths is not None:
            steps = steps[step_mask(some.lengths.to(self.device), x.shape[1])]
        self.output.bias.copy_(self.conditional.first_guess(steps.reshape(-1, self.channels)).flatten())

    # ---- capabilities

    def encode(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, "batch latent"]:
        """The mean of q(z | x)."""
        with evaluation_mode(self):
            return self.posterior(x)[0]

    def log_weights(
        self, x: Shaped[Tensor, "batch *event"], k: int, lengths: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch {k}"]:
        """log p(x | z_i) + log p(z_i) - log q(z_i | x), z_i ~ q(z | x) from torch's global generator."""
        if lengths is not None:
            check_lengths(lengths, len(x), x.shape[1], self.spec.name)
        with evaluation_mode(self):
            mean, log_scale = (part.unsqueeze(1) for part in self.posterior(x, lengths))  # B, 1, latent
            noise = torch.randn(len(x), k, self.latent_dim, device=self.device)
            z = mean + log_scale.exp() * noise  # B, k, latent
            # log p(z) - log q(z | x): the constants are the same
            prior = (0.5 * (noise.square() - z.square()) + log_scale).sum(2)
            log_likelihood = []
            for few in torch.arange(len(x), device=x.device).split(max(1, _DECODED_AT_ONCE // k)):
                each = few.repeat_interleave(k)
                of_each = None if lengths is None else lengths[each]
                log_likelihood.append(self.log_likelihood(x[each], z[few].flatten(0, 1), of_each))
            weights: Tensor = torch.cat(log_likelihood).unflatten(0, (-1, k)) + prior
            return weights

    @torch.no_grad()
    def sample(
        self, count: int, generator: torch.Generator, *, lengths: Int[Tensor, " count"] | None = None
    ) -> Tensor:
        """(count, *event_shape): z from the prior, then one step of the decoder per step of the sequence; with
        `lengths`, (count, longest, *step_shape)."""
        steps = self.spec.event_shape[0]
        if lengths is not None:
            check_lengths(lengths, count, steps, self.spec.name)
            steps = int(lengths.max())
        z = torch.randn(count, self.latent_dim, generator=generator, device=self.device)
        state: tuple[Tensor, Tensor] | None = None
        inputs = self.begins.expand(count, 1, -1)
        drawn = []
        with evaluation_mode(self):
            for _ in range(steps):
                states, state = self.decoder(self._with(z, inputs), state)
                step = self.conditional.sample(self._outputs(states, z), generator)  # count, 1, channels
                if not self.spec.is_discrete:
                    step = self.standardise.inverse(step)
                step = step.view(count, 1, *self.spec.event_shape[1:])
                drawn.append(step)
                inputs = self.remembers(self._as_input(step))
        x = torch.cat(drawn, 1)
        return x if lengths is None else zero_padding(x, lengths)
