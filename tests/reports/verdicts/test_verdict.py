"""Verdicts: known differences are found, chance is not, and the number of seeds that decides is right."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import synthetic_runs
from scipy import stats

from genbench.cli.main import run_command_line
from genbench.records.run_folder import Plan, Run
from genbench_reports.verdicts.difference import Spread, difference_of, outcome_of, power_of, seeds_to_decide

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """write(name, {"data set": [value of seed 0, ...]}): a run of one model with these Fréchet distances."""

    def write(name: str, values: dict[str, list[float]], model: str = "vae", family: str = "vae") -> Path:
        results, cards = [], {}
        for dataset, seeds in values.items():
            cards[dataset] = synthetic_runs.card("grey", dataset)
            for seed, value in enumerate(seeds):
                made = synthetic_runs.make_result(model, family, cards[dataset], seed, 1.0)
                metrics = [
                    msgspec.structs.replace(each, value=value) if each.name == "frechet_distance" else each
                    for each in made.metrics
                ]
                results.append(msgspec.structs.replace(made, metrics=metrics))
        plan = Plan(suite="synthetic", jobs=[result.job for result in results], datasets=cards)
        run = Run.create(tmp_path / name, plan)
        for result in results:
            run.store(result)
        return tmp_path / name

    return write


def judged(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = run_command_line(["verdict", *arguments, "--format", "json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_difference_at_every_seed_is_better_and_the_other_way_round_worse(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = write("old", {"x": [10.0, 14.0, 20.0]}), write("new", {"x": [9.0, 12.5, 18.0]})
    code, found = judged(capsys, str(old), str(new))
    assert (code, found["outcome"]) == (0, "better")
    (board,) = found["boards"]
    # seeds are paired: their own spread, far larger than the difference, does not count
    ratios = np.log([10 / 9, 14 / 12.5, 20 / 18])
    expected = stats.ttest_1samp(ratios, 0)
    assert board["is_paired"]
    assert board["is_relative"]
    assert board["difference"] == pytest.approx(ratios.mean())
    assert board["p"] == pytest.approx(expected.pvalue)
    code, found = judged(capsys, str(new), str(old))
    assert (code, found["outcome"]) == (1, "worse")


def test_chance_is_undecided_and_the_seeds_that_would_decide_are_named(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = write("old", {"x": [10.0, 14.0, 20.0]}), write("new", {"x": [9.0, 15.0, 19.0]})
    code, found = judged(capsys, str(old), str(new))
    assert (code, found["outcome"]) == (5, "undecided")
    assert found["boards"][0]["seeds_to_decide"] > 3
    assert run_command_line(["verdict", str(old), str(new)]) == 5
    shown = capsys.readouterr().out
    assert "undecided" in shown
    assert "seeds on each side would decide" in shown


def test_better_on_one_data_set_and_worse_on_another_is_mixed(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    old = write("old", {"x": [10.0, 14.0, 20.0], "y": [3.0, 3.1, 3.2]})
    new = write("new", {"x": [9.0, 12.6, 18.0], "y": [6.0, 6.2, 6.4]})
    code, found = judged(capsys, str(old), str(new))
    assert (code, found["outcome"]) == (1, "mixed")
    assert [board["outcome"] for board in found["boards"]] == ["better", "worse"]


def test_one_seed_needs_the_spread_of_another_run(
    write: Write, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    old, new = write("old", {"x": [10.0]}), write("new", {"x": [5.0]})
    code, found = judged(capsys, str(old), str(new))
    assert (code, found["outcome"], found["p"]) == (5, "undecided", None)
    assert "--noise" in found["boards"][0]["notes"][0]
    assert run_command_line(["noise", str(old)]) == 3
    measured = write("seeds", {"x": [10.0, 10.5, 9.7, 10.2, 9.9]})
    assert run_command_line(["noise", str(measured), "-o", str(tmp_path / "noise.json")]) == 0
    assert "frechet_distance" in capsys.readouterr().out
    spread = np.log([10.0, 10.5, 9.7, 10.2, 9.9]).std(ddof=1)
    code, found = judged(capsys, str(old), str(new), "--noise", str(tmp_path / "noise.json"))
    assert (code, found["outcome"]) == (0, "better")
    assert found["boards"][0]["stderr"] == pytest.approx(spread * math.sqrt(2))
    (tmp_path / "noise.json").write_text("{}")
    assert run_command_line(["verdict", str(old), str(new), "--noise", str(tmp_path / "noise.json")]) == 4


def test_two_models_are_named_by_their_runs(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = write("old", {"x": [10.0, 11.0]}), write("new", {"x": [1.0, 1.1]}, model="made", family="flow")
    assert judged(capsys, f"{old}@vae", f"{new}@made")[0] in (0, 5)
    assert judged(capsys, str(old), str(new))[1]["boards"][0]["b"] == "made"
    assert run_command_line(["verdict", f"{old}@mad", str(new)]) == 4
    assert "unknown model of the run 'mad'" in capsys.readouterr().err
    other = write("other", {"y": [1.0, 2.0]})
    assert run_command_line(["verdict", str(old), str(other)]) == 4
    assert "share no model on a data set" in capsys.readouterr().err


def test_equal_seeds_are_equal(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = judged(capsys, str(write("a", {"x": [3.0, 4.0]})), str(write("b", {"x": [3.0, 4.0]})))
    assert (code, found["outcome"], found["boards"][0]["outcome"]) == (0, "equal", "equal")


def test_the_number_of_seeds_has_the_power_it_promises() -> None:
    seeds = seeds_to_decide(0.5, 1.0, is_paired=True)
    assert seeds == 34  # G*Power, t-test of matched pairs, dz = 0.5, two-sided 5 %, power 80 %
    assert seeds_to_decide(0.5, 1.0, is_paired=False) == 64  # two independent means, d = 0.5
    assert seeds_to_decide(0.01, 1.0, is_paired=True) is None
    # size and spread of a real pair of models, where a search from above met the limits of scipy
    assert 20 <= (seeds_to_decide(0.144, 0.245, is_paired=True) or 0) <= 30
    draws = np.random.default_rng(0).normal(0.5, 1.0, (4000, seeds))
    found = (stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05).mean()
    assert found == pytest.approx(power_of(0.5, 1.0, seeds, is_paired=True), abs=0.02)


def test_seeds_that_do_not_match_are_compared_by_welch() -> None:
    a, b = {0: 1.0, 1: 2.0, 2: 1.5}, {3: 3.0, 4: 5.0}
    found = difference_of(a, b, sign=1.0)
    expected = stats.ttest_ind(list(b.values()), list(a.values()), equal_var=False)
    assert (found.is_paired, found.p) == (False, pytest.approx(expected.pvalue))
    assert difference_of(a, b, sign=-1.0).value == -found.value
    known = difference_of({0: 1.0}, {0: 2.0}, sign=1.0, spread=Spread(0.1, 20))
    assert outcome_of(known, known.p) == "better"
