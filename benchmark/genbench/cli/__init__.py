"""The command line: one file per command, the live view and the download bars."""
