"""The report as one HTML file that works offline.

    page.py             makes the page; its `render_html` is the card's factory
    table_views.py      tables whose rows know their model, and whose columns readers choose
    overview_chart.py   the picture of the first screen
    ranks.py            the ranks on all boards
    failures.py         failed jobs and the ends of their logs
    metric_facts.py     what to mind about each metric
    packed.py           what goes into script elements
    templates/          the page
    assets/             its style and its scripts

The first screen comes from `genbench_reports.overview`, leaderboards from `genbench_reports.leaderboard`, statistics
from `genbench_reports.analysis`, pictures of samples from `genbench_reports.samples`, and numbers for charts from
`genbench_reports.charts.chart_data`.
"""
