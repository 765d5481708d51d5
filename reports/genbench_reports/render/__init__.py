"""From leaderboards to Markdown, LaTeX, terminal, CSV and JSON."""
