"""Data sets that need no download: from installed packages, or from a formula."""
