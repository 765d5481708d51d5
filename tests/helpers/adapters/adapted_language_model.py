"""Causal language models of transformers through their adapter, with random weights."""

from __future__ import annotations

from typing import ClassVar

from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from genbench import DataSpec
from genbench.adapters import CausalLanguageModel


class SmallGpt(CausalLanguageModel):
    """A small GPT-2."""

    family = "autoregressive"
    modalities: ClassVar[tuple[str, ...]] = ("tokens",)

    def build(self, spec: DataSpec) -> nn.Module:
        return GPT2LMHeadModel(
            GPT2Config(
                vocab_size=(spec.levels or 0) + 1,
                n_positions=spec.event_shape[0],
                n_layer=1,
                n_head=2,
                n_embd=16,
            )
        )


class SmallLlama(CausalLanguageModel):
    """A small Llama, whose configuration says that symbol 2 ends a text."""

    family = "autoregressive"
    modalities: ClassVar[tuple[str, ...]] = ("tokens",)

    def build(self, spec: DataSpec) -> nn.Module:
        return LlamaForCausalLM(
            LlamaConfig(
                vocab_size=(spec.levels or 0) + 1,
                max_position_embeddings=spec.event_shape[0],
                hidden_size=16,
                intermediate_size=32,
                num_hidden_layers=1,
                num_attention_heads=2,
            )
        )
