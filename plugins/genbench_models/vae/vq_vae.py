"""VQ-VAE: an image becomes a small grid of codes from a learned codebook; a transformer models the codes.

van den Oord, Vinyals & Kavukcuoglu 2017, "Neural Discrete Representation Learning", https://arxiv.org/abs/1711.00937
(the prior there is a PixelCNN; here a GPT). Moving averages: their appendix A.1.

| part of the paper | here |
|---|---|
| nearest code, straight-through gradient, commitment of 0.25 (eq. 3) | there |
| codebook by moving averages (appendix A.1) | there; rarely used codes are moved onto data |
| residual blocks | left out |
| PixelCNN as the prior of the codes | changed: the transformer `gpt` |
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench_models.autoregressive.sequences.gpt import GPT
from genbench_models.layers.networks import adam, evaluation_mode, set_learning_rate
from genbench_models.layers.ranges import at_least, positive
from genbench_models.layers.standardise import Standardise
from genbench_models.vae.observations import observation_for

_COMMITMENT = 0.25  # beta of eq. 3
_DECAY = 0.97
_MIN_USES_PER_BATCH = 0.05  # a code that is used by fewer examples per batch is moved to where data are


class Codebook(nn.Module):
    """The nearest of `size` vectors, which follow the data by moving averages. Rarely used ones are moved onto
    examples of the batch (Dhariwal et al. 2020)."""

    vectors: Tensor
    uses: Tensor
    sums: Tensor

    def __init__(self, size: int, dimension: int) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.randn(size, dimension))
        self.register_buffer("uses", torch.zeros(size))
        self.register_buffer("sums", torch.zeros(size, dimension))

    def nearest(self, h: Float[Tensor, "rows dim"]) -> Int[Tensor, " rows"]:
        # up to |h|², which is the same for all codes
        distances = self.vectors.square().sum(1) - 2 * h @ self.vectors.T
        return distances.argmin(1)

    @torch.no_grad()
    def follow(self, h: Float[Tensor, "rows dim"], codes: Int[Tensor, " rows"]) -> None:
        """One step of the moving averages."""
        chosen = F.one_hot(codes, len(self.vectors)).to(h.dtype)  # rows, size
        self.uses.lerp_(chosen.sum(0), 1 - _DECAY)
        self.sums.lerp_(chosen.T @ h, 1 - _DECAY)
        rare = self.uses < _MIN_USES_PER_BATCH
        fresh = h[torch.randint(len(h), (len(self.vectors),), device=h.device)]
        self.uses.copy_(torch.where(rare, 1.0, self.uses))
        self.sums.copy_(torch.where(rare.unsqueeze(1), fresh, self.sums))
        self.vectors.copy_(self.sums / self.uses.unsqueeze(1))


class VQVAE(GenerativeModel):
    """Two stages: the autoencoder for `first_stage` of the budget, then the prior on its codes.

    The bound: log p(x) >= log p(x | codes of x) + log p(codes of x), which is one term of the sum over codes.
    """

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
        super().__init__(spec)
        if not 0 < first_stage < 1:
            raise ValueError(f"first_stage={first_stage}: expected a share between 0 and 1")
        at_least(2, codes=codes)
        at_least(1, code_dim=code_dim, width=width, batch_size=batch_size)
        at_least(1, prior_width=prior_width, prior_layers=prior_layers)
        positive(learning_rate=learning_rate)
        self.first_stage = first_stage
        self.captions = self.count_captions(spec)
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.standardise = Standardise(spec)
        self.observation = observation_for(spec, self.standardise)
        channels, self.height, self.columns = spec.event_shape
        self.padding = (0, -self.columns % 4, 0, -self.height % 4)
        self.grid = (-(-self.height // 4), -(-self.columns // 4))
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, width, 4, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(2 * width, code_dim, 1),
        )
        self.codebook = Codebook(codes, code_dim)
        per = self.observation.per_element
        self.decoder = nn.Sequential(
            nn.Conv2d(code_dim, 2 * width, 3, padding=1),
            nn.SiLU(),
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1),
            nn.SiLU(),
            nn.ConvTranspose2d(width, per * channels, 4, stride=2, padding=1),
            nn.Unflatten(1, (per, channels)),
        )
        self.language = self.build_language(codes, prior_width, prior_layers)

    def count_captions(self, spec: DataSpec) -> int:
        """The number of captions that the model of the codes is conditioned on; 1 means no condition."""
        return 1

    def build_language(self, codes: int, width: int, layers: int) -> GPT:
        """The model of the codes, row by row."""
        tokens = DataSpec(
            name=f"codes of {self.spec.name}",
            modality="tokens",
            event_shape=(self.grid[0] * self.grid[1],),
            levels=codes,
        )
        language = GPT(tokens, width=width, layers=layers)
        if self.captions > 1:
            language.read_captions(self.captions)
        return language

    # ---- images and codes

    def features(self, x: Shaped[Tensor, "batch c h w"]) -> Float[Tensor, "rows dim"]:
        """A vector for each place of the grid, image after image."""
        h = self.encoder(F.pad(self.standardise(x), self.padding))  # B, dim, gh, gw
        rows: Tensor = h.permute(0, 2, 3, 1).flatten(0, 2)
        return rows

    def to_codes(self, x: Shaped[Tensor, "batch c h w"]) -> Int[Tensor, "batch places"]:
        """The code of each place of the grid."""
        codes: Tensor = self.codebook.nearest(self.features(x)).unflatten(0, (len(x), -1))
        return codes

    def outputs(self, vectors: Float[Tensor, "rows dim"]) -> Float[Tensor, "batch per c h w"]:
        """The parameters of the observation model, from the vectors of the codes."""
        grid = vectors.unflatten(0, (-1, *self.grid)).permute(0, 3, 1, 2)
        outputs: Tensor = self.decoder(grid)[..., : self.height, : self.columns]
        return outputs

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        first = adam([*self.encoder.parameters(), *self.decoder.parameters()], self.learning_rate)
        for batch in meter.batches(train, self.batch_size, until=self.first_stage):
            set_learning_rate(first, self.learning_rate, meter.fraction / self.first_stage)
            h = self.features(batch.x)
            codes = self.codebook.nearest(h)
            nearest = self.codebook.vectors[codes]
            commitment = (h - nearest).square().sum(1).mean()
            straight = h + (nearest - h).detach()  # gradients pass through the choice of a code
            error = -self.observation.log_prob(batch.x, self.outputs(straight)).mean()
            loss = error + _COMMITMENT * commitment
            first.zero_grad()
            loss.backward()
            first.step()
            self.codebook.follow(h.detach(), codes)
            meter.log(reconstruction=error, commitment=commitment)
        second = adam(self.language.parameters(), self.learning_rate)
        for batch in meter.batches(train, self.batch_size):
            rest = (meter.fraction - self.first_stage) / (1 - self.first_stage)
            set_learning_rate(second, self.learning_rate, min(1.0, max(0.0, rest)))
            with torch.no_grad(), evaluation_mode(self.encoder):
                codes = self.to_codes(batch.x)
            loss = -self.language_log_prob(codes, batch.y).mean()
            second.zero_grad()
            loss.backward()
            second.step()
            meter.log(prior=loss)

    def language_log_prob(
        self, codes: Int[Tensor, "batch places"], y: Tensor | None
    ) -> Float[Tensor, " batch"]:
        """log p(codes), nats. y: labels, for models that are conditioned on them."""
        return self.language.log_prob(codes)

    # ---- capabilities

    def elbo(self, x: Shaped[Tensor, "batch c h w"]) -> Float[Tensor, " batch"]:
        """(N, C, H, W) -> (N,) nats: the lower bound that the class describes."""
        with evaluation_mode(self):
            codes = self.to_codes(x)
            outputs = self.outputs(self.codebook.vectors[codes.flatten()])
            return self.observation.log_prob(x, outputs) + self.language_log_prob(codes, None)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, C, H, W): codes from the prior, then an image of them."""
        return self.images_of(self.language.sample(count, generator), generator)

    def images_of(self, codes: Int[Tensor, "batch places"], generator: torch.Generator) -> Tensor:
        with evaluation_mode(self):
            outputs = self.outputs(self.codebook.vectors[codes.flatten()])
            return self.observation.sample(outputs, generator)
