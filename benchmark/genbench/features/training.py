"""Trains a frozen extractor by its recipe. On one machine with one version of torch, the weights are equal bit for
bit."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
import torch.nn.functional as F
from jaxtyping import Float
from safetensors.torch import save
from torch import Tensor, nn

from genbench.api.cards import DatasetCard
from genbench.api.data import Dataset, Split
from genbench.datasets.versions import dataset_version
from genbench.features.network import FeatureNetwork, network_hash
from genbench.features.recipes import Recipe, WeightCard, card_path, weights_path

_CHUNK = 500
_DECODER_WIDTH = 256


@dataclass(frozen=True)
class TrainedWeights:
    """Weights of an extractor, in half precision, as they are stored."""

    recipe: Recipe
    """How they were trained."""
    weights: dict[str, Tensor]
    """The network's parameters by name."""
    hash: str
    """Hash of the weights and of the preprocessing."""
    training_examples: int
    """Number of images that were trained on."""
    training_data_sha256: str
    """SHA-256 of these images and their labels."""
    test_examples: int
    """Number of images that the accuracy was measured on."""
    test_accuracy: float
    """Accuracy of the weights in half precision."""


def train_extractor(
    recipe: Recipe,
    dataset: Dataset,
    kept_out: Sequence[Split] = (),
    on_epoch: Callable[[int, float], None] | None = None,
) -> TrainedWeights:
    """Train on one thread, with deterministic algorithms. Generators and settings are restored afterwards.

    kept_out: splits whose images are not trained on. on_epoch: called with each epoch's number and mean loss.
    """
    assert dataset.spec.levels is not None
    train = _without(dataset.train, kept_out)
    with _reproducible(recipe.seed):
        network = _fit(recipe, train, on_epoch)
        _scale_features(network, train)
        weights = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
        network.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
        accuracy = _accuracy(network, dataset.test)
    return TrainedWeights(
        recipe=recipe,
        weights=weights,
        hash=network_hash(recipe, weights),
        training_examples=len(train),
        training_data_sha256=_sha256(train),
        test_examples=len(dataset.test),
        test_accuracy=accuracy,
    )


def write_weights(trained: TrainedWeights, card: DatasetCard, folder: Path) -> WeightCard:
    """Write the weights and their card into `folder`. Returns the card."""
    content = save(trained.weights)
    described = WeightCard(
        recipe=trained.recipe,
        hash=trained.hash,
        file_sha256=hashlib.sha256(content).hexdigest(),
        training_examples=trained.training_examples,
        test_examples=trained.test_examples,
        test_accuracy=trained.test_accuracy,
        dataset_version=dataset_version(card),
        file_checksums={file.name: file.checksum for file in card.files},
        training_data_sha256=trained.training_data_sha256,
        torch=str(torch.__version__),
        machine=f"{platform.system()} {platform.machine()}, {torch.backends.cpu.get_cpu_capability()}",
        data_licence=card.licence,
    )
    text = msgspec.json.format(msgspec.json.encode(described), indent=2)
    folder.mkdir(parents=True, exist_ok=True)
    weights_path(trained.recipe.name, folder).write_bytes(content)
    card_path(trained.recipe.name, folder).write_bytes(text + b"\n")
    return described


# ---- internals


def _fit(recipe: Recipe, train: Split, on_epoch: Callable[[int, float], None] | None) -> FeatureNetwork:
    generator = torch.Generator().manual_seed(recipe.seed)
    network = FeatureNetwork(recipe, normalised=True)
    nn.utils.convert_conv2d_weight_memory_format(network, torch.channels_last)
    decoder = nn.Sequential(
        nn.Linear(recipe.dimension, _DECODER_WIDTH),
        nn.ReLU(),
        nn.Linear(_DECODER_WIDTH, train.spec.dimension),
    )
    parameters = [*network.parameters(), *decoder.parameters()]
    optimiser = torch.optim.AdamW(parameters, recipe.learning_rate, weight_decay=recipe.weight_decay)
    steps = max(1, len(train) // recipe.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=recipe.epochs * steps
    )
    assert train.y is not None
    network.train()
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(train), generator=generator)
        total = 0.0
        for chosen in order[: steps * recipe.batch_size].chunk(steps):
            x = _augmented(_pixels(train, chosen), recipe, generator)
            features = network.features(x)
            kept = torch.rand(features.shape, generator=generator) >= recipe.dropout
            loss = F.cross_entropy(network.logits(features * kept / (1 - recipe.dropout)), train.y[chosen])
            if recipe.reconstruction_weight:
                loss = loss + recipe.reconstruction_weight * F.mse_loss(decoder(features), x.flatten(1))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        if on_epoch is not None:
            on_epoch(epoch + 1, total / steps)
    return network.folded()


def _scale_features(network: FeatureNetwork, train: Split) -> None:
    """Scale the features so that their variance is 1 on average over the training examples, on which the bandwidths of
    kernels rely. The classifier divides by the same factor, which a rectifier does not change."""
    scale = _features(network, train).double().var(0).mean().rsqrt().float()
    with torch.no_grad():
        network.embedding.weight.mul_(scale)
        network.embedding.bias.mul_(scale)
        network.head.weight.div_(scale)


def _augmented(x: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    count, _, height, width = x.shape
    each = (count, 1, 1, 1)
    if (most := recipe.shift_pixels) > 0:
        down, right = torch.randint(0, 2 * most + 1, (2, count, 1), generator=generator)
        rows = (down + torch.arange(height))[:, None, :, None]
        columns = (right + torch.arange(width))[:, None, None, :]
        x = F.pad(x, (most,) * 4)[torch.arange(count).reshape(each), 0, rows, columns]
    if recipe.mirrored:
        x = torch.where(torch.rand(each, generator=generator) < 0.5, x.flip(3), x)
    if recipe.binarised_share:
        drawn = (torch.rand(x.shape, generator=generator) < x).float()
        x = torch.where(torch.rand(each, generator=generator) < recipe.binarised_share, drawn, x)
    return x.contiguous(memory_format=torch.channels_last)


def _pixels(split: Split, chosen: Tensor | slice) -> Float[Tensor, "batch channels height width"]:
    assert split.spec.levels is not None
    return split.x[chosen].float() / (split.spec.levels - 1)


@torch.no_grad()
def _features(network: FeatureNetwork, split: Split) -> Float[Tensor, "n dim"]:
    starts = range(0, len(split), _CHUNK)
    return torch.cat([network.features(_pixels(split, slice(start, start + _CHUNK))) for start in starts])


@torch.no_grad()
def _accuracy(network: FeatureNetwork, split: Split) -> float:
    assert split.y is not None
    return float((network.logits(_features(network, split)).argmax(1) == split.y).double().mean())


def _without(train: Split, kept_out: Sequence[Split]) -> Split:
    banned = {row.tobytes() for split in kept_out for row in split.x.numpy()}
    kept = [index for index, row in enumerate(train.x.numpy()) if row.tobytes() not in banned]
    return train if len(kept) == len(train) else train.subset(torch.tensor(kept))


def _sha256(split: Split) -> str:
    assert split.y is not None
    digest = hashlib.sha256(split.x.contiguous().numpy().tobytes())
    digest.update(split.y.contiguous().numpy().tobytes())
    return digest.hexdigest()


@contextmanager
def _reproducible(seed: int) -> Iterator[None]:
    threads = torch.get_num_threads()
    strict, warn = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(strict, warn_only=warn)
            torch.set_num_threads(threads)
