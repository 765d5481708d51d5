"""Adapters against what the libraries do themselves: their samplers and their losses, from the same random numbers."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.adapters import CausalLanguageModel, DiffusersModel, PythaeModel
from genbench.api.budget import Budget

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::Warning")]  # of the libraries

IMAGES = DataSpec(name="stripes", modality="image", event_shape=(1, 8, 8), levels=5)
TOKENS = DataSpec(name="cycles", modality="tokens", event_shape=(12,), levels=4)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def stripes() -> Split:
    """Images whose columns are dark and bright in turn."""
    x = (torch.arange(8) % 2 * 4).expand(256, 1, 8, 8).to(torch.uint8)
    return Split(IMAGES, x)


def fitted(model: GenerativeModel, train: Split, steps: int) -> Any:
    model.fit(train, ComputeMeter(Budget(steps=steps), valid=train))
    return model.eval()


def test_a_language_model_learns_a_cycle_exactly() -> None:
    pytest.importorskip("transformers", exc_type=ImportError)
    from adapted_language_model import SmallLlama

    start = torch.arange(256) % 4
    x = (start.unsqueeze(1) + torch.arange(12)) % 4
    model = fitted(SmallLlama(TOKENS, learning_rate=0.02), Split(TOKENS, x.to(torch.uint8)), 300)
    # all that is unknown is the first symbol
    assert -model.log_prob(x[:4]).mean().item() == pytest.approx(math.log(4), abs=0.1)
    drawn = model.sample(64, generator())
    assert ((drawn[:, 1:] - drawn[:, :-1]) % 4 == 1).float().mean() > 0.97
    assert torch.equal(drawn, model.sample(64, generator()))
    prompt = torch.tensor([[2, 3, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]])
    continued = model.continue_from(prompt, torch.tensor([2, 1]), generator())
    assert continued.tolist() == [[2, 3, 0, 1, 2, 3], [1, 2, 3, 0, 1, 2]]


def test_a_vocabulary_without_room_for_the_first_symbol_is_refused() -> None:
    transformers = pytest.importorskip("transformers", exc_type=ImportError)

    class Cramped(CausalLanguageModel):
        def build(self, spec: DataSpec) -> nn.Module:
            config = transformers.GPT2Config(vocab_size=spec.levels, n_layer=1, n_head=2, n_embd=16)
            return transformers.GPT2LMHeadModel(config)

    with pytest.raises(
        ValueError, match=r"a vocabulary of 4: build it with vocab_size=spec.levels \+ 1, here 5"
    ):
        Cramped(TOKENS)


def test_denoising_is_that_of_the_librarys_pipeline() -> None:
    diffusers = pytest.importorskip("diffusers", exc_type=ImportError)
    from adapted_diffusers import SmallUnet

    model = fitted(SmallUnet(IMAGES), stripes(), 20)
    pipeline = diffusers.DDPMPipeline(model.module.network, model.module.scheduler)
    pipeline.set_progress_bar_config(disable=True)
    theirs = pipeline(batch_size=3, generator=generator(), num_inference_steps=4, output_type="np").images
    unit = torch.from_numpy(theirs).permute(0, 3, 1, 2)  # in [0, 1]
    expected = (unit * 5).floor().clamp(0, 4).long()
    assert torch.equal(model.sample(3, generator(), steps=4), expected)


def test_denoising_learns() -> None:
    pytest.importorskip("diffusers", exc_type=ImportError)
    from adapted_diffusers import SmallUnet

    model = fitted(SmallUnet(IMAGES, inference_steps=50), stripes(), 400)
    error = (model.sample(16, generator()) - stripes().x[:16]).abs().float().mean()
    assert error < 1.0, "random images are 2 levels away"


def test_a_scheduler_of_another_kind_is_refused() -> None:
    diffusers = pytest.importorskip("diffusers", exc_type=ImportError)

    class Flowing(DiffusersModel):
        def build_parts(self, spec: DataSpec) -> tuple[nn.Module, Any]:
            return nn.Identity(), diffusers.FlowMatchEulerDiscreteScheduler()

    with pytest.raises(TypeError, match="FlowMatchEulerDiscreteScheduler has no `add_noise`"):
        Flowing(IMAGES)


def test_samples_of_an_autoencoder_are_those_of_the_librarys_sampler() -> None:
    pytest.importorskip("pythae", exc_type=ImportError)
    from adapted_pythae import SmallVae
    from pythae.samplers import NormalSampler

    model = fitted(SmallVae(IMAGES), stripes(), 200)
    torch.manual_seed(3)
    theirs = NormalSampler(model.module.autoencoder).sample(num_samples=8, batch_size=8, return_gen=True)
    ours = model.sample(8, generator())
    assert torch.equal(ours, (theirs * 5).floor().clamp(0, 4).long())
    assert (ours - stripes().x[:8]).abs().float().mean() < 0.5
    assert model.decode(model.prior.sample((8,))).shape == (8, 1, 8, 8)


def test_an_autoencoder_with_several_optimisers_is_refused() -> None:
    models = pytest.importorskip("pythae.models", exc_type=ImportError)

    class Adversarial(PythaeModel):
        def build_autoencoder(self, spec: DataSpec) -> nn.Module:
            config = models.Adversarial_AE_Config(input_dim=spec.event_shape, latent_dim=4)
            return models.Adversarial_AE(config)

    with pytest.raises(ValueError, match="Adversarial_AE has losses of several optimisers"):
        fitted(Adversarial(IMAGES), stripes(), 1)


def test_an_autoencoder_with_another_prior_is_refused() -> None:
    models = pytest.importorskip("pythae.models", exc_type=ImportError)

    class Quantised(PythaeModel):
        def build_autoencoder(self, spec: DataSpec) -> nn.Module:
            return models.VQVAE(models.VQVAEConfig(input_dim=spec.event_shape, latent_dim=4))

    with pytest.raises(ValueError, match="VQVAE has another prior"):
        Quantised(IMAGES)
