"""Former name of `genbench.util.source_hash`, until the plugins import public names."""

from genbench.util.source_hash import *  # noqa: F403
