"""The console script. By now the process reacts to Ctrl-C (`genbench.early_interrupts`)."""

from __future__ import annotations


def start() -> None:
    """Run the command line."""
    from genbench.cli.main import main

    main()
