"""Built-in parts; see the cards."""
