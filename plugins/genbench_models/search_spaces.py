"""The search spaces of the built-in models: what `genai-bench tune` varies, by the name of the model.

Models that share a hyperparameter share its range, so that no family is searched more widely than another. Ranges
reach about a factor of ten around the defaults for rates and of four for sizes; a size is drawn on a logarithmic
scale, because a doubling matters alike everywhere. Models that are left out, as the baselines are, have nothing that is
worth a search, or are tuned over their learning rate alone.
"""

from __future__ import annotations

from genbench.api import Choices, FloatRange, IntRange, Range

_RATE: dict[str, Range] = {"learning_rate": FloatRange(2e-4, 2e-2, log=True)}
_BATCH: dict[str, Range] = {"batch_size": Choices((16, 32, 64, 128, 256))}
_HIDDEN: dict[str, Range] = {"hidden": IntRange(32, 512, log=True)}
_LAYERS: dict[str, Range] = {"layers": IntRange(1, 4)}
_WIDTH: dict[str, Range] = {"width": IntRange(8, 64, log=True)}
_LATENT: dict[str, Range] = {"latent_dim": IntRange(2, 64, log=True)}
_DROPOUT: dict[str, Range] = {"dropout": FloatRange(0.0, 0.5)}
_MOMENTUM: dict[str, Range] = {"beta1": Choices((0.0, 0.5, 0.9))}
_AVERAGE: dict[str, Range] = {"ema": Choices((0.0, 0.9, 0.99, 0.999))}

_TRAINING = _RATE | _BATCH
_MLP = _TRAINING | _HIDDEN | _LAYERS
_GAN = _TRAINING | _LATENT | _MOMENTUM | _AVERAGE
_VAE = _MLP | _LATENT
_FLOW = _MLP | {"transforms": IntRange(2, 8)}
_RECURRENT = _TRAINING | {"hidden": IntRange(32, 256, log=True)} | _DROPOUT
_BOLTZMANN = _BATCH | _HIDDEN | {"learning_rate": FloatRange(5e-3, 0.5, log=True)}

SEARCH_SPACES: dict[str, dict[str, Range]] = {
    "gan": _GAN | _HIDDEN | _LAYERS | _WIDTH,
    "wgan-gp": _GAN | _HIDDEN | _LAYERS | _WIDTH | {"n_critic": IntRange(1, 5)},
    "dcgan": _GAN | _WIDTH,
    "lsgan": _GAN | _HIDDEN | _WIDTH,
    "dragan": _GAN | _HIDDEN | _WIDTH | {"penalty": FloatRange(0.1, 10.0, log=True)},
    "pacgan": _GAN | _HIDDEN | _WIDTH | {"pack": IntRange(2, 8)},
    "sngan": _GAN | _HIDDEN | _WIDTH | {"n_critic": IntRange(1, 5)},
    "wgan": _TRAINING | _LATENT | _AVERAGE | _HIDDEN | _WIDTH | {"clip": FloatRange(0.005, 0.2, log=True)},
    "projection-gan": _TRAINING | _LATENT | _MOMENTUM | _WIDTH,
    "stylegan": _TRAINING | _LATENT | _AVERAGE | {"width": IntRange(8, 32, log=True)},
    "transgan": _TRAINING | _LATENT | _AVERAGE | {"width": Choices((16, 32, 64))},
    "vae": _VAE | _WIDTH | _DROPOUT,
    "beta-vae": _VAE | _WIDTH | _DROPOUT | {"beta": FloatRange(0.25, 16.0, log=True)},
    "iwae": _VAE | _WIDTH | _DROPOUT,
    "vamp-prior": _VAE | _WIDTH | _DROPOUT | {"pseudo_inputs": IntRange(16, 256, log=True)},
    "ladder-vae": _MLP | _WIDTH | _DROPOUT | {"upper_dim": IntRange(2, 32, log=True)},
    "wae-mmd": _VAE | _WIDTH | {"penalty": FloatRange(1.0, 100.0, log=True)},
    "aae": _VAE | _WIDTH | {"adversarial_rate": FloatRange(2e-4, 2e-2, log=True)},
    "vae-gan": _VAE | _WIDTH | {"gamma": FloatRange(0.01, 1.0, log=True)},
    "vq-vae": _TRAINING | {"codes": IntRange(16, 256, log=True), "prior_width": IntRange(16, 96, log=True)},
    "conv-vae": _TRAINING | _LATENT | _WIDTH,
    "made": _MLP | _DROPOUT,
    "nade": _TRAINING | _HIDDEN,
    "fvsbn": _TRAINING,
    "pixelcnn": _TRAINING | _WIDTH | _DROPOUT | {"blocks": IntRange(1, 6)},
    "gated-pixelcnn": _TRAINING | _WIDTH | _DROPOUT | _LAYERS,
    "pixelcnn-pp": _TRAINING | {"width": IntRange(8, 32, log=True)} | _DROPOUT,
    "rnn": _RECURRENT,
    "lstm": _RECURRENT,
    "gru": _RECURRENT,
    "gpt": _TRAINING | {"width": Choices((32, 64, 128))} | _LAYERS | _DROPOUT,
    "rbm": _BOLTZMANN,
    "dbm": _BOLTZMANN,
    "realnvp": _FLOW | _WIDTH,
    "glow": _TRAINING | _WIDTH | {"transforms": IntRange(2, 8)},
    "maf": _FLOW,
    "spline-flow": _FLOW | {"bins": Choices((4, 8, 16, 32))},
    "ddpm": _TRAINING | _HIDDEN | _WIDTH | _AVERAGE,
    "flow-matching": _MLP | _AVERAGE,
    "image-flow-matching": _TRAINING | _WIDTH | _AVERAGE,
    "edm": _TRAINING | _HIDDEN | _WIDTH | _AVERAGE,
}
"""A hyperparameter that a model does not take, or of another type than its default, is found by the contract suite."""
