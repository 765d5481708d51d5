"""The meter: what it deals out, when it stops, what its clock leaves out, and what its counter counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import chain

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from genbench.api import compute_meter
from genbench.api.budget import CHECKPOINT_FRACTIONS, Budget
from genbench.api.compute_meter import ComputeMeter, Spent
from genbench.api.data import Split
from genbench.api.flop_counter import flops_of
from genbench.api.spec import DataSpec
from genbench.errors import DataError, Diverged, PluginError

SPEC = DataSpec(name="numbers", modality="points", event_shape=(1,))


def numbers(count: int) -> Split:
    return Split(SPEC, torch.arange(count, dtype=torch.float32).unsqueeze(1))


class FakeClock:
    """Moves only when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def meter_of(budget: str, **changes: object) -> ComputeMeter:
    return ComputeMeter(Budget.parse(budget), **changes)  # type: ignore[arg-type]


def run(meter: ComputeMeter, train: Split, batch_size: int, step: Callable[[], None] = lambda: None) -> int:
    steps = 0
    for _ in meter.batches(train, batch_size):
        step()
        steps += 1
    return steps


# ---- the limits


@given(steps=st.integers(1, 40), count=st.integers(1, 20), batch=st.integers(1, 25))
def test_steps_are_kept_exactly(steps: int, count: int, batch: int) -> None:
    meter = meter_of(f"{steps}steps")
    assert run(meter, numbers(count), batch) == steps
    spent = meter.finish()
    assert (spent.steps, spent.examples) == (steps, steps * min(batch, count))
    assert (meter.bound_by(), spent.fraction) == ("steps", 1.0)


@given(examples=st.integers(1, 100), count=st.integers(1, 20), batch=st.integers(1, 25))
def test_examples_are_never_exceeded_and_never_left_by_a_whole_batch(
    examples: int, count: int, batch: int
) -> None:
    meter = meter_of(f"{examples}examples")
    run(meter, numbers(count), batch)
    size = min(batch, count, examples)
    assert examples - size < meter.finish().examples <= examples
    assert meter.bound_by() == "examples"


def test_flops_are_never_exceeded() -> None:
    layer = nn.Linear(1, 8)
    price = 2 * 4 * 8  # a multiply and an add for each of 4 x 8 products
    meter = meter_of(f"{10.5 * price:g}flops")
    steps = 0
    for batch in meter.batches(numbers(8), 4):
        layer(batch.x)
        steps += 1
    assert (steps, meter.finish().flops) == (10, 10 * price)
    assert meter.bound_by() == "flops"


def test_seconds_are_exceeded_by_less_than_a_step() -> None:
    clock = FakeClock()

    def step() -> None:
        clock.now += 0.3

    meter = meter_of("1s", clock=clock)
    # four steps take 1.2 s; the first is counted for its FLOPs and charged at the price of the second
    assert run(meter, numbers(4), 2, step) == 4
    assert meter.finish().seconds == pytest.approx(1.2)
    assert meter.bound_by() == "seconds"


@pytest.mark.parametrize(
    ("budget", "binding"),
    [
        ("3steps,100examples,60s", "steps"),
        ("30steps,10examples,60s", "examples"),
        ("30steps,100examples,1s", "seconds"),
    ],
)
def test_the_first_limit_binds_and_is_recorded(budget: str, binding: str) -> None:
    clock = FakeClock()

    def step() -> None:
        clock.now += 0.1

    meter = meter_of(budget, clock=clock)
    run(meter, numbers(8), 2, step)
    meter.finish()
    assert meter.bound_by() == binding


def test_one_step_always_runs() -> None:
    layer = nn.Linear(1, 8)
    meter = meter_of("1flops")
    for batch in meter.batches(numbers(8), 4):
        layer(batch.x)
    assert meter.finish().steps == 1


def test_a_model_that_ends_by_itself_is_finished() -> None:
    meter = meter_of("100steps")
    for batch in meter.batches(numbers(8), 4):
        if batch.x.numel() and meter.spent().steps == 3:
            break
    meter.finish()
    assert meter.bound_by() == "finished"


def test_stages_end_at_their_share_of_the_budget() -> None:
    meter = meter_of("10steps")
    first = sum(1 for _ in meter.batches(numbers(8), 4, until=0.3))
    second = sum(1 for _ in meter.batches(numbers(8), 4))
    assert (first, second) == (3, 7)


def test_charges_count() -> None:
    clock = FakeClock()
    meter = meter_of("100steps,5s", clock=clock)
    meter.start()
    clock.now += 2
    meter.charge(steps=1, examples=40, flops=1e6)
    spent = meter.finish()
    assert (spent.steps, spent.examples, spent.flops, spent.seconds) == (1, 40, 1e6, 2.0)


# ---- the data


def test_an_epoch_meets_each_example_once_and_the_next_one_in_another_order() -> None:
    meter = meter_of("8steps")
    seen = [batch.x.flatten().tolist() for batch in meter.batches(numbers(16), 4)]
    first, second = list(chain(*seen[:4])), list(chain(*seen[4:]))
    assert sorted(first) == sorted(second) == list(range(16))
    assert first != second


def test_the_seed_alone_decides_the_order() -> None:
    def order(seed: int) -> list[float]:
        meter = meter_of("4steps", seed=seed)
        torch.rand(seed + 1)  # chance of the model's own does not matter
        return [value for batch in meter.batches(numbers(16), 4) for value in batch.x.flatten().tolist()]

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_an_incomplete_last_batch_is_left_out_unless_it_is_the_only_one() -> None:
    assert [len(batch.x) for batch in meter_of("6steps").batches(numbers(10), 4)] == [4] * 6
    assert [len(batch.x) for batch in meter_of("3steps").batches(numbers(3), 4)] == [3] * 3


def test_integers_come_as_int64_with_their_labels() -> None:
    spec = DataSpec(name="image", modality="image", event_shape=(1, 2, 2), levels=17, classes=3)
    x = torch.full((6, 1, 2, 2), 16, dtype=torch.uint8)
    y = torch.arange(6) % 3
    batch = next(iter(meter_of("1steps").batches(Split(spec, x, y), 6)))
    assert batch.x.dtype == torch.int64
    assert batch.y is not None
    assert sorted(batch.y.tolist()) == [0, 0, 1, 1, 2, 2]


def test_no_data_is_refused() -> None:
    with pytest.raises(ValueError, match="numbers: no training examples"):
        next(iter(meter_of("1steps").batches(numbers(0), 4)))


def test_the_validation_split_has_to_be_there() -> None:
    with pytest.raises(ValueError, match="without a validation split"):
        _ = meter_of("1steps").valid
    valid = numbers(3)
    assert meter_of("1steps", valid=valid).valid is valid


# ---- the clock


def test_checkpoints_are_off_the_clock() -> None:
    clock = FakeClock()
    taken: list[Spent] = []

    def checkpoint(spent: Spent) -> None:
        taken.append(spent)
        clock.now += 1000

    def step() -> None:
        clock.now += 0.1

    meter = meter_of("10s", clock=clock, on_checkpoint=checkpoint)
    steps = run(meter, numbers(8), 4, step)
    assert steps == pytest.approx(100, abs=1)
    assert meter.finish().seconds == pytest.approx(10, abs=0.11)
    assert [spent.fraction for spent in taken] == pytest.approx(CHECKPOINT_FRACTIONS, abs=0.011)


@pytest.fixture
def slow_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting takes a second per operator."""
    monkeypatch.setattr(compute_meter, "counting_seconds_per_operator", lambda: 1.0)


def timed_step(clock: FakeClock, ordinary: float, counted: float) -> Callable[[], None]:
    """A step of ten operators that takes `ordinary` seconds, or `counted` where its FLOPs are counted."""

    def step() -> None:
        x = torch.ones(1)
        for _ in range(9):
            x = x + 1
        clock.now += counted if _get_current_dispatch_mode_stack() else ordinary

    return step


@pytest.mark.usefixtures("slow_counting")
@pytest.mark.parametrize("steps", [30, 60, 500])
def test_counting_flops_is_charged_at_the_price_of_an_ordinary_step(steps: int) -> None:
    clock = FakeClock()
    meter = meter_of(f"{steps}steps", clock=clock)
    run(meter, numbers(8), 4, timed_step(clock, ordinary=0.5, counted=10.0))
    assert meter.finish().seconds == pytest.approx(0.5 * steps)


@pytest.mark.usefixtures("slow_counting")
def test_where_no_ordinary_step_followed_counted_ones_are_charged_without_what_counting_takes() -> None:
    clock = FakeClock()
    meter = meter_of("5steps", clock=clock)
    run(meter, numbers(8), 4, timed_step(clock, ordinary=0.5, counted=11.0))
    assert meter.finish().seconds == pytest.approx(5 * (11.0 - 10 * 1.0))


@pytest.mark.usefixtures("slow_counting")
def test_a_model_that_is_slow_in_counted_steps_alone_hides_no_more_than_counting_may_take() -> None:
    clock = FakeClock()
    meter = meter_of("10steps", clock=clock)
    run(meter, numbers(8), 4, timed_step(clock, ordinary=0.5, counted=100.0))
    assert meter.finish().seconds == pytest.approx(10 * (100.0 - 10 * 1.0))  # each is a counted one
    meter = meter_of("1200s", clock=clock)
    # at once: 100 s less twice what counting takes; without that bound there would be 2,400 steps
    assert run(meter, numbers(8), 4, timed_step(clock, ordinary=0.5, counted=100.0)) == 1200 / 80
    assert meter.finish().seconds == pytest.approx(15 * 90.0)


def test_a_lone_counted_step_is_charged_as_it_was() -> None:
    clock = FakeClock()

    def step() -> None:
        clock.now += 5.0

    meter = meter_of("1steps", clock=clock)
    run(meter, numbers(8), 4, step)
    assert meter.finish().seconds == pytest.approx(5.0)


def test_a_checkpoint_falls_due_once_even_when_a_step_passes_several() -> None:
    taken: list[Spent] = []
    meter = meter_of("2steps", on_checkpoint=taken.append)
    run(meter, numbers(8), 4)
    assert [spent.steps for spent in taken] == [1, 2]


# ---- FLOPs


def test_flops_are_counted_once_for_each_batch_shape_and_extrapolated() -> None:
    layer = nn.Linear(1, 16)
    meter = meter_of("7steps")
    for batch in meter.batches(numbers(12), 4):
        layer(batch.x).sum().backward()
    forward = 2 * 4 * 16
    weight_gradient = 2 * 4 * 16  # the input needs none
    assert meter.finish().flops == 7 * (forward + weight_gradient)


def test_flops_of_a_cycle_are_counted_in_each_of_its_phases() -> None:
    small, large = nn.Linear(1, 2), nn.Linear(1, 32)
    meter = meter_of("10steps")
    for step, batch in enumerate(meter.batches(numbers(12), 4, cycle=5)):
        (large if step % 5 == 4 else small)(batch.x)
    assert meter.finish().flops == 8 * (2 * 4 * 2) + 2 * (2 * 4 * 32)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_gru_costs_what_its_matrices_cost(layers: int) -> None:
    """The fused kernels are unknown to torch's counter; without ours a GRU would train for nothing."""
    batch, steps, inputs, hidden = 3, 5, 4, 6
    network = nn.GRU(inputs, hidden, num_layers=layers, batch_first=True)
    with flops_of() as counted, torch.no_grad():
        network(torch.randn(batch, steps, inputs))
    first = 2 * batch * steps * 3 * hidden * (inputs + hidden)
    others = (layers - 1) * 2 * batch * steps * 3 * hidden * (hidden + hidden)
    assert counted[0] == first + others


def test_a_batch_after_which_the_loop_is_left_is_charged_too() -> None:
    layer = nn.Linear(1, 8)
    meter = meter_of("3steps")
    for _ in range(10):
        for batch in meter.batches(numbers(8), 4):
            layer(batch.x)
            break
    spent = meter.finish()
    assert (spent.steps, spent.examples, spent.flops) == (3, 12, 3 * 2 * 4 * 8)


def test_two_loops_at_once_count_one_after_the_other() -> None:
    layer = nn.Linear(1, 8)
    meter = meter_of("40steps")
    for first, _ in zip(meter.batches(numbers(8), 4), meter.batches(numbers(8), 2), strict=False):
        layer(first.x)
    # the batch of one loop was out when the other reached the limit
    assert meter.finish().steps == 41
    assert not _get_current_dispatch_mode_stack()


def test_a_budget_of_flops_ends_a_model_of_which_none_are_counted() -> None:
    meter = meter_of("1e9flops")
    with pytest.raises(PluginError, match="no floating-point operations are counted for this model"):
        run(meter, numbers(8), 4, lambda: None)
    assert meter.spent().steps == 100
    # with another limit, that one ends it
    assert run(meter_of("1e9flops,300steps"), numbers(8), 4) == 300


# ---- the accounts


def test_building_the_model_is_charged() -> None:
    wall, cpu = FakeClock(), FakeClock()
    meter = meter_of(
        "10s", clock=wall, cpu_clock=cpu, construction_seconds=60.0, construction_cpu_seconds=59.0
    )

    def step() -> None:
        wall.now += 1.0

    assert run(meter, numbers(8), 4, step) == 1  # the first step always runs
    spent = meter.finish()
    assert (spent.seconds, spent.cpu_seconds, spent.fraction) == (61.0, 59.0, 1.0)
    assert meter.seconds_outside_batches == 0.0
    assert meter.overrun() == pytest.approx(5.1)


def test_time_before_between_and_after_loops_is_on_the_clock_and_recorded() -> None:
    wall = FakeClock()
    meter = meter_of("4steps", clock=wall, construction_seconds=100.0)
    meter.start()

    def step() -> None:
        wall.now += 1.0

    wall.now += 5.0
    for _ in meter.batches(numbers(8), 4, until=0.5):
        step()
    wall.now += 7.0
    run(meter, numbers(8), 4, step)
    wall.now += 11.0
    assert meter.finish().seconds == 100.0 + 5.0 + 2.0 + 7.0 + 2.0 + 11.0
    assert meter.seconds_outside_batches == 5.0 + 7.0 + 11.0
    assert meter.warning() == (
        "23 of the 27 s of fit lie outside of meter.batches, where its budget of 4steps limits nothing"
    )


@pytest.mark.parametrize(
    ("budget", "before", "told"),
    [
        ("10steps", 11.0, True),
        ("10steps", 9.0, False),  # less than half of fit
        ("10steps,100s", 11.0, False),  # time is limited
        ("100examples", 11.0, True),
    ],
)
def test_time_outside_of_batches_is_told_where_no_limit_sees_it(
    budget: str, before: float, told: bool
) -> None:
    wall = FakeClock()
    meter = meter_of(budget, clock=wall)
    meter.start()
    wall.now += before

    def step() -> None:
        wall.now += 1.0

    run(meter, numbers(10), 10, step)
    meter.finish()
    assert (meter.warning() is not None) == told


@pytest.mark.parametrize(
    ("budget", "step_seconds", "after", "overrun"),
    [
        ("10s", 1.0, 0.0, 0.0),
        ("10s", 3.0, 0.0, 0.0),  # 12 s: less than a step more
        ("10s", 1.0, 0.9, 0.0),  # a tenth
        ("10s", 0.5, 5.0, 0.5),
        ("10s", 11.0, 0.0, 0.0),  # the first step always runs
        ("10s", 3.0, 5.0, 0.7),
        ("10cpu-s", 0.5, 5.0, 0.5),
        ("10cpu-s", 3.0, 0.0, 0.0),
    ],
)
def test_an_overrun_is_more_than_a_tenth_and_more_than_a_step(
    budget: str, step_seconds: float, after: float, overrun: float
) -> None:
    clock = FakeClock()
    meter = meter_of(budget, clock=clock, cpu_clock=clock)

    def step() -> None:
        clock.now += step_seconds

    run(meter, numbers(8), 4, step)
    clock.now += after
    meter.finish()
    assert meter.overrun() == pytest.approx(overrun)


@pytest.mark.parametrize(
    ("budget", "charged", "overrun"),
    [
        ("10steps", {"steps": 11}, 0.0),
        ("10steps", {"steps": 12}, 0.2),
        ("100examples", {"steps": 1, "examples": 500}, 0.0),  # a closed form is one step
        ("100examples", {"steps": 10, "examples": 500}, 4.0),
        ("1e6flops,100examples", {"steps": 10, "examples": 50, "flops": 3e6}, 2.0),
    ],
)
def test_charges_may_exceed_a_budget(budget: str, charged: dict[str, float], overrun: float) -> None:
    meter = meter_of(budget)
    meter.charge(**charged)  # type: ignore[arg-type]
    meter.finish()
    assert meter.overrun() == pytest.approx(overrun)


def test_nothing_is_given_back() -> None:
    with pytest.raises(ValueError, match="nothing is given back"):
        meter_of("10steps").charge(steps=-5)


def test_a_fit_that_charges_nothing_is_told_what_to_do() -> None:
    meter = meter_of("10steps")
    meter.start()
    meter.finish()
    with pytest.raises(PluginError, match=r"must take its batches from meter\.batches or charge its cost"):
        meter.check_charged()


# ---- losses


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_the_training(value: float) -> None:
    meter = meter_of("5steps")
    with pytest.raises(Diverged, match=r"loss became (nan|inf) by step"):
        run(meter, numbers(8), 4, lambda: meter.log(loss=torch.tensor(value)))


def test_progress_is_reported_with_the_last_losses() -> None:
    clock, reports = FakeClock(), []

    def step() -> None:
        clock.now += 0.11

    meter = meter_of("2s", clock=clock, on_progress=lambda spent, losses: reports.append((spent, losses)))
    for number, _ in enumerate(meter.batches(numbers(8), 4)):
        step()
        meter.log(loss=float(number))
    # about five times a second, not at each of the twenty steps
    assert 8 <= len(reports) <= 11
    assert reports[-1][1]["loss"] > reports[0][1]["loss"]


def test_the_loss_that_was_logged_keeps_no_graph() -> None:
    weight = torch.ones(1, requires_grad=True)
    meter = meter_of("1steps")
    for _ in meter.batches(numbers(8), 4):
        meter.log(loss=(weight * 2).sum())
    assert not any(isinstance(loss, torch.Tensor) and loss.requires_grad for loss in meter._losses.values())


# ---- binary data that are drawn anew

BINARY = DataSpec(name="binary", modality="image", event_shape=(1, 2, 2), levels=2)


def grey_split(count: int) -> Split:
    grey = torch.tensor([0, 255, 128, 64], dtype=torch.uint8).reshape(1, 1, 2, 2).repeat(count, 1, 1, 1)
    return Split(BINARY, torch.zeros_like(grey), None, grey)


def test_grey_levels_are_drawn_anew_in_every_epoch() -> None:
    drawn = [batch.x for batch in meter_of("200steps").batches(grey_split(100), 100)]
    assert drawn[0].dtype == torch.int64
    assert not torch.equal(drawn[0], drawn[1])
    share = torch.cat(drawn).double().mean(0).flatten()
    assert share[0] == 0.0
    assert share[1] == 1.0
    for found, level in zip(share[2:].tolist(), (128, 64), strict=True):
        p = level / 255
        assert abs(found - p) < 5 * math.sqrt(p * (1 - p) / 20_000)


def test_the_draws_follow_the_seed() -> None:
    def draws(seed: int) -> list[int]:
        meter = meter_of("5steps", seed=seed)
        return [int(value) for batch in meter.batches(grey_split(8), 4) for value in batch.x.flatten()]

    assert draws(1) == draws(1)
    assert draws(1) != draws(2)


def test_grey_levels_go_where_their_examples_go() -> None:
    split = grey_split(6)
    assert split.grey is not None
    split.grey[2] = 7
    chosen = split.subset(torch.tensor([2, 0]))
    assert chosen.grey is not None
    assert chosen.grey[0].unique().tolist() == [7]
    assert len(split.to("cpu").random_subset(3, seed=0)) == 3


@pytest.mark.parametrize(
    "grey", [torch.zeros(2, 1, 2, 2, dtype=torch.uint8), torch.zeros(3, 1, 2, 2)], ids=["count", "dtype"]
)
def test_grey_levels_that_do_not_fit_are_refused(grey: torch.Tensor) -> None:
    with pytest.raises(DataError, match="grey levels"):
        Split(BINARY, torch.zeros(3, 1, 2, 2, dtype=torch.uint8), None, grey)


# ---- processor time


def test_processor_time_ends_the_loop_whatever_the_wall_clock_says() -> None:
    wall, cpu = FakeClock(), FakeClock()
    meter = meter_of("10cpu-s", clock=wall, cpu_clock=cpu)

    def step() -> None:
        wall.now += 7.0  # neighbours have the processor most of the time
        cpu.now += 1.0

    run(meter, numbers(8), 4, step)
    spent = meter.finish()
    assert (meter.bound_by(), spent.fraction) == ("cpu_seconds", 1.0)
    assert spent.cpu_seconds >= 10.0
    assert spent.seconds == pytest.approx(7 * spent.cpu_seconds)


def test_checkpoints_are_off_the_processor_clock() -> None:
    wall, cpu = FakeClock(), FakeClock()
    fractions = []

    def checkpoint(spent: Spent) -> None:
        fractions.append(spent.cpu_seconds / 10)
        cpu.now += 1000.0
        wall.now += 1000.0

    meter = meter_of("10cpu-s", clock=wall, cpu_clock=cpu, on_checkpoint=checkpoint)

    def step() -> None:
        wall.now += 0.5
        cpu.now += 0.5

    run(meter, numbers(8), 4, step)
    spent = meter.finish()
    assert fractions == pytest.approx([0.1, 0.25, 0.5, 0.75], abs=0.06)
    assert spent.cpu_seconds == pytest.approx(10.0, abs=0.5)
    assert spent.seconds == pytest.approx(10.0, abs=0.5)


@pytest.mark.usefixtures("slow_counting")
def test_steps_counted_for_flops_are_charged_at_the_price_of_the_next_one_on_both_clocks() -> None:
    wall, cpu = FakeClock(), FakeClock()
    meter = meter_of("100steps", clock=wall, cpu_clock=cpu)
    on_the_wall, on_the_processor = timed_step(wall, 2.0, 5.0), timed_step(cpu, 1.0, 4.0)

    def step() -> None:
        on_the_wall()
        on_the_processor()

    run(meter, numbers(8), 4, step)
    spent = meter.finish()
    assert (spent.seconds, spent.cpu_seconds) == (pytest.approx(200.0), pytest.approx(100.0))


def test_processor_time_is_of_all_threads_and_of_no_sleep() -> None:
    import threading
    import time

    from genbench.api.clocks import process_cpu_seconds

    def work(seconds: float) -> None:
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass

    began = process_cpu_seconds()
    time.sleep(0.2)
    assert process_cpu_seconds() - began < 0.15
    began = process_cpu_seconds()
    thread = threading.Thread(target=work, args=(0.1,))
    thread.start()
    work(0.1)
    thread.join()
    assert process_cpu_seconds() - began >= 0.19


def test_real_processor_time_is_read_when_it_can_matter_and_ends_the_training() -> None:
    """Between readings the meter relies on the wall clock; the end and the checkpoints come when they are due."""
    data = Split(DataSpec(name="x", modality="points", event_shape=(2,)), torch.zeros(64, 2))
    taken: list[float] = []
    meter = ComputeMeter(
        Budget.parse("0.2cpu-s"),
        fractions=(0.25, 0.5),
        on_checkpoint=lambda spent: taken.append(spent.cpu_seconds),
    )
    for _ in meter.batches(data, 8):
        torch.rand(50, 50).sum()
    spent = meter.finish()
    assert 0.2 <= spent.cpu_seconds < 0.25
    assert [round(seconds, 2) for seconds in taken] == pytest.approx([0.05, 0.1], abs=0.02)
    assert meter.bound_by() == "cpu_seconds"


def test_a_data_loader_of_a_split_is_told_of_batches() -> None:
    loader = torch.utils.data.DataLoader(numbers(8), batch_size=4)  # type: ignore[arg-type]
    with pytest.raises(
        TypeError, match=r"take batches with `for batch in meter\.batches\(train, batch_size=64\)`"
    ):
        next(iter(loader))
