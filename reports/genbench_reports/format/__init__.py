"""Text, numbers, tables and columns, before any leaderboard."""
