"""Time to a target: the first checkpoint that is good enough, and infinite time where there is none."""

from __future__ import annotations

import math

import msgspec
import pytest

from genbench.errors import UnknownNameError, UsageError
from genbench.metrics.cards import METRIC_CARDS
from genbench.records.result import CurvePoint, MetricValue, Result
from genbench_reports.leaderboard.targets import NEVER, read_target, target_table
from genbench_reports.leaderboard.time_to_target import time_to_target

from ..conftest import make_result

CARDS = {card.name: card for card in METRIC_CARDS}


def with_curve(values: list[float | None], model: str = "vae", name: str = "bits_per_dim") -> Result:
    points = [
        CurvePoint(
            fraction=(place + 1) / 4,
            seconds=place + 1.0,
            steps=10 * (place + 1),
            examples=0,
            flops=1e6 * (place + 1),
            metrics=[MetricValue(name=name, value=value, unit="", better=CARDS[name].better)],
        )
        for place, value in enumerate(values)
    ]
    return msgspec.structs.replace(make_result(model), curve=points)


def test_the_first_checkpoint_that_is_good_enough_counts() -> None:
    found = time_to_target(with_curve([3.0, 2.0, 2.5, 1.5]), "bits_per_dim", 2.0, "lower")
    assert (found.seconds, found.steps, found.flops, found.best) == (2.0, 20, 2e6, 1.5)
    found = time_to_target(with_curve([0.1, None, 0.7, 0.6], name="recall"), "recall", 0.65, "higher")
    assert (found.seconds, found.best) == (3.0, 0.7)


def test_a_miss_is_forever() -> None:
    for result in (with_curve([3.0, 2.5]), with_curve([None, None]), with_curve([])):
        found = time_to_target(result, "bits_per_dim", 2.0, "lower")
        assert not found.reached
        assert all(math.isinf(cost) for cost in (found.seconds, found.steps, found.flops))
    with pytest.raises(UsageError, match="cannot be a target"):
        time_to_target(with_curve([1.0]), "bits_per_dim", 2.0, "neither")


def test_the_table_has_the_fastest_first_and_failures_too() -> None:
    failed = msgspec.structs.replace(make_result("gan"), status="timeout", curve=[])
    results = [failed, with_curve([3.0, 1.0], "made"), with_curve([1.9, 1.0], "pixelcnn")]
    table = target_table(results, CARDS["bits_per_dim"], 2.0)
    rows = [[cell.text for cell in row] for row in table.rows]
    assert [row[1] for row in rows] == ["pixelcnn", "made", "gan"]
    assert [row[3] for row in rows] == ["1 s", "2 s", NEVER]
    assert rows[2][-1] == "timeout"


def test_calibration_is_set_apart_and_likelihoods_carry_their_kind() -> None:
    baseline = msgspec.structs.replace(
        with_curve([0.5], "copier"), job=msgspec.structs.replace(make_result("copier").job, family="baseline")
    )
    bound = with_curve([1.5], "vae")
    point = bound.curve[0]
    figure = msgspec.structs.replace(point.metrics[0], kind="lower bound (ELBO)")
    bound = msgspec.structs.replace(bound, curve=[msgspec.structs.replace(point, metrics=[figure])])
    table = target_table([baseline, bound], CARDS["bits_per_dim"], 2.0)
    assert [row[1].text for row in table.rows] == ["vae"]
    assert [row[1].text for row in table.calibration] == ["copier"]
    assert table.rows[0][-1].text == "≤ 1.500"
    assert table.calibration[0][-1].text == "0.500"


@pytest.mark.parametrize("text", ["bits_per_dim", "bits_per_dim=", "bits_per_dim=low", "bits_per_dim=nan"])
def test_a_malformed_target_says_what_was_expected(text: str) -> None:
    with pytest.raises(UsageError, match="expected METRIC=VALUE"):
        read_target(text, CARDS)


def test_an_unknown_metric_gets_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="bits_per_dim"):
        read_target("bits_per_dm=2", CARDS)
    assert read_target("recall=0.5", CARDS) == (CARDS["recall"], 0.5)
