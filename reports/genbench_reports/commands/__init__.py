"""The commands that reports add to the command line."""
