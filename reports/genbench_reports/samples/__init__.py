"""From stored samples to the pictures and texts that reports show."""
