"""From records to leaderboards as data."""
