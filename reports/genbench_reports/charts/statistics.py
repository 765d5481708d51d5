"""Charts of the statistics over data sets, for papers.

They need the extra `statistics`: scikit-posthocs, which draws the diagram, and matplotlib, which comes with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from genbench.errors import UsageError
from genbench_reports.analysis.performance_profiles import FACTORS, Profile
from genbench_reports.charts.matplotlib_extra import plain
from genbench_reports.format.text import clean
from genbench_reports.statistics.friedman import Friedman
from genbench_reports.statistics.seeds import SIGNIFICANCE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH_INCHES = 7.0
_ROW_INCHES = 0.24
_CD_ROWS = 1.6
"""Height of the critical difference above the axis, in rows."""


def draw_critical_difference(found: Friedman, title: str = "") -> Figure:
    """Mean ranks on an axis, the best on the left; bars join models that cannot be told apart, and the critical
    difference stands above them (Demšar 2006, figure 1). Where Friedman's test finds nothing, one bar joins all.

    Raises UsageError where the extra is not installed.
    """
    try:
        from scikit_posthocs import critical_difference_diagram
    except ModuleNotFoundError as error:
        raise _missing(error) from None
    import pandas as pd

    models = [_plain(model) for model in found.mean_ranks]
    names = dict(zip(found.mean_ranks, models, strict=True))
    p_values = pd.DataFrame(1.0, index=models, columns=models)
    for (first, second), p in found.p_values.items():
        # where Friedman's test finds nothing, no pair may differ either
        shown = p if found.differs else max(p, SIGNIFICANCE)
        p_values.loc[names[first], names[second]] = p_values.loc[names[second], names[first]] = shown
    rows = (len(models) + 1) // 2 + len(found.groups)
    figure = _figure(1.4 + _ROW_INCHES * rows)
    axes = figure.add_subplot()
    critical_difference_diagram(
        {names[model]: rank for model, rank in found.mean_ranks.items()},
        p_values,
        alpha=SIGNIFICANCE,
        ax=axes,
        label_fmt_left="{label} ({rank:.2f})",
        label_fmt_right="({rank:.2f}) {label}",
    )
    # higher than the diagram would draw it, where it would cover the numbers of the axis
    best = next(iter(found.mean_ranks.values()))
    axes.plot([best, best + found.critical_difference], [_CD_ROWS] * 2, color="k", linewidth=2)
    middle = best + found.critical_difference / 2
    axes.text(
        middle,
        _CD_ROWS + 0.2,
        f"critical difference {found.critical_difference:.2f}",
        ha="center",
        fontsize=8,
    )
    axes.set_title(_plain(title) or f"mean ranks over {found.blocks} data sets", pad=16, fontsize=10)
    figure.tight_layout()
    return figure


def draw_performance_profiles(profiles: Mapping[str, Profile], title: str = "") -> Figure:
    """The share of data sets (upwards) on which a model is within a factor (rightwards, logarithmic) of the best.

    Raises UsageError where matplotlib is not installed.
    """
    figure = _figure(4.0)
    from matplotlib.ticker import FixedLocator, FormatStrFormatter, NullFormatter

    axes = figure.add_subplot()
    last = max((factor for profile in profiles.values() for factor, _ in profile.steps()), default=1.0)
    end = max(last * 1.1, FACTORS[1])
    for model, profile in sorted(profiles.items(), key=lambda pair: -pair[1].share(2.0)):
        factors, shares = [1.0], [profile.share(1.0)]
        for factor, share in profile.steps():
            factors.append(factor)
            shares.append(share)
        axes.step([*factors, end], [*shares, shares[-1]], where="post", label=_plain(model))
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(
        FixedLocator([factor for factor in (1, 1.5, 2, 3, 5, 10, 30, 100) if factor <= end])
    )
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(1.0, end)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("factor of the best model's value")
    axes.set_ylabel("share of data sets")
    axes.set_title(_plain(title) or "performance profiles", fontsize=10)
    if profiles:
        axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    figure.tight_layout()
    return figure


def _figure(height_inches: float) -> Figure:
    """Not by pyplot, which would keep the figure in memory and select a display."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise _missing(error) from None

    return Figure(figsize=(_WIDTH_INCHES, height_inches))


def _missing(error: ModuleNotFoundError) -> UsageError:
    return UsageError(f"pictures of statistics need {error.name}: pip install 'genbench[statistics]'")


def _plain(text: str) -> str:
    """A name as text, in which matplotlib reads no mathematics."""
    return plain(clean(text))
