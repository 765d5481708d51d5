"""Pictures: what they show is what the records say."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from genbench_reports.analysis.performance_profiles import performance_profiles
from genbench_reports.charts.statistics import draw_critical_difference, draw_performance_profiles
from genbench_reports.statistics.friedman import friedman

MODELS = ("vae", "g{a}n", "made $x$", "last_one")


def texts(figure: object) -> list[str]:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    assert isinstance(figure, Figure)
    figure.canvas.draw()
    return [found.get_text() for found in figure.findobj(Text)]


def bars(figure: object) -> int:
    """Thick lines, without the one of the critical difference."""
    return sum(line.get_linewidth() == 2 for line in figure.axes[0].get_lines()) - 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_diagram_shows_ranks_groups_and_the_critical_difference() -> None:
    means = [[1.0 + i % 2, 2.0 - i % 2, 5.0, 9.0] for i in range(14)]
    found = friedman(means, MODELS)
    figure = draw_critical_difference(found, "a $title$")
    shown = texts(figure)
    assert f"critical difference {found.critical_difference:.2f}" in shown
    assert "a \\$title\\$" in shown
    for model, rank in found.mean_ranks.items():
        assert any(model.replace("$", "\\$") in text and f"({rank:.2f})" in text for text in shown)
    assert bars(figure) == sum(len(group) > 1 for group in found.groups)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_one_bar_joins_all_where_nothing_differs() -> None:
    found = friedman(np.random.default_rng(1).normal(size=(4, 4)).tolist(), MODELS)
    assert not found.differs
    assert bars(draw_critical_difference(found)) == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_profiles_are_drawn_as_they_are() -> None:
    profiles = performance_profiles({"a": {"x": 1.0, "y": 3.0}, "b": {"x": 2.0}, "c_$": {}})
    figure = draw_performance_profiles(profiles)
    lines = {line.get_label(): line.get_xydata() for line in figure.axes[0].get_lines()}
    assert lines["b"][:2].tolist() == [[1.0, 0.0], [2.0, 0.5]]
    assert lines["a"][-1][1] == 1.0
    assert set(lines["c_\\$"][:, 1]) == {0.0}
    assert "share of data sets" in texts(figure)
    draw_performance_profiles({})


def test_nothing_that_the_command_line_imports_draws_or_computes() -> None:
    """`genai-bench list` must stay light."""
    code = (
        "import sys, genbench.cli.main; from genbench.plugin.discovery import load_registry; load_registry();"
        "import genbench_reports.commands.show_and_report;"
        "slow = ('matplotlib', 'scikit_posthocs', 'seaborn', 'scipy', 'pandas');"
        "print([name for name in slow if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
