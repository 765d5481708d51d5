"""Former name of `genbench.util.checksums`, until the plugins import public names."""

from genbench.util.checksums import *  # noqa: F403
