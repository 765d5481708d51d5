"""Publishing onto a branch of a git repository, without a working tree: the branch need not be checked out, no hook
runs, and no file outside of a temporary folder is written.

If the remote-tracking branch of `origin` has what the branch has not, both are merged: the records of both are put
together, and the commit has two parents. So `git fetch`, publishing and `git push` never need a merge by hand.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from genbench.errors import UsageError

_SECONDS = 600.0
_SAFE = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.autocrlf=false",
    "-c",
    "core.symlinks=false",
    "-c",
    "core.attributesFile=/dev/null",
    "-c",
    "core.fsmonitor=false",
)
"""A branch may come from a stranger: links become plain files, and nothing is run for it."""


def publish_onto(
    repository: Path, branch: str, message: str, publish: Callable[[Path, list[Path]], bool]
) -> str | None:
    """Let `publish` change the files of a branch, and commit what it changed.

    publish: called with a folder that holds the files of the branch, and with folders of other versions of it that are
    to be merged; says whether it changed anything. Returns the new commit; None where nothing changed.

    Raises UsageError where there is no repository, the name is no branch's, or another process moved the branch
    meanwhile.
    """
    git_folder = Path(_git(repository, "rev-parse", "--absolute-git-dir").strip())
    _git(repository, "check-ref-format", "--branch", branch)
    local = here = _commit_of(repository, f"refs/heads/{branch}")
    theirs = _commit_of(repository, f"refs/remotes/origin/{branch}")
    if here is None and theirs is not None:
        here, theirs = theirs, None
    elif here is not None and theirs is not None and _is_ancestor(repository, theirs, here):
        theirs = None
    with tempfile.TemporaryDirectory(prefix="genbench-publish-") as name:
        tree, other = Path(name) / "tree", Path(name) / "other"
        index = _take_out(git_folder, here, tree, Path(name) / "index")
        others = []
        if theirs is not None:
            _take_out(git_folder, theirs, other, Path(name) / "other-index")
            others.append(other)
        if not publish(tree, others) and theirs is None:
            return None
        files = ("add", "--all", "--force", ".")
        _git(tree, *files, git_folder=git_folder, work_tree=tree, index=index)
        written = _git(tree, "write-tree", git_folder=git_folder, work_tree=tree, index=index).strip()
    parents = [word for parent in (here, theirs) if parent is not None for word in ("-p", parent)]
    commit = _git(repository, "commit-tree", written, *parents, "-m", message).strip()
    try:
        _git(repository, "update-ref", f"refs/heads/{branch}", commit, local or "0" * len(commit))
    except UsageError:
        raise UsageError(f"another process published onto {branch} meanwhile; repeat the command") from None
    return commit


def _take_out(git_folder: Path, commit: str | None, tree: Path, index: Path) -> Path:
    """Write the files of a commit into a new folder. Returns the index that belongs to it."""
    tree.mkdir()
    if commit is not None:
        places = {"git_folder": git_folder, "work_tree": tree, "index": index}
        _git(tree, "read-tree", commit, **places)
        _git(tree, "checkout-index", "--all", "--force", **places)
    return index


def _commit_of(repository: Path, reference: str) -> str | None:
    try:
        return _git(repository, "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}").strip()
    except UsageError:
        return None


def _is_ancestor(repository: Path, commit: str, of: str) -> bool:
    try:
        _git(repository, "merge-base", "--is-ancestor", commit, of)
    except UsageError:
        return False
    return True


def _git(
    folder: Path,
    *arguments: str,
    git_folder: Path | None = None,
    work_tree: Path | None = None,
    index: Path | None = None,
) -> str:
    # a variable of a surrounding git command, as in a hook, would name another repository
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_DIR")}
    for name, value in (
        ("GIT_DIR", git_folder),
        ("GIT_WORK_TREE", work_tree),
        ("GIT_INDEX_FILE", index),
    ):
        environment.pop(name, None)
        if value is not None:
            environment[name] = str(value)
    try:
        done = subprocess.run(
            ["git", *_SAFE, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise UsageError("git is not installed, or the folder does not exist") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"git {arguments[0]} failed: {error}") from None
    if done.returncode:
        said = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise UsageError(f"git {arguments[0]} in {folder}: {said}")
    return done.stdout
