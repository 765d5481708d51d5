"""What each command takes, and its help. What it does is imported when it runs, so that help comes at once."""
