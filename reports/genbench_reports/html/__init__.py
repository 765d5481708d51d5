"""The report as one HTML file that works offline.

    page.py          makes the page; its `render_html` is the card's factory
    overview.py      the first screen: what was compared, which models lead, how sure that is
    metric_facts.py  what to mind about each metric
    packed.py        what goes into script elements
    templates/       the page
    assets/          its style and its scripts

Leaderboards come from `genbench_reports.leaderboard`, pictures of samples from `genbench_reports.samples`, numbers for
charts from `genbench_reports.charts.chart_data`.
"""
