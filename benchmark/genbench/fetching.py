"""Former name of `genbench.datasets.fetching`, until the plugins import public names."""

from genbench.datasets.fetching import *  # noqa: F403
