"""Figures for papers, by matplotlib: `render_pictures` has the cards' factories, `figures` draws."""
