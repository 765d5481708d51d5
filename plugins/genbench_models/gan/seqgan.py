"""SeqGAN: a GAN for symbols. Its generator writes symbol by symbol, and a discriminator's verdict is its reward.

Yu, Zhang, Wang & Yu 2017, "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient",
https://arxiv.org/abs/1609.05473; the discriminator's convolutions are those of Kim 2014,
https://arxiv.org/abs/1408.5882.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api import categorical_log_prob, categorical_sample
from genbench_models.gan.gan import discriminator_loss
from genbench_models.layers.networks import adam, evaluation_mode, set_learning_rate
from genbench_models.layers.ranges import at_least, positive, shares

_WIDTHS = (1, 2, 3, 4)
"""Symbols that the discriminator's filters span."""
_FIRST_VERDICTS = 0.25
"""The share of the adversarial part in which the discriminator alone is trained."""


class SymbolDiscriminator(nn.Module):
    """Filters over 1, 2, 3 and 4 symbols, the largest answer of each, and a logit: (N, T) -> (N,)."""

    def __init__(self, levels: int, steps: int, width: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(levels, width)
        self.filters = nn.ModuleList(nn.Conv1d(width, width, each) for each in _WIDTHS if each <= steps)
        self.output = nn.Sequential(nn.Dropout(dropout), nn.Linear(width * len(self.filters), 1))

    def forward(self, x: Int[Tensor, "batch time"]) -> Float[Tensor, " batch"]:
        embedded = self.embedding(x).transpose(1, 2)  # B, width, T
        answers = [F.relu(each(embedded)).amax(2) for each in self.filters]
        logits: Tensor = self.output(torch.cat(answers, 1))
        return logits.squeeze(1)


class SeqGAN(GenerativeModel):
    """p(x) = prod_t p(x_t | x_1..x_{t-1}) by an LSTM; its likelihood is exact.

    For `pretraining` of the budget the generator learns by maximum likelihood, without which it would not begin to earn
    rewards (section 3.3 of the paper). Then the discriminator learns alone for a while, and after that both learn in
    turn, the generator by REINFORCE: the gradient of log p(x) times the reward of x, which is D(x) less the mean of the
    batch, over its standard deviation. A whole sequence has one reward; the paper estimates one for each symbol by
    completing the sequence many times, which takes the square of the time. adversarial_rate: the share of the learning
    rate in this part.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: int = 128,
        width: int = 32,
        pretraining: float = 0.8,
        dropout: float = 0.2,
        batch_size: int = 32,
        learning_rate: float = 4e-3,
        adversarial_rate: float = 0.05,
    ) -> None:
        super().__init__(spec)
        at_least(1, hidden=hidden, width=width, batch_size=batch_size)
        positive(learning_rate=learning_rate, adversarial_rate=adversarial_rate)
        shares(dropout=dropout)
        if not 0 < pretraining < 1:
            raise ValueError(f"pretraining={pretraining}: expected a share between 0 and 1")
        assert spec.levels is not None
        self.levels = spec.levels
        self.pretraining = pretraining
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.adversarial_rate = adversarial_rate
        self.embedding = nn.Embedding(self.levels + 1, hidden)  # the last one stands before the first symbol
        self.recurrent = nn.LSTM(hidden, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, self.levels)
        self.discriminator = SymbolDiscriminator(self.levels, spec.event_shape[0], width, dropout)

    def _begin(self, count: int) -> Int[Tensor, "{count} 1"]:
        return torch.full((count, 1), self.levels, dtype=torch.int64, device=self.device)

    def log_prob(self, x: Int[Tensor, "batch time"]) -> Float[Tensor, " batch"]:
        """(N, T) -> (N,) nats, exact."""
        before = torch.cat([self._begin(len(x)), x[:, :-1]], 1)
        states = self.recurrent(self.embedding(before))[0]
        return categorical_log_prob(x, self.output(self.dropout(states))).sum(1)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Int[Tensor, "{count} time"]:
        """(count, T), one step of the network per symbol."""
        with evaluation_mode(self):
            return self._written(count, generator)

    def _written(self, count: int, generator: torch.Generator) -> Int[Tensor, "{count} time"]:
        symbol, state = self._begin(count), None
        written = []
        for _ in range(self.spec.event_shape[0]):
            states, state = self.recurrent(self.embedding(symbol), state)
            symbol = categorical_sample(self.output(states), generator)  # count, 1
            written.append(symbol)
        return torch.cat(written, 1)

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self._start_from_frequencies(train)
        self._pretrain(train, meter)
        self._play(train, meter)

    @torch.no_grad()
    def _start_from_frequencies(self, train: Split) -> None:
        counts = torch.bincount(train.x.flatten().long(), minlength=self.levels) + 1.0
        self.output.bias.copy_((counts / counts.sum()).log())

    def _generator_parameters(self) -> list[nn.Parameter]:
        parts = (self.embedding, self.recurrent, self.output)
        return [parameter for part in parts for parameter in part.parameters()]

    def _pretrain(self, train: Split, meter: ComputeMeter) -> None:
        optimiser = adam(self._generator_parameters(), self.learning_rate)
        for batch in meter.batches(train, self.batch_size, until=self.pretraining):
            set_learning_rate(optimiser, self.learning_rate, meter.fraction / self.pretraining)
            loss = -self.log_prob(batch.x).mean()
            self._step(optimiser, self._generator_parameters(), loss)
            meter.log(likelihood=loss)

    def _play(self, train: Split, meter: ComputeMeter) -> None:
        rate = self.learning_rate * self.adversarial_rate
        writes = adam(self._generator_parameters(), rate)
        judges = adam(self.discriminator.parameters(), self.learning_rate)
        generator = torch.Generator(self.device).manual_seed(int(torch.randint(2**62, ())))
        for batch in meter.batches(train, self.batch_size):
            rest = (meter.fraction - self.pretraining) / (1 - self.pretraining)
            set_learning_rate(judges, self.learning_rate, min(1.0, max(0.0, rest)))
            set_learning_rate(writes, rate, min(1.0, max(0.0, rest)))
            with torch.no_grad():
                written = self._written(len(batch.x), generator)
            verdicts = self.discriminator(torch.cat([batch.x, written])).chunk(2)
            loss = discriminator_loss(*verdicts)
            self._step(judges, list(self.discriminator.parameters()), loss)
            losses = {"discriminator": loss}
            if rest > _FIRST_VERDICTS:
                reward = verdicts[1].detach().sigmoid()
                advantage = (reward - reward.mean()) / reward.std(correction=0).clamp(min=1e-3)
                losses["generator"] = -(advantage * self.log_prob(written)).mean() / self.spec.dimension
                self._step(writes, self._generator_parameters(), losses["generator"])
            meter.log(**losses)

    def _step(self, optimiser: torch.optim.Optimizer, parameters: list[nn.Parameter], loss: Tensor) -> None:
        optimiser.zero_grad()
        loss.backward(inputs=parameters)
        nn.utils.clip_grad_norm_(parameters, math.sqrt(self.spec.dimension))
        optimiser.step()
