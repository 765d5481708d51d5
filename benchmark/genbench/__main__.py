"""`python -m genbench`."""

from genbench.command_line import main

if __name__ == "__main__":
    main()
