"""Which metrics a job records for which capabilities, from real runs of the worker."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import likelihood_models
import msgspec
import pytest
import torch
from jobs import TINY, VALUES, make_task
from torch.distributions import Normal

from genbench.api.cards import DatasetCard
from genbench.execution.limits import Limits
from genbench.execution.worker import run_task
from genbench.likelihood.ais import metrics as annealed
from genbench.metrics.cards import METRIC_CARDS
from genbench.records import likelihood_kinds as kinds
from genbench.records import task as task_module
from genbench.records.job import Job
from genbench.records.result import MetricValue
from genbench.records.task import Outcome
from genbench.runner.suite import load_suite, suite_names
from genbench.util.seeding import derive_seed

BITS = DatasetCard(
    spec=likelihood_models.BITS,
    summary="bars",
    sizes=(96, 32, 32),
    splits="in order",
    source="made up",
    licence="CC0",
    citation="none",
    factory="likelihood_models:bits",
)
SYMBOLS = msgspec.structs.replace(BITS, spec=likelihood_models.SYMBOLS, factory="likelihood_models:symbols")
AIS = {"ais_examples": 8, "ais_chains": 2, "ais_steps": 20}
DECODER = {"decoder_negative_log_likelihood"}
CARDS = {card.name: card for card in METRIC_CARDS}


def outcome_of(model: str, folder: Path, dataset: DatasetCard = TINY, **changes: object) -> Outcome:
    task = make_task(model, folder, dataset=dataset, budget="3steps", **changes)
    task = msgspec.structs.replace(
        task,
        job=msgspec.structs.replace(task.job, dataset=dataset.name),
        model_factory=f"likelihood_models:{model}",
        extractor=msgspec.structs.replace(VALUES, modalities=("points", "image", "tokens")),
    )
    return run_task(task)


def figures_of(
    model: str, folder: Path, dataset: DatasetCard = TINY, **changes: object
) -> dict[str, MetricValue]:
    outcome = outcome_of(model, folder, dataset, **changes)
    assert outcome.status == "ok", outcome.reason
    figures = {figure.name: figure for figure in outcome.metrics}
    for name, figure in figures.items():
        assert (figure.unit, figure.better) == (CARDS[name].unit, CARDS[name].better)
        assert figure.stderr is None or figure.stderr >= 0
    return figures


def test_a_decoder_without_a_likelihood_gets_one_with_its_gap(tmp_path: Path) -> None:
    figures = figures_of("Decodes", tmp_path, **AIS)
    assert figures.keys() == {"negative_log_likelihood", "likelihood_gap"} | DECODER
    headline, decoder = figures["negative_log_likelihood"], figures["decoder_negative_log_likelihood"]
    assert headline.kind == decoder.kind
    assert kinds.comparable(headline.kind or "") == "AIS estimate"
    assert headline.value == decoder.value
    assert (headline.n, headline.k) == (8, 64)
    assert "Gaussian noise of" in (headline.note or "")
    assert "simulated examples" in (headline.note or "")
    # the data are N(0, I), of two dimensions: no noise at all would be best
    entropy = 2 * float(Normal(0.0, 1.0).entropy())
    assert headline.value == pytest.approx(entropy, abs=1.0)
    gap = figures["likelihood_gap"]
    assert gap.kind == f"difference of {headline.kind}"
    assert gap.n == 8


def test_a_bound_of_its_own_stays_the_headline_beside_the_decoder_s(tmp_path: Path) -> None:
    figures = figures_of("DecodesAndInfers", tmp_path, **AIS)
    assert figures.keys() == {"negative_log_likelihood", "negative_elbo", "likelihood_gap"} | DECODER
    assert figures["negative_log_likelihood"].kind == "lower bound (IWAE-10)"
    assert figures["negative_log_likelihood"].n == 16
    assert figures["negative_elbo"].kind == kinds.ELBO
    assert figures["likelihood_gap"].kind == "difference of lower bound (IWAE-10)"
    assert kinds.comparable(figures["decoder_negative_log_likelihood"].kind or "") == "AIS estimate"
    assert figures["decoder_negative_log_likelihood"].n == 8


def test_a_variance_that_is_not_learned_makes_a_kind_of_its_own(tmp_path: Path) -> None:
    learned, fixed = (figures_of(m, tmp_path) for m in ("DecodesAndInfers", "InfersUnderFixedVariance"))
    assert fixed["negative_log_likelihood"].kind == "lower bound (IWAE-10, fixed variance)"
    assert fixed["negative_elbo"].kind == "lower bound (ELBO, fixed variance)"
    for name in ("negative_log_likelihood", "negative_elbo"):
        here, there = fixed[name].kind or "", learned[name].kind or ""
        assert kinds.comparable(here) != kinds.comparable(there)


def test_bits_get_bits_per_dim(tmp_path: Path) -> None:
    figures = figures_of("Decodes", tmp_path, BITS, **AIS)
    nats, bits = figures["negative_log_likelihood"], figures["bits_per_dim"]
    assert nats.value is not None
    assert bits.value == pytest.approx(nats.value / 12 / math.log(2))
    assert figures["decoder_bits_per_dim"].value == bits.value
    assert "Bernoulli noise of flip probability" in (bits.note or "")


def test_decoders_of_symbols_get_the_probability_of_the_symbols(tmp_path: Path) -> None:
    bits = figures_of("DecodesSymbols", tmp_path, SYMBOLS, **AIS)["bits_per_dim"]
    assert "categorical noise of replacement probability" in (bits.note or "")
    assert bits.value == pytest.approx(math.log2(3), abs=0.15)  # the data are uniform
    outcome = outcome_of("DecodesLogits", tmp_path, SYMBOLS, **AIS)
    assert outcome.status == "plugin_error"
    assert "not probabilities" in (outcome.reason or "")


def test_zero_turns_annealing_off(tmp_path: Path) -> None:
    assert figures_of("Decodes", tmp_path) == {}
    assert figures_of("Decodes", tmp_path, **{**AIS, "ais_steps": 0}) == {}
    assert figures_of("Machine", tmp_path, BITS) == {}
    assert "likelihood_gap" in figures_of("DecodesAndInfers", tmp_path)


def test_an_energy_model_s_partition_function_is_that_of_all_its_states(tmp_path: Path) -> None:
    figures = figures_of("Machine", tmp_path, BITS, **AIS)
    assert figures.keys() == {"negative_log_likelihood", "bits_per_dim", "likelihood_gap"}
    found = figures["negative_log_likelihood"]
    assert kinds.comparable(found.kind or "") == "AIS estimate of Z"
    assert found.k == 100
    states = torch.tensor(list(itertools.product((0, 1), repeat=12)))
    path = likelihood_models.Machine(likelihood_models.BITS).path
    log_z = float(torch.logsumexp(path.log_unnormalised(states), 0))
    reference = likelihood_models.bits().test.random_subset(16, derive_seed(0, "bits", "reference"))
    exact = log_z - float(path.log_unnormalised(reference.tensor().flatten(1)).mean())
    assert found.value == pytest.approx(exact, abs=0.15)
    assert figures["likelihood_gap"].kind == kinds.EXACT
    assert "log Z = " in (found.note or "")


def test_a_density_is_exact_for_numbers_and_a_bound_for_integers(tmp_path: Path) -> None:
    assert figures_of("Density", tmp_path)["negative_log_likelihood"].kind == kinds.EXACT
    figures = figures_of("Density", tmp_path, BITS)
    assert figures["bits_per_dim"].kind == "lower bound (dequantised, IW-10)"


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("DiscreteLatents", "AIS needs a continuous prior, not Categorical"),
        ("DecodesNothing", "the decoder gives values that are not finite"),
    ],
)
def test_what_cannot_be_annealed_keeps_its_row_and_says_why(tmp_path: Path, model: str, why: str) -> None:
    figures = figures_of(model, tmp_path, **AIS)
    for name in ("negative_log_likelihood", "decoder_negative_log_likelihood"):
        assert figures[name].value is None
        assert figures[name].note == why


def test_a_decode_of_another_shape_is_the_plugin_s_error(tmp_path: Path) -> None:
    outcome = outcome_of("WrongDecode", tmp_path, **AIS)
    assert outcome.status == "plugin_error"
    assert "(256, 1), expected (256, 2)" in (outcome.reason or "")


def test_annealing_that_takes_too_long_is_left_out_and_the_job_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(annealed, "ANNEALING_SECONDS", 0.0)
    for model, dataset in (("Decodes", TINY), ("Machine", BITS)):
        figures = figures_of(model, tmp_path, dataset, **AIS)
        assert figures["negative_log_likelihood"].value is None
        assert figures["negative_log_likelihood"].note == "annealed importance sampling took more than 0s"


def test_jobs_repeat_to_the_bit_and_checkpoints_are_judged_without_annealing(tmp_path: Path) -> None:
    first, second = (outcome_of("Decodes", tmp_path, **AIS) for _ in range(2))
    assert first.metrics == second.metrics
    assert {figure.name for point in first.curve for figure in point.metrics} == {
        "sliced_wasserstein",
        "frechet_distance",
    }
    other = outcome_of("Decodes", tmp_path, **AIS, seed=1)
    assert other.metrics[0].value != first.metrics[0].value


def test_the_settings_are_part_of_the_job_and_its_limit_leaves_them_time() -> None:
    suites = {name: load_suite(name) for name in suite_names()}
    for suite in suites.values():
        assert suite.ais_examples > 0
        assert suite.ais_chains > 1
        assert suite.ais_steps > 0
    jobs = {make_task("Decodes", Path("."), ais_steps=steps).job.id for steps in (0, 10, 20)}
    assert len(jobs) == 3
    job: Job = make_task("Decodes", Path("."), **AIS).job
    limit = Limits.of(job, 2**30).phase_seconds["likelihood"]
    assert limit >= task_module.ANNEALING_SECONDS + 300


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ais_steps = -1", "ais_examples and ais_steps must be at least 0"),
        ("ais_chains = 0", "ais_chains at least 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, line: str, said: str) -> None:
    suite = tmp_path / "odd.toml"
    suite.write_text(
        'summary = "s"\nbudget = "1s"\nseeds = 1\nsampling_seconds = 1.0\nsamples = 9\nimportance_samples = 1\n'
        + line
    )
    with pytest.raises(Exception, match=said):
        load_suite(str(suite))
