"""Notes that differ in their numbers alone are one note."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from genbench_reports.leaderboard.merge_notes import merge_notes


def test_numbers_become_ranges() -> None:
    assert merge_notes(
        [
            "noise of 4.46 levels; gap -1.10 ± 0.56 nats on 4 simulated examples",
            "noise of 5.41 levels; gap 1.36 ± 0.84 nats on 4 simulated examples",
            "noise of 4.91 levels; gap 0.95 ± 0.97 nats on 4 simulated examples",
        ]
    ) == ["noise of 4.46 to 5.41 levels; gap -1.10 to 1.36 ± 0.56 to 0.97 nats on 4 simulated examples"]


def test_other_words_stay_apart_and_in_order() -> None:
    assert merge_notes(["b 1", "a", "b 2", "a", "v2x 3", "v3x 3"]) == ["b 1 to 2", "a", "v2x 3", "v3x 3"]
    assert merge_notes(["1.0", "1.00"]) == ["1.0"]
    assert merge_notes([]) == []


@given(st.lists(st.text(), max_size=5))
def test_single_notes_are_as_they_were(notes: list[str]) -> None:
    for note in notes:
        assert merge_notes([note]) == [note]
        assert merge_notes([note, note]) == [note]
    assert len(merge_notes(notes)) <= len(set(notes))


@given(st.lists(st.integers(-99, 99) | st.floats(0, 1e300), min_size=1, max_size=5))
def test_every_number_lies_within_its_range(numbers: list[float]) -> None:
    (merged,) = merge_notes([f"gap {number} nats" for number in numbers])
    ends = [float(end) for end in merged.removeprefix("gap ").removesuffix(" nats").split(" to ")]
    assert (ends[0], ends[-1]) == (min(numbers), max(numbers))
