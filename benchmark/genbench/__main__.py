"""`python -m genbench`."""

from genbench.cli.start import start

if __name__ == "__main__":
    start()
