"""Charts and pictures: `render_charts` has the report cards' factories, `board_charts` draws with matplotlib, and
`chart_data` holds the numbers for both matplotlib and the HTML page."""
