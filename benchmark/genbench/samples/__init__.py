"""From a model to examples: drawing, storing, completing, traversing, detecting collapse."""
