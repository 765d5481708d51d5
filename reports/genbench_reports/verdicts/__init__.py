"""Is B better than A: a verdict for people and programs that change a model and look again."""
