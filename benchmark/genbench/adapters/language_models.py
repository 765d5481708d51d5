"""Causal language models of Hugging Face's transformers, on the symbols of a data set."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genbench.adapters.modules import drawing_from
from genbench.api import ComputeMeter, DataSpec, GenerativeModel, Split, check_prompt

_MAX_GRADIENT_NORM = 1.0


class CausalLanguageModel(GenerativeModel):
    """A model around a causal language model of transformers: GPT-2, Llama, Mamba and so on.

    `build(spec)` makes it from a configuration whose vocabulary has one symbol more than the data, `spec.levels + 1`:
    the last one, `spec.levels`, stands before the first symbol of each example and occurs nowhere else. There is no
    tokeniser, since the symbols are those of the data set; so the likelihood is exact, and its unit is that of every
    other model on the data. Samples come from the library's `generate`, at temperature 1 and without truncation.
    """

    def __init__(self, spec: DataSpec, *, learning_rate: float = 1e-3, batch_size: int = 64) -> None:
        super().__init__(spec)
        self.learning_rate, self.batch_size = learning_rate, batch_size
        self.network = self.build(spec)
        self.start = int(spec.levels or 0)
        """The symbol that stands before the first one."""
        found = getattr(getattr(self.network, "config", None), "vocab_size", None)
        if found != self.start + 1:
            raise ValueError(
                f"{type(self.network).__name__} has a vocabulary of {found}: build it with"
                f" vocab_size=spec.levels + 1, here {self.start + 1}; the last symbol stands before the first one"
            )

    @abstractmethod
    def build(self, spec: DataSpec) -> nn.Module:
        """A model with `forward(input_ids).logits` and `generate`, for `spec.event_shape[0]` symbols."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        optimiser = torch.optim.AdamW(self.network.parameters(), lr=self.learning_rate)
        self.network.train()
        for batch in meter.batches(train, self.batch_size):
            loss = F.nll_loss(self._log_probabilities(batch.x).flatten(0, 1), batch.x.flatten())
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), _MAX_GRADIENT_NORM)
            optimiser.step()
            meter.log(loss=loss)

    def log_prob(self, x: Tensor) -> Tensor:
        """(N, length) -> (N,) nats, exact."""
        each = self._log_probabilities(x).gather(-1, x.unsqueeze(-1)).squeeze(-1)
        return each.double().sum(1)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, length)."""
        prompt = torch.zeros(count, 0, dtype=torch.long, device=self.device)
        return self._continued(prompt, self.spec.event_shape[0], generator)

    def continue_from(self, x: Tensor, lengths: Tensor, generator: torch.Generator) -> Tensor:
        """Capability `continue`: x, (N, length), with all symbols after the first `lengths[i]` of each row drawn."""
        check_prompt(x, lengths, self.spec)
        out = x.clone()
        for (
            length
        ) in lengths.unique().tolist():  # the library pads prompts at their beginning, which shifts positions
            rows = lengths == length
            out[rows] = self._continued(x[rows, :length], x.shape[1], generator)
        return out

    def _log_probabilities(self, x: Tensor) -> Tensor:
        """(N, length) -> (N, length, levels): of each symbol given those before it."""
        start = x.new_full((len(x), 1), self.start)
        found = self.network(input_ids=torch.cat([start, x[:, :-1]], 1), use_cache=False)
        return F.log_softmax(found.logits[..., : self.start].float(), -1)

    def _continued(self, prompt: Tensor, length: int, generator: torch.Generator) -> Tensor:
        """(N, n) -> (N, length)."""
        missing = length - prompt.shape[1]
        if not missing or not len(prompt):
            return prompt
        from transformers import GenerationConfig

        network = cast(Any, self.network)
        # all that a configuration may bring with it is set: a symbol that ends a text would end an example
        network.generation_config = GenerationConfig(
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            min_new_tokens=missing,
            max_new_tokens=missing,
            suppress_tokens=[self.start],
            bos_token_id=self.start,
            pad_token_id=self.start,
            eos_token_id=None,
        )
        start = prompt.new_full((len(prompt), 1), self.start)
        inputs = torch.cat([start, prompt], 1)
        with drawing_from(generator):
            drawn = network.generate(input_ids=inputs, attention_mask=torch.ones_like(inputs))
        return cast(Tensor, drawn[:, 1:])
