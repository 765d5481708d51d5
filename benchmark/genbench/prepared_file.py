"""Former name of `genbench.util.tensor_files`, until the plugins import public names."""

from genbench.util.tensor_files import *  # noqa: F403
