"""The history of figures over commits, and their change points."""
