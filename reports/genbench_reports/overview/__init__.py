"""The first screen of every output: one sentence, a table of families, and what a picture of all models needs."""
