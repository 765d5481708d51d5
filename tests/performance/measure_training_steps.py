"""Prints, as JSON, what a training step of MADE, VAE, DCGAN or PixelCNN takes over the same network's in plain PyTorch.

    python tests/performance/measure_training_steps.py made

A program of its own, so that the type checks of the test session are not measured with it. The steps of both sides
take turns, so that a disturbance meets both; the least seconds of each are compared, of the processor's time, since
others may use the machine. First the
networks are shown to be the same: with the same weights they must say the same.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator

import torch
from reference_networks import ReferenceDcgan, ReferenceMade, ReferencePixelCnn, ReferenceVae
from torch import Tensor, nn

from genbench import Batch, Budget, ComputeMeter, DataSpec, GenerativeModel, Split
from genbench_models.autoregressive.made import MADE, MaskedLinear
from genbench_models.autoregressive.pixelcnn import PixelCNN
from genbench_models.gan.dcgan import DCGAN
from genbench_models.vae.vae import VAE

SPEC = DataSpec(name="binary", modality="image", event_shape=(1, 28, 28), levels=2)
# The first steps count FLOPs and fill caches.
WARM_UP = 5
Step = Callable[[Tensor], None]


def examples(count: int) -> Tensor:
    return (torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(0)) < 0.2).long()


class TurnsMeter(ComputeMeter):
    """After each of the model's steps, one of the other side."""

    def __init__(self, steps: int, other: Step) -> None:
        super().__init__(Budget(steps=steps), fractions=())
        self.other = other
        self.ours: list[float] = []
        self.others: list[float] = []

    def batches(
        self, train: Split, batch_size: int, *, cycle: int = 1, until: float = 1.0
    ) -> Iterator[Batch]:
        for batch in super().batches(train, batch_size, cycle=cycle, until=until):
            as_loaded = batch.x.float()
            began = time.process_time()
            yield batch
            between = time.process_time()
            self.other(as_loaded)
            self.ours.append(between - began)
            self.others.append(time.process_time() - between)


@torch.no_grad()
def take_weights(reference: Iterable[nn.Parameter], ours: Iterable[nn.Parameter]) -> None:
    for copy, original in zip(reference, ours, strict=True):
        copy.copy_(original.reshape(copy.shape))


@torch.no_grad()
def agree(reference: Callable[[], Tensor], ours: Callable[[], Tensor]) -> None:
    torch.manual_seed(1)
    theirs = reference()
    torch.manual_seed(1)
    torch.testing.assert_close(theirs, ours(), rtol=1e-4, atol=1e-4)


def made() -> tuple[GenerativeModel, Step]:
    model = MADE(SPEC)
    masks = [layer.mask for layer in model.modules() if isinstance(layer, MaskedLinear)]
    flat = ReferenceMade(masks, model.dropout.p, model.learning_rate)
    take_weights(flat.parameters(), model.parameters())
    x = examples(8)
    agree(lambda: flat.eval().loss(x.flatten(1).float()), lambda: -model.eval().log_prob(x).mean())
    flat.train(), model.train()
    return model, lambda x: flat.step(x.flatten(1))


def vae() -> tuple[GenerativeModel, Step]:
    model = VAE(SPEC, architecture="mlp")
    reference = ReferenceVae(latent_dim=16, hidden=128, layers=3, dropout=0.1, learning_rate=4e-3)
    take_weights(reference.parameters(), model.parameters())
    x = examples(8)
    agree(
        lambda: reference.eval().loss(x.flatten(1).float()),
        lambda: model.eval().training_loss(x, kl_weight=1.0),
    )
    reference.train(), model.train()
    return model, lambda x: reference.step(x.flatten(1))


def dcgan() -> tuple[GenerativeModel, Step]:
    model = DCGAN(SPEC)
    reference = ReferenceDcgan(latent_dim=64, width=32, learning_rate=1e-3)
    take_weights(reference.generator.parameters(), model.generator.parameters())
    take_weights(reference.discriminator.parameters(), model.discriminator.parameters())
    z, y = torch.randn(8, 64), 2 * examples(8).float() - 1
    agree(lambda: reference.generator(z), lambda: model.generator(z))
    agree(lambda: reference.discriminator(y), lambda: model.discriminator(y))
    return model, reference.step


def pixelcnn() -> tuple[GenerativeModel, Step]:
    model = PixelCNN(SPEC)
    reference = ReferencePixelCnn(width=32, blocks=4, dropout=0.1, learning_rate=4e-3)
    take_weights(reference.parameters(), model.parameters())
    x = examples(8)
    agree(lambda: reference.eval().loss(x.float()), lambda: -model.eval().log_prob(x).mean())
    reference.train(), model.train()
    return model, reference.step


PAIRS: dict[str, tuple[Callable[[], tuple[GenerativeModel, Step]], int]] = {
    "made": (made, 400),
    "vae": (vae, 400),
    "dcgan": (dcgan, 80),
    "pixelcnn": (pixelcnn, 80),
}
"""By name: both sides, and how many steps are measured."""


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    build, steps = PAIRS[sys.argv[1]]
    model, reference_step = build()
    meter = TurnsMeter(WARM_UP + steps, reference_step)
    model.fit(Split(SPEC, examples(2000).to(torch.uint8)), meter)
    ours, others = min(meter.ours[WARM_UP:]), min(meter.others[WARM_UP:])
    print(
        json.dumps(
            {"ratio": ours / others, "milliseconds": ours * 1e3, "reference_milliseconds": others * 1e3}
        )
    )
