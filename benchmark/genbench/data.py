"""Former name of `genbench.api.data`, until the plugins import public names."""

from genbench.api.data import *  # noqa: F403
