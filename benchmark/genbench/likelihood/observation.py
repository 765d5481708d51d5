"""Former name of `genbench.api.observation`, until the plugins import public names."""

from genbench.api.observation import *  # noqa: F403
