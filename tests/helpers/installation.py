"""An environment of its own into which packages are installed, as a stranger would."""

from __future__ import annotations

import os
import subprocess
import sysconfig
import venv
from pathlib import Path


class Installation:
    """An environment that sees the packages of this one, with others added that are built without a network."""

    def __init__(self, folder: Path, *packages: Path) -> None:
        self.folder = folder
        venv.create(folder / "env", with_pip=True)
        self.python = folder / "env" / "bin" / "python"
        (site_packages,) = (folder / "env" / "lib").glob("python*/site-packages")
        # after its own packages, as a system's site-packages would come
        (site_packages / "parent.pth").write_text(
            f"import site; site.addsitedir({sysconfig.get_paths()['purelib']!r})\n"
        )
        self.run(
            *("-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"),
            *map(str, packages),
        )

    def run(self, *arguments: str, code: int = 0, **environment: str) -> str:
        done = subprocess.run(
            [str(self.python), *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "COLUMNS": "200", **environment},
            check=False,
        )
        assert done.returncode == code, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout
