"""Former name of `genbench.util.prepared_file`, until the plugins import public names."""

from genbench.util.prepared_file import *  # noqa: F403
