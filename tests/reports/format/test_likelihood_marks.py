"""The legend of likelihood kinds."""

from __future__ import annotations

from genbench.records import likelihood_kinds as kinds
from genbench_reports.format.likelihood_marks import marks_legend


def test_the_legend_says_what_is_unknown() -> None:
    known, unknown = kinds.annealed_partition(0.25), "AIS estimate of Z (within inf nats)"
    assert "AIS estimate of Z (within 0.25 nats, of some unknown)" in marks_legend([known, unknown])
    assert "AIS estimate of Z (error unknown)" in marks_legend([unknown])
    assert "unknown" not in marks_legend([known])
