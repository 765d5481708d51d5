"""Former name of `genbench.datasets.versions`, until the plugins import public names."""

from genbench.datasets.versions import *  # noqa: F403
from genbench.util.cache_folder import cache_folder as cache_folder
