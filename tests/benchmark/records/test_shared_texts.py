"""Texts that records repeat are one object after reading, and the records say what they said."""

from __future__ import annotations

import msgspec
import pytest
from many_records import write_many_records

from genbench.records.result import LikeliestCheckpoint, Result, SamplingPoint
from genbench.records.run_folder import Run
from genbench.records.shared_texts import SharedTexts

RECORDS = 40


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_many_records(tmp_path_factory.mktemp("records") / "run", RECORDS, datasets=2)


def texts_of(value: object) -> list[str]:
    """All texts of values of metrics and of provenance."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts_of(each)]
    if isinstance(value, list | tuple):
        return [text for each in value for text in texts_of(each)]
    return texts_of(list(msgspec.structs.astuple(value))) if isinstance(value, msgspec.Struct) else []


def repeated(result: Result) -> list[str]:
    parts = (result.metrics, result.last_metrics, result.likeliest, result.curve, result.sampling_curve)
    return texts_of([*parts, result.provenance])


def test_equal_texts_of_many_records_are_one_object(run: Run) -> None:
    found = [text for result in run.results() for text in repeated(result)]
    assert len(found) > 1000
    assert len({id(text) for text in found}) == len(set(found))


def test_records_say_what_their_files_say(run: Run) -> None:
    for result in run.results():
        assert result == msgspec.json.decode(run.result_path(result.job).read_bytes(), type=Result)


def test_every_part_of_a_record_that_has_metrics_is_shared(run: Run) -> None:
    first = run.results()[0]
    everything = msgspec.structs.replace(
        first,
        last_metrics=first.metrics,
        likeliest=LikeliestCheckpoint(fraction=0.5, metrics=first.metrics),
        sampling_curve=[SamplingPoint(steps=4, n=10, metrics=first.metrics)],
    )
    copies = [msgspec.json.decode(msgspec.json.encode(everything), type=Result) for _ in range(2)]
    assert len({id(text) for copy in copies for text in repeated(copy)}) > len(set(repeated(everything)))
    texts = SharedTexts()
    for copy in copies:
        texts.share(copy)
    assert len({id(text) for copy in copies for text in repeated(copy)}) == len(set(repeated(everything)))
    assert copies[0] == copies[1] == everything
