"""Former name of `genbench.api.spec`, until the plugins import public names."""

from genbench.api.spec import *  # noqa: F403
