"""Statistics over seeds and examples: intervals, tests, groups of ranks."""
