"""From result records to leaderboards: typed values (`rows`, made by `build_boards`), then tables and sentences."""
