"""One module for each kind of file (`table` reads `csv:PATH`), and what those modules share."""
