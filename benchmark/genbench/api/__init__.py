"""What plugins are written against: specs, data, cards, budgets, the compute meter, the model protocols."""
