"""Publishing into a data set of the Hugging Face Hub, with its own client `huggingface_hub`."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.errors import UsageError
from genbench_reports.publish.collection import MARK

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_INSTALL = "pip install 'genbench[publish]'"
_TRIES = 3
"""How often publishing begins anew because somebody else published meanwhile."""
_TRANSPORTS = ("httpx", "httpx2", "httpcore", "httpcore2", "requests")
"""Libraries whose errors mean that the network failed: the client has had several."""
_OURS = [
    MARK,
    "README.md",
    "records/**",
    "datasets/**",
    "publications/**",
    "exports/**",
    "index.html",
    "results.csv",
]


def publish_to_hub(
    name: str, message: str, publish: Callable[[Path], bool], api: HfApi | None = None
) -> str | None:
    """Let `publish` change the files of a data set on the Hub, and upload what it changed in one commit.

    name: "USER/NAME"; it is created, private, where it does not exist. publish: called with a folder that holds its
    files; says whether it changed anything. Returns the address of the commit; None where nothing changed.

    Raises UsageError in one line where the library is missing, and where the Hub refuses or cannot be reached.
    """
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError:
        raise UsageError(f"the library of the Hub is not installed: {_INSTALL}") from None
    api = HfApi() if api is None else api
    for attempt in range(1, _TRIES + 1):
        try:
            if not api.repo_exists(name, repo_type="dataset"):
                api.create_repo(name, repo_type="dataset", private=True, exist_ok=True)
            return _publish_once(api, name, message, publish)
        except HFValidationError as error:
            raise UsageError(f"hf:{name}: {_line(error)}") from None
        except HfHubHTTPError as error:
            # 412: the branch is not where it was when its files were read
            if error.response is not None and error.response.status_code == 412 and attempt < _TRIES:
                continue
            raise UsageError(f"the Hub refused hf:{name}: {_line(error)}") from None
        except Exception as error:
            if isinstance(error, OSError) or type(error).__module__.partition(".")[0] in _TRANSPORTS:
                raise UsageError(f"the Hub cannot be reached for hf:{name}: {_line(error)}") from None
            raise
    return None


def _publish_once(api: HfApi, name: str, message: str, publish: Callable[[Path], bool]) -> str | None:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    head = api.repo_info(name, repo_type="dataset").sha
    with tempfile.TemporaryDirectory(prefix="genbench-hub-") as temporary, _quiet():
        folder = Path(temporary) / "tree"
        folder.mkdir()
        api.snapshot_download(
            name, repo_type="dataset", revision=head, local_dir=folder, allow_patterns=_OURS
        )
        shutil.rmtree(folder / ".cache", ignore_errors=True)  # what the client keeps of a download
        before = _contents(folder)
        if not publish(folder):
            return None
        after = _contents(folder)
        operations: list[Any] = [
            CommitOperationAdd(path, folder / path)
            for path, stamp in after.items()
            if before.get(path) != stamp
        ]
        operations += [CommitOperationDelete(path) for path in before.keys() - after.keys()]
        if not operations:
            return None
        done = api.create_commit(
            name, operations, commit_message=message, repo_type="dataset", parent_commit=head
        )
        return str(done.commit_url)


def _contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of each file, by path: files that stay are not touched."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the bars of the library."""
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    was_disabled = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if not was_disabled:
            enable_progress_bars()


def _line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
