"""A GAN for symbols by the Gumbel-softmax trick: the gradient passes the draw of each symbol, so that no reward is
needed.

Kusner & Hernández-Lobato 2016, "GANS for Sequences of Discrete Elements with the Gumbel-softmax Distribution",
https://arxiv.org/abs/1611.04051; the draw is that of Jang, Gu & Poole 2017, https://arxiv.org/abs/1611.01144, in its
straight-through form: forwards a whole symbol, backwards a softmax.

| part of the paper | here |
|---|---|
| LSTM generator, each symbol fed back (section 3) | the generator of `seqgan` |
| Gumbel-softmax draw of temperature tau (section 2) | `_written_softly` |
| LSTM discriminator | the convolutions of `seqgan`, a matrix product in place of the look-up of a symbol |
| training from noise | after maximum likelihood, as `seqgan`: from noise it learns nothing in seconds |
| temperature lowered while training | constant: the straight-through draw is a whole symbol at any temperature |
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from genbench import ComputeMeter, DataSpec, Split
from genbench_models.gan.gan import discriminator_loss, generator_loss
from genbench_models.gan.seqgan import SeqGAN
from genbench_models.layers.networks import adam, set_learning_rate
from genbench_models.layers.ranges import positive

_FIRST_VERDICTS = 0.25
"""The share of the adversarial part in which the discriminator alone is trained."""


class GumbelGAN(SeqGAN):
    """p(x) = prod_t p(x_t | x_1..x_{t-1}) by an LSTM; its likelihood is exact.

    temperature: of the softmax through which the gradient passes a draw; a low one follows the draw closely, and its
    gradients vary more. The rest is as in `seqgan`.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: int = 128,
        width: int = 32,
        temperature: float = 1.0,
        pretraining: float = 0.8,
        dropout: float = 0.2,
        batch_size: int = 32,
        learning_rate: float = 4e-3,
        adversarial_rate: float = 0.02,
    ) -> None:
        positive(temperature=temperature)
        super().__init__(
            spec,
            hidden=hidden,
            width=width,
            pretraining=pretraining,
            dropout=dropout,
            batch_size=batch_size,
            learning_rate=learning_rate,
            adversarial_rate=adversarial_rate,
        )
        self.temperature = temperature

    def _written_softly(self, count: int) -> Float[Tensor, "{count} time levels"]:
        """Whole symbols, one of `levels` being 1, through which gradients pass as through softmaxes."""
        inputs, state = self.embedding(self._begin(count)), None
        written = []
        for _ in range(self.spec.event_shape[0]):
            states, state = self.recurrent(inputs, state)
            symbol = F.gumbel_softmax(self.output(states), self.temperature, hard=True)  # count, 1, levels
            written.append(symbol)
            inputs = symbol @ self.embedding.weight[: self.levels]
        return torch.cat(written, 1)

    def _verdicts(self, symbols: Float[Tensor, "batch time levels"]) -> Float[Tensor, " batch"]:
        """The discriminator's logits of symbols that are given as one of `levels`."""
        judge = self.discriminator
        embedded = (symbols @ judge.embedding.weight).mT  # B, width, T
        answers = [F.relu(each(embedded)).amax(2) for each in judge.filters]
        logits: Tensor = judge.output(torch.cat(answers, 1))
        return logits.squeeze(1)

    def _one_of(self, x: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time levels"]:
        return F.one_hot(x, self.levels).to(self.output.weight.dtype)

    def _play(self, train: Split, meter: ComputeMeter) -> None:
        rate = self.learning_rate * self.adversarial_rate
        writes = adam(self._generator_parameters(), rate)
        judges = adam(self.discriminator.parameters(), self.learning_rate)
        for batch in meter.batches(train, self.batch_size):
            rest = (meter.fraction - self.pretraining) / (1 - self.pretraining)
            set_learning_rate(judges, self.learning_rate, min(1.0, max(0.0, rest)))
            set_learning_rate(writes, rate, min(1.0, max(0.0, rest)))
            learns = rest > _FIRST_VERDICTS
            with torch.set_grad_enabled(learns):
                written = self._written_softly(len(batch.x))
            both = torch.cat([self._one_of(batch.x), written.detach()])
            losses = {"discriminator": discriminator_loss(*self._verdicts(both).chunk(2))}
            self._step(judges, list(self.discriminator.parameters()), losses["discriminator"])
            if learns:
                losses["generator"] = generator_loss(self._verdicts(written))
                self._step(writes, self._generator_parameters(), losses["generator"])
            meter.log(**losses)
