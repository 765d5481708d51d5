"""The report as one HTML file that works offline: `render_html` is the card's factory.

From stored results to the page:

    stored.py       what a board's samples and real data are, or why they are not to be had
    tiles.py        examples as small rasters, pictures.py  rasters as PNG data URIs
    density.py, series.py, rolls.py, texts.py    the same for points, series, music and text
    neighbours.py   samples beside the training examples they are nearest to
    latents.py      traversals and interpolations, where a job kept them
    exhibits.py     which of these a data set gets
    charts.py       figures for quality against compute and for Pareto fronts
    overview.py     the first screen: what was compared, who leads, how sure one may be
    metric_facts.py what each figure hides
    page.py         all of it as the template wants it; packed.py  what goes into script elements
    templates/, assets/    the page, its style and its scripts
"""
