"""The codes of a VQ-VAE, modelled by a transformer that first reads the label: DALL-E's two stages, without its text.

Ramesh et al. 2021, "Zero-Shot Text-to-Image Generation", https://arxiv.org/abs/2102.12092

| part of DALL-E | here |
|---|---|
| two stages: codes of an image, then an autoregressive transformer | there, each for a share of the budget |
| the transformer reads a text of up to 256 tokens first | changed: one symbol, the label; no set here has captions |
| discrete VAE: codes relaxed (Gumbel-softmax), KL to uniform codes | changed: the nearest code of VQ-VAE |
| logit-Laplace observation model | changed: that of all VAEs here, so that likelihoods can be compared |
| sparse attention of 12 billion parameters | changed: the dense attention of `gpt` |
| reranking of samples by CLIP | left out: samples are those of the model |

Without text it is not DALL-E, and so is not called by that name any longer.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genbench import ComputeMeter, DataSpec, Split
from genbench_models.vae.vq_vae import VQVAE


class ConditionalVQVAE(VQVAE):
    """p(image, label) = p(label) p(codes | label) p(image | codes); without a label, the sum over all of them."""

    label_shares: Tensor

    def __init__(
        self,
        spec: DataSpec,
        *,
        codes: int = 64,
        code_dim: int = 16,
        width: int = 24,
        prior_width: int = 48,
        prior_layers: int = 2,
        first_stage: float = 0.5,
        batch_size: int = 32,
        learning_rate: float = 3e-3,
    ) -> None:
        super().__init__(
            spec,
            codes=codes,
            code_dim=code_dim,
            width=width,
            prior_width=prior_width,
            prior_layers=prior_layers,
            first_stage=first_stage,
            batch_size=batch_size,
            learning_rate=learning_rate,
        )
        shares = torch.full((self.captions,), 1 / self.captions)
        self.register_buffer("label_shares", shares)

    def count_captions(self, spec: DataSpec) -> int:
        if spec.classes is None:
            raise ValueError(f"conditional-vq-vae needs labels; {spec.name} has none")
        return spec.classes

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        assert train.y is not None  # the spec has classes
        counts = torch.bincount(train.y, minlength=self.captions)
        self.label_shares.copy_(counts / counts.sum())
        super().fit(train, meter)

    def language_log_prob(
        self, codes: Int[Tensor, "batch places"], y: Tensor | None
    ) -> Float[Tensor, " batch"]:
        if y is not None:
            return self.language.log_prob_given(codes, y)
        each = [
            self.language.log_prob_given(codes, torch.full((len(codes),), label, device=codes.device))
            for label in range(self.captions)
        ]
        return torch.logsumexp(torch.stack(each, 1) + self.label_shares.log(), 1)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator, *, condition: Tensor | None = None) -> Tensor:
        """(count, C, H, W). condition: (count,) int64 labels; without it, labels are drawn as often as they occur in
        the training set."""
        if condition is None:
            condition = torch.multinomial(self.label_shares, count, replacement=True, generator=generator)
        return self.images_of(self.language.sample_given(condition.to(self.device), generator), generator)
