"""Names in charts: none lies on another, on a point, or outside the chart."""

from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from genbench_reports.charts.label_places import (
    MAX_NAME_CHARACTERS,
    Box,
    Spot,
    name_lines,
    place_labels,
    stack_labels,
    text_width,
)

FRAME = Box(0, 500, 0, 300)
SPOTS = st.lists(
    st.builds(Spot, st.floats(0, 500), st.floats(0, 300), st.floats(5, 150), st.sampled_from([12.0, 24.0])),
    max_size=12,
)


@given(SPOTS)
@settings(deadline=None)
def test_names_stay_apart_and_inside(spots: list[Spot]) -> None:
    places = place_labels(spots, FRAME, 12.0)
    assert len(places) == len(spots)
    boxes = [
        Box(
            place.x - spot.width / 2,
            place.x + spot.width / 2,
            place.y - spot.height / 2,
            place.y + spot.height / 2,
        )
        for spot, place in zip(spots, places, strict=True)
        if place is not None
    ]
    assert all(FRAME.holds(box) for box in boxes)
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    for box in boxes:
        assert not any(box.left < spot.x < box.right and box.low < spot.y < box.high for spot in spots)


def test_a_lone_name_is_beside_its_point_and_one_without_room_is_left_out() -> None:
    lone, wide = Spot(250, 150, 60, 12), Spot(250, 150, 600, 12)
    (place,) = place_labels([lone], FRAME, 12.0)
    assert place is not None
    assert not place.is_far
    assert place.x > lone.x
    assert place_labels([wide], FRAME, 12.0) == [None]


@given(st.lists(st.tuples(st.floats(1, 20), st.floats(-50, 350)), max_size=10))
def test_a_column_of_names_keeps_their_order_and_has_no_overlap(labels: list[tuple[float, float]]) -> None:
    heights, wanted = [height for height, _ in labels], [y for _, y in labels]
    centres = stack_labels(heights, wanted, 0, 300)
    order = sorted(range(len(labels)), key=lambda index: wanted[index])
    for one, other in pairwise(order):
        assert centres[other] - centres[one] >= (heights[one] + heights[other]) / 2 - 1e-9
    for centre, height in zip(centres, heights, strict=True):
        assert height / 2 - 1e-9 <= centre <= 300 - height / 2 + 1e-9


def test_long_names_are_broken_and_wide_characters_take_room() -> None:
    lines = name_lines("x" * 64)
    assert "".join(lines) == "x" * 64
    assert max(map(len, lines)) <= MAX_NAME_CHARACTERS
    assert name_lines("") == [""]
    assert text_width("模型", 10) > text_width("ab", 10)
