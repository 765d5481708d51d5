"""From records to tables: who shares one, who is ranked, what is flagged, what is never dropped."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from genbench.api.cards import DatasetCard, MetricCard
from genbench.records.result import Cost, MetricValue, Result
from genbench_reports.format.likelihood_marks import likelihood_mark, marks_legend
from genbench_reports.format.table import Cell, Table
from genbench_reports.leaderboard.grouping import group_results
from genbench_reports.leaderboard.leaderboard import Leaderboard, build_leaderboards
from genbench_reports.leaderboard.ranking import order_by_kind

Make = Callable[..., Result]
Figure = Callable[..., MetricValue]
Metrics = dict[str, MetricCard]
Datasets = dict[str, DatasetCard]


def board(results: list[Result], metrics: Metrics, datasets: Datasets) -> Leaderboard:
    (only,) = build_leaderboards(results, metrics, datasets).boards
    return only


def texts(table: Table, title: str) -> list[str]:
    """The column whose heading begins so, contenders first."""
    (index,) = [i for i, column in enumerate(table.columns) if column.title.startswith(title)]
    return [row[index].text for row in (*table.rows, *table.calibration)]


def cell(table: Table, model: str, title: str) -> Cell:
    (index,) = [i for i, column in enumerate(table.columns) if column.title.startswith(title)]
    row = texts(table, "model").index(model)
    return (*table.rows, *table.calibration)[row][index]


def scores(result: Make, **distances: float) -> list[Result]:
    return [result(name, figures={"frechet_distance": value}) for name, value in distances.items()]


def test_the_best_comes_first_and_calibration_takes_no_rank(
    result: Make, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    results = [
        *scores(result, worse=2.0, best=0.5, middle=1.0),
        result("copier", family="baseline", figures={"frechet_distance": 0.1, "copied_share": 1.0}),
    ]
    shown = board(results, metric_cards, dataset_cards).main
    assert texts(shown, "model") == ["best", "middle", "worse", "copier"]
    assert texts(shown, "rank") == ["1", "2", "3", "—"]
    assert [row[1].text for row in shown.calibration] == ["copier"]
    assert cell(shown, "best", "Fréchet").best
    assert not cell(shown, "copier", "Fréchet").best


def test_points_are_ranked_by_the_sliced_wasserstein_distance(
    result: Make, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    """The Fréchet distance would put one wide Gaussian before the ring it covers."""
    results = [
        result("blob", dataset="tiny-points", figures={"frechet_distance": 0.0, "sliced_wasserstein": 1.0}),
        result("ring", dataset="tiny-points", figures={"frechet_distance": 0.1, "sliced_wasserstein": 0.1}),
    ]
    assert texts(board(results, metric_cards, dataset_cards).main, "model") == ["ring", "blob"]


def test_equal_figures_share_a_rank(result: Make, metric_cards: Metrics, dataset_cards: Datasets) -> None:
    shown = board(scores(result, a=1.0, b=1.0, c=2.0), metric_cards, dataset_cards).main
    assert texts(shown, "rank") == ["1", "1", "3"]


def test_seeds_become_a_mean_with_its_error_and_groups(
    result: Make, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    values = {"first": (1.0, 1.1, 1.2), "near": (1.05, 1.08, 1.26), "far": (5.0, 5.2, 5.1)}
    results = [
        result(name, seed=seed, figures={"frechet_distance": value})
        for name, row in values.items()
        for seed, value in enumerate(row)
    ]
    shown = board(results, metric_cards, dataset_cards)
    assert texts(shown.main, "rank") == ["1-2a", "1-2a", "3b"]
    assert texts(shown.main, "Fréchet")[0] == "1.100±0.058"
    assert any("cannot be told apart" in note for note in shown.notes)


def test_one_seed_claims_nothing(result: Make, metric_cards: Metrics, dataset_cards: Datasets) -> None:
    shown = board(scores(result, a=1.0, b=2.0), metric_cards, dataset_cards)
    assert any("no claim is made" in note for note in shown.notes)
    assert "±" not in "".join(texts(shown.main, "Fréchet"))


def test_a_failed_seed_costs_the_rank_and_keeps_its_row(
    result: Make, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    results = [
        result("steady", seed=0, figures={"frechet_distance": 2.0}),
        result("steady", seed=1, figures={"frechet_distance": 2.0}),
        result("lucky", seed=0, figures={"frechet_distance": 0.1}),
        result("lucky", seed=1, status="diverged", reason="the loss is NaN at step 7"),
        result("dead", seed=0, status="killed", reason="SIGSEGV in train"),
        result("dead", seed=1, status="killed", reason="SIGSEGV in train"),
    ]
    shown = board(results, metric_cards, dataset_cards)
    assert texts(shown.main, "model") == ["steady", "lucky"]
    assert texts(shown.main, "rank") == ["1", "—"]
    assert not cell(shown.main, "lucky", "Fréchet").best
    (note,) = cell(shown.main, "lucky", "model").notes
    assert "mean over 1 of 2 seeds" in shown.footnotes[note - 1]
    failed = list(
        zip(*(texts(shown.failures, title) for title in ("failed", "seed", "status", "reason")), strict=True)
    )
    assert failed == [
        ("lucky", "1", "diverged", "the loss is NaN at step 7"),
        ("dead", "0", "killed", "SIGSEGV in train"),
        ("dead", "1", "killed", "SIGSEGV in train"),
    ]


def test_refused_pairs_are_one_line(result: Make, metric_cards: Metrics, dataset_cards: Datasets) -> None:
    results = [*scores(result, a=1.0), result("pixelcnn", status="unsupported", reason="points")]
    assert board(results, metric_cards, dataset_cards).unsupported == "Unsupported, so not run: pixelcnn."


def test_a_copying_model_is_flagged(result: Make, metric_cards: Metrics, dataset_cards: Datasets) -> None:
    results = [
        result("thief", figures={"frechet_distance": 0.1, "copied_share": 0.37}),
        result("honest", figures={"frechet_distance": 0.2, "copied_share": 0.05}),
    ]
    shown = board(results, metric_cards, dataset_cards)
    (note,) = cell(shown.main, "thief", "model").notes
    assert "37% of its samples equal a training example" in shown.footnotes[note - 1]
    assert cell(shown.main, "honest", "model").notes == ()


def test_what_real_data_repeat_too_is_not_copied(
    result: Make, figure: Figure, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    def copied(value: float, real: float) -> dict[str, float | MetricValue]:
        return {"frechet_distance": 1.0, "copied_share": figure("copied_share", value, real=real)}

    results = [result("fair", figures=copied(0.91, 0.9)), result("thief", figures=copied(0.91, 0.3))]
    shown = board(results, metric_cards, dataset_cards)
    assert cell(shown.main, "fair", "model").notes == ()
    (note,) = cell(shown.main, "thief", "model").notes
    assert shown.footnotes[note - 1].endswith("equal a training example; 30% of held-out real data do")


def test_warnings_of_a_job_become_footnotes(
    result: Make, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    bad = result("liar", figures={"frechet_distance": 1.0}, warnings=["log_prob sums to 1.7"])
    shown = board([bad], metric_cards, dataset_cards)
    assert shown.footnotes == ("liar: log_prob sums to 1.7",)


@pytest.mark.parametrize(
    ("budget", "device", "wall", "cpu", "is_disturbed"),
    [
        ("10cpu-s", "cpu", 25.0, 10.0, True),
        ("10s", "cpu", 10.0, 4.0, True),
        ("10cpu-s", "cpu", 11.0, 10.0, False),
        ("10s", "cuda", 10.0, 4.0, False),  # the processor waits for the device
        ("500steps", "cpu", 25.0, 10.0, False),  # steps are the same, however long they take
        ("10s", "cpu", 0.5, 0.01, False),
        ("10s", "cpu", 10.0, None, False),  # a record of before
    ],
)
def test_a_training_that_waited_for_the_processor_is_called_disturbed(
    result: Make,
    metric_cards: Metrics,
    dataset_cards: Datasets,
    budget: str,
    device: str,
    wall: float,
    cpu: float | None,
    is_disturbed: bool,
) -> None:
    cost = Cost(train_seconds=wall, train_cpu_seconds=cpu)
    jobs = [
        result(name, figures={"frechet_distance": 1.0}, budget=budget, device=device, cost=cost)
        for name in ("vae", "iwae")
    ]
    footnotes = board(jobs, metric_cards, dataset_cards).footnotes
    # rows share a footnote: on a busy machine it is true of most
    assert sum(note.startswith("disturbed: ") for note in footnotes) == is_disturbed


def test_likelihoods_carry_their_kind_and_each_kind_has_its_best(
    result: Make, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    kinds = {
        "exact-a": ("exact", 2.0),
        "exact-b": ("exact", 2.5),
        "elbo-a": ("lower bound (ELBO)", 1.0),
        "elbo-b": ("lower bound (ELBO)", 1.5),
        "ais-a": ("AIS estimate (gap 0.10 nats)", 0.5),
        "ais-b": ("AIS estimate (gap 3.40 nats)", 0.7),
        "rbm": ("AIS estimate of Z (within 0.02 nats)", 0.1),
        "iwae-a": ("lower bound (IWAE-100)", 1.1),
        "iwae-b": ("lower bound (IWAE-100)", 1.2),
        "fixed-a": ("lower bound (IWAE-100, fixed variance)", 0.4),
        "fixed-b": ("lower bound (IWAE-100, fixed variance)", 0.6),
    }
    results = [result(n, kind=kind, figures={"bits_per_dim": value}) for n, (kind, value) in kinds.items()]
    shown = board(results, metric_cards, dataset_cards)
    column = {name: cell(shown.main, name, "bits/dim") for name in kinds}
    assert {name: each.text[0] for name, each in column.items()} == {
        "exact-a": "=",
        "exact-b": "=",
        "elbo-a": "≤",
        "elbo-b": "≤",
        "ais-a": "≈",
        "ais-b": "≈",
        "rbm": "≈",
        "iwae-a": "≤",
        "iwae-b": "≤",
        "fixed-a": "≤",
        "fixed-b": "≤",
    }
    best = {name for name, each in column.items() if each.best}
    assert best == {"exact-a", "elbo-a", "ais-a", "iwae-a", "fixed-a"}
    assert order_by_kind(shown.board.rows, "bits_per_dim", "lower") == {
        "AIS estimate": ["ais-a", "ais-b"],
        "exact": ["exact-a", "exact-b"],
        "lower bound (ELBO)": ["elbo-a", "elbo-b"],
        "lower bound (IWAE-100)": ["iwae-a", "iwae-b"],
        "lower bound (IWAE-100, fixed variance)": ["fixed-a", "fixed-b"],
    }
    (legend,) = (note for note in shown.notes if "Kinds are not ranked against each other" in note)
    assert "AIS estimate (gap 0.10 to 3.40 nats), AIS estimate of Z (within 0.02 nats)" in legend


def test_seeds_whose_estimates_differ_in_their_gap_alone_have_a_mean(
    result: Make, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    results = [
        result("gan", seed=seed, kind=f"AIS estimate (gap {gap} nats)", figures={"bits_per_dim": 2.0 + seed})
        for seed, gap in enumerate(("0.10", "0.30", "-0.01"))
    ]
    shown = board(results, metric_cards, dataset_cards)
    assert cell(shown.main, "gan", "bits/dim").text.startswith("≈ 3.00±")
    assert any("AIS estimate (gap -0.01 to 0.30 nats)" in note for note in shown.notes)


def test_what_differs_in_annealing_shares_no_table(
    result: Make, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    results = [
        result("gan", figures={"bits_per_dim": 2.0}, ais_steps=100),
        result("gan", figures={"bits_per_dim": 2.0}, ais_steps=500),
    ]
    boards = build_leaderboards(results, metric_cards, dataset_cards).boards
    assert [each.title for each in boards] == ["tiny-image (ais steps 100)", "tiny-image (ais steps 500)"]


@pytest.mark.parametrize(
    ("kind", "mark"),
    [
        ("exact", "="),
        ("lower bound (dequantised, IW-20)", "≤"),
        ("AIS estimate (gap 0.10 nats)", "≈"),
        ("AIS estimate of Z (within inf nats)", "≈"),
        ("difference of lower bound (IWAE-100)", "≈"),
        ("unsound (Parzen window)", "~"),
        ("upper bound", "?"),
    ],
)
def test_every_kind_has_its_mark_and_its_legend(kind: str, mark: str) -> None:
    assert likelihood_mark(kind) == mark
    assert marks_legend([kind]).startswith(f"{mark} ")


def test_kernel_density_is_never_best_and_never_in_the_likelihood_s_column(
    result: Make, metric_cards: Metrics, dataset_cards: Datasets, figure: Figure
) -> None:
    unsound = figure(
        "parzen_log_likelihood", -100.0, "unsound (Parzen window)", note="unsound: orders models wrongly"
    )
    shown = board(
        [result("gan", figures={"parzen_log_likelihood": unsound, "frechet_distance": 1.0})],
        metric_cards,
        dataset_cards,
    )
    assert all("Parzen" not in column.title for column in shown.main.columns)
    found = cell(shown.further, "gan", "Parzen nats (unsound)")
    assert found.text.startswith("~")
    assert not found.best
    assert any("unsound: orders models wrongly" in note for note in shown.further_notes)
    assert not any("unsound" in note for note in shown.notes)


def test_no_mean_over_seeds_of_different_kinds(
    result: Make, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    results = [
        result("odd", seed=0, kind="exact", figures={"bits_per_dim": 2.0, "frechet_distance": 1.0}),
        result(
            "odd", seed=1, kind="lower bound (ELBO)", figures={"bits_per_dim": 2.0, "frechet_distance": 1.0}
        ),
        result("even", seed=0, figures={"bits_per_dim": 2.0, "frechet_distance": 1.0}),
    ]
    shown = board(results, metric_cards, dataset_cards)
    mixed = cell(shown.main, "odd", "bits/dim")
    assert mixed.text == "—"
    assert "different kinds" in shown.footnotes[mixed.notes[0] - 1]


def test_ranks_are_withheld_where_figures_do_not_compare(
    result: Make, figure: Figure, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    for field, values, word in (
        ("extractor", ("pca:1", "pca:2"), "feature extractors"),
        ("n", (100, 200), "numbers of samples"),
    ):
        results = [
            result(
                f"m{i}", figures={"frechet_distance": figure("frechet_distance", 1.0 + i, **{field: value})}
            )
            for i, value in enumerate(values)
        ]
        shown = board(results, metric_cards, dataset_cards)
        assert texts(shown.main, "rank") == ["—", "—"]
        assert any(f"different {word}" in note for note in shown.notes)


def test_what_differs_in_setting_never_shares_a_table(
    result: Make, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    results = [
        result("a", figures={"frechet_distance": 1.0}),
        result("a", budget="60s", figures={"frechet_distance": 0.5}),
        result("a", samples=50, figures={"frechet_distance": 0.7}),
        result("a", dataset="tiny-series", figures={"frechet_distance": 0.7}),
        result("a", threads=2, figures={"frechet_distance": 0.6}),
    ]
    titles = [each.title for each in build_leaderboards(results, metric_cards, dataset_cards).boards]
    assert len(titles) == len(set(titles)) == 5
    assert any("budget 60s" in title for title in titles)
    assert "tiny-series" in titles


def test_versions_and_settings_of_a_model_are_rows_of_their_own(
    result: Make, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    results = [
        result("vae", figures={"frechet_distance": 3.0}),
        result("vae", version="0.1.0+bbbb", figures={"frechet_distance": 2.0}),
        result("vae", variant="vae:beta=4", hyperparameters={"beta": 4}, figures={"frechet_distance": 1.0}),
    ]
    shown = board(results, metric_cards, dataset_cards).main
    assert texts(shown, "model") == ["vae:beta=4", "vae@0.1.0+bbbb", "vae@0.1.0+aaaa"]


def test_no_result_is_dropped(result: Make) -> None:
    statuses = ("ok", "timeout", "oom", "killed", "diverged", "plugin_error", "data_error", "unsupported")
    results = [
        result(f"m{seed}", seed=seed, status=status, dataset=dataset)
        for seed, status in enumerate(statuses)
        for dataset in ("tiny-image", "tiny-points")
    ]
    held = [
        each.id
        for group in group_results(results)
        for each in (
            *group.unsupported,
            *(r for variant in group.variants for r in (*variant.results, *variant.failures)),
        )
    ]
    assert sorted(held) == sorted(each.id for each in results)


def test_metrics_of_strangers_get_a_place(
    result: Make, figure: Figure, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    odd = MetricValue(name="sparkle", value=0.25, unit="1", better="higher", n=100)
    results = [result("a", figures={"frechet_distance": 1.0, "sparkle": odd})]
    shown = board(results, metric_cards, dataset_cards)
    assert texts(shown.further, "sparkle") == ["0.250"]


def test_an_unknown_data_set_and_modality_are_still_shown(result: Make, metric_cards: Metrics) -> None:
    for dataset in ("gone", "tiny-tokens"):
        results = [result("a", dataset=dataset, figures={"bits_per_dim": 2.0})]
        assert texts(board(results, metric_cards, {}).main, "bits/dim") == ["= 2.000"]


def test_costs_are_means_over_seeds_and_nobodys_columns_are_left_out(
    result: Make, metric_cards: Metrics, dataset_cards: Datasets
) -> None:
    results = [
        result("a", seed=seed, figures={"frechet_distance": 1.0}, cost=cost)
        for seed, cost in enumerate(
            (
                Cost(train_seconds=10.0, parameters=1000, bound_by="seconds"),
                Cost(train_seconds=12.0, parameters=1000, bound_by="steps"),
            )
        )
    ]
    cost = board(results, metric_cards, dataset_cards).cost
    assert texts(cost, "training") == ["11 s"]
    assert texts(cost, "bound by") == ["seconds, steps"]
    assert not any("GPU" in column.title for column in cost.columns)
