"""What ranks a data set is known before anything runs, and a metric that cannot is refused in one line."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from genbench.errors import UnknownNameError, UsageError
from genbench.plugin.discovery import load_registry
from genbench.plugin.registry import Registry
from genbench.runner.planning import Request, make_plan
from genbench.runner.ranking_choice import with_ranking
from genbench.runner.suite import Suite, load_suite


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def suite(**ranking: str) -> Suite:
    return msgspec.structs.replace(load_suite("quick"), ranking=ranking)


def test_a_plan_names_what_ranks_each_data_set(registry: Registry) -> None:
    plan = make_plan(Request(suite=load_suite("quick"), models=("vae",)), registry, [])
    ranking = {job.dataset: (job.ranking, job.ranking_samples, job.drawn_samples) for job in plan.jobs}
    assert ranking["ring8"] == ("js_divergence", 10_000, 10_000)
    assert ranking["digits"] == ("frechet_distance", None, 360)
    rule = plan.datasets["ring8"].ranking
    assert rule is not None
    assert rule.metric == "js_divergence"


def test_a_suite_may_name_another_metric(registry: Registry) -> None:
    card = with_ranking(registry.dataset("digits"), suite(digits="kernel_distance"), registry, 360)
    assert card.ranking_rule.metric == "kernel_distance"
    assert card.ranking_rule.reason == "the suite quick names it"


@pytest.mark.parametrize(
    ("metric", "samples", "message"),
    [
        ("frechet", 360, "unknown metric that ranks digits 'frechet'"),
        ("vendi_score", 360, "digits is ranked by vendi_score, of which neither direction is better"),
        ("modes_covered", 360, "which takes points and not image"),
        ("frechet_distance", 1, "needs 2 samples; the plan has 1"),
    ],
)
def test_a_metric_that_cannot_rank_is_refused(
    metric: str, samples: int, message: str, registry: Registry
) -> None:
    with pytest.raises((UnknownNameError, UsageError), match=message):
        with_ranking(registry.dataset("digits"), suite(digits=metric), registry, samples)


def test_a_suite_file_names_it(tmp_path: Path, registry: Registry) -> None:
    quick = (Path(__file__).parents[3] / "benchmark/genbench/suites/quick.toml").read_text()
    file = tmp_path / "mine.toml"
    file.write_text(f'{quick}\n[ranking]\ndigits = "coverage"\n')
    plan = make_plan(
        Request(suite=load_suite(str(file)), models=("vae",), datasets=("digits",)), registry, []
    )
    assert {job.ranking for job in plan.jobs} == {"coverage"}
