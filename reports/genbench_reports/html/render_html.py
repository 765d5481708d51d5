"""The HTML report's factory. jinja2 and plotly are imported when it is called, not before."""

from __future__ import annotations

from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run


def render_html(run: Run, registry: Registry) -> str:
    """The report card's factory: one file that needs no network."""
    from genbench_reports.html.page import render_page

    return render_page(run, registry)
