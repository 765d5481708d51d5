"""Completion: the masks, posterior sampling against a conditional in closed form, the figures by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.cli.main import run_command_line
from genbench.metrics.conditional.completion import relative_error
from genbench.samples.masks import MASK_NAMES, make_mask
from genbench.samples.posterior_completion import LatentCompleter, langevin


def test_what_each_mask_gives() -> None:
    spec = DataSpec(name="i", modality="image", event_shape=(3, 5, 8), levels=2)
    masks = {name: make_mask(name, spec, 200, seed=1) for name in MASK_NAMES}
    for mask in masks.values():
        assert mask.shape == (200, 3, 5, 8)
        assert (mask == mask[:, :1]).all(), "channels of a pixel go together"
    assert masks["lower_half"][0, 0].sum(1).tolist() == [8, 8, 8, 0, 0]
    missing = ~masks["centre"][7, 1]
    assert missing.nonzero().tolist() == [[row, column] for row in (1, 2) for column in (2, 3, 4, 5)]
    assert masks["super_resolution"][0, 0].nonzero().tolist() == [
        [r, c] for r in (0, 2, 4) for c in (0, 2, 4, 6)
    ]
    assert float(masks["random_half"].double().mean()) == pytest.approx(0.5, abs=0.03)
    assert not torch.equal(masks["random_half"][0], masks["random_half"][1])
    assert torch.equal(masks["random_half"], make_mask("random_half", spec, 200, seed=1))
    assert not torch.equal(masks["random_half"], make_mask("random_half", spec, 200, seed=2))


class Linear(GenerativeModel):
    """x = W z + b, z ~ N(0, I): with noise of a known scale all conditionals are normal."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        generator = torch.Generator().manual_seed(0)
        self.weight = torch.randn(spec.dimension, 3, generator=generator)
        self.bias = torch.randn(spec.dimension, generator=generator)

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        raise NotImplementedError

    @property
    def prior(self) -> torch.distributions.Distribution:
        return torch.distributions.Normal(torch.zeros(3), torch.ones(3))

    def decode(self, z: Tensor) -> Tensor:
        return (z @ self.weight.T + self.bias).unflatten(1, self.spec.event_shape)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        return self.decode(torch.randn(count, 3, generator=generator))


SMALL = DataSpec(name="small", modality="image", event_shape=(1, 2, 3))


def conditional(model: Linear, x: Tensor, given: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Mean and covariance of z given the observed numbers of x: Bayes' rule for normals."""
    weight, bias = model.weight[given].double(), model.bias[given].double()
    precision = torch.eye(3, dtype=torch.float64) + weight.T @ weight / scale**2
    covariance = precision.inverse()
    return covariance @ weight.T @ (x[given].double() - bias) / scale**2, covariance


@pytest.mark.parametrize("mask", [[1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 1, 0], [0, 0, 0, 0, 0, 0]])
def test_latents_follow_their_posterior_under_a_linear_gaussian_decoder(mask: list[int]) -> None:
    model = Linear(SMALL)
    given = torch.tensor(mask, dtype=torch.bool)
    x = model.sample(1, torch.Generator().manual_seed(3))
    chains = 3000
    many = x.expand(chains, 1, 2, 3)
    completer = LatentCompleter(model, torch.Generator().manual_seed(4), steps=60, scale=0.5)
    z = completer.posterior(
        many, given.reshape(1, 1, 2, 3).expand_as(many), torch.Generator().manual_seed(5)
    ).double()
    mean, covariance = conditional(model, x.flatten(), given, 0.5)
    errors = (z.mean(0) - mean) / (covariance.diagonal() / chains).sqrt()
    assert errors.abs().max() < 5
    torch.testing.assert_close(z.T.cov(), covariance, atol=0.08, rtol=0.08)


def test_the_walk_alone_forgets_where_it_began() -> None:
    """From far away to a normal with unequal widths."""
    widths = torch.tensor([0.3, 1.0])
    start = torch.full((2000, 2), 4.0)
    z, size = langevin(
        lambda z: -0.5 * (z / widths).square().sum(1), start, torch.Generator().manual_seed(0), 300
    )
    torch.testing.assert_close(z.mean(0), torch.zeros(2), atol=0.12, rtol=0)
    torch.testing.assert_close(z.std(0), widths, atol=0.02, rtol=0.07)
    assert size.std() / size.mean() < 0.5


def test_what_is_given_stays_and_the_rest_is_found_where_the_observed_decide() -> None:
    """Six numbers of three latents: four that are given all but fix the others. The scale is found by itself."""
    model = Linear(SMALL)
    x = model.sample(50, torch.Generator().manual_seed(1))
    mask = torch.ones(x.shape, dtype=torch.bool)
    mask[:, :, 1, 1:] = False
    completer = LatentCompleter(model, torch.Generator().manual_seed(2), steps=200)
    completed = completer.complete(x, mask, torch.Generator().manual_seed(3))
    assert torch.equal(completed[mask], x[mask])
    guess = model.bias.reshape(SMALL.event_shape)
    assert relative_error(completed, x, mask, guess).value < 0.35
    blind = torch.where(mask, x, model.sample(50, torch.Generator().manual_seed(9)))
    assert relative_error(blind, x, mask, guess).value > 1.0


def test_the_relative_error_by_hand() -> None:
    truth = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    completed = torch.tensor([[1.0, 4.0], [3.0, 5.0]])
    given = torch.tensor([[True, False], [True, False]])
    found = relative_error(completed, truth, given, torch.tensor([0.0, 0.0]))
    assert float(found.value) == pytest.approx(math.sqrt((4 + 1) / (4 + 16)))
    assert float(relative_error(truth * 0, truth, given, torch.zeros(2)).value) == 1.0


def test_the_standard_error_of_the_relative_error_is_that_of_redrawn_examples() -> None:
    generator = torch.Generator().manual_seed(0)
    given, guess = torch.zeros(200, 4, dtype=torch.bool), torch.zeros(4)
    values, errors = [], []
    for _ in range(300):
        truth = torch.randn(200, 4, generator=generator) * torch.rand(200, 1, generator=generator)
        found = relative_error(truth + 0.5 * torch.randn(200, 4, generator=generator), truth, given, guess)
        values.append(float(found.value))
        errors.append(float(found.stderr))
    assert float(torch.tensor(errors).mean()) == pytest.approx(float(torch.tensor(values).std()), rel=0.2)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completed") / "run"
    models = ("vae", "made", "copier", "marginals", "projection-gan", "gaussian-mixture")
    chosen = [part for model in models for part in ("-m", model)]
    options = [*chosen, "-d", "digits", "--budget", "40steps", "--jobs", "2"]
    assert run_command_line(["run", *options, "--out", str(folder)]) == 0
    return folder


def records(folder: Path) -> dict[str, dict[str, Any]]:
    found = (json.loads(path.read_text()) for path in folder.glob("jobs/*/result.json"))
    return {record["job"]["model"]: record for record in found}


def figures(record: dict[str, Any], beginning: str) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in record["metrics"] if each["name"].startswith(beginning)}


def test_every_model_completes_what_it_can_and_says_what_it_cannot(finished: Path) -> None:
    found = {model: figures(record, "completion_") for model, record in records(finished).items()}
    assert found["gaussian-mixture"] == {}
    for name in MASK_NAMES:
        for model in ("vae", "copier", "marginals"):
            assert 0 < found[model][f"completion_error_{name}"]["value"] < 3
            distance = found[model][f"completion_frechet_{name}"]
            assert distance["value"] >= 0
            assert distance["real"] > 0
            assert distance["n"] == 64
        assert f"completion_nll_{name}" not in found["copier"]
    made = found["made"]
    assert made["completion_nll_lower_half"]["value"] > 0
    assert made["completion_nll_lower_half"]["kind"] == "exact"
    assert made["completion_error_centre"]["value"] is None
    assert "must come before" in made["completion_error_centre"]["note"]
    assert (
        found["copier"]["completion_error_centre"]["value"]
        < found["marginals"]["completion_error_centre"]["value"]
    )


def test_completions_keep_the_pixels_that_are_given(finished: Path) -> None:
    found = records(finished)
    kept, vae = (
        load_file(finished / "jobs" / record["id"] / record["attempt"] / "completions.safetensors")
        for record in (found["copier"], found["vae"])
    )
    upper = slice(None), slice(None), slice(0, 4)
    assert torch.equal(kept["lower_half"][upper], vae["lower_half"][upper])
    assert torch.equal(kept["super_resolution"][..., ::2, ::2], vae["super_resolution"][..., ::2, ::2])
    assert not torch.equal(kept["lower_half"], vae["lower_half"])


def test_samples_of_classes_are_judged(finished: Path) -> None:
    found = {model: figures(record, "class_") for model, record in records(finished).items()}
    assert "class_accuracy" not in found["vae"]
    gan = found["projection-gan"]
    assert 0 <= gan["class_accuracy"]["value"] <= 1
    assert gan["class_accuracy"]["real"] > 0.9
    assert gan["class_frechet"]["real"] < gan["class_frechet"]["value"] <= gan["class_frechet_worst"]["value"]
    assert gan["class_frechet"]["n"] % 10 == 0
    assert gan["class_frechet_worst"]["note"].startswith("class ")


def test_scoring_again_gives_the_same_figures_without_the_model(finished: Path) -> None:
    before = records(finished)
    assert run_command_line(["score", str(finished)]) == 0
    after = records(finished)
    for model in before:
        for beginning in ("completion_", "class_"):
            assert figures(after[model], beginning) == figures(before[model], beginning)
