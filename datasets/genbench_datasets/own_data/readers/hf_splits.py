"""Opens what `hf:` names: local files, a folder that `datasets` wrote, or a data set of the hub; and its splits."""

from __future__ import annotations

import glob
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from genbench.errors import DataError, UnknownNameError
from genbench_datasets.own_data.located import BadFile
from genbench_datasets.own_data.memory import need_memory
from genbench_datasets.own_data.readers.hf_library import Splits, import_library
from genbench_datasets.own_data.request import Request, exists, files_below, user_path
from genbench_datasets.own_data.split_names import split_of

_PARQUET = (".parquet", ".pq")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def is_local(request: Request) -> bool:
    """Whether the request names a file or a folder. Raises BadFile where it can only be one and does not exist."""
    if exists(user_path(request.place)):
        return True
    if not _HUB_NAME.fullmatch(request.place) or request.place.endswith(".parquet"):
        request.path()
    return False


def data_files(request: Request) -> Sequence[Path]:
    """All files whose content matters: the user's, or those in which `datasets` keeps what it downloaded."""
    if is_local(request):
        path = request.path()
        return [path] if path.is_file() else files_below(path)
    with opened(request) as splits:
        return [Path(file["filename"]) for split in splits.values() for file in split.cache_files]


@contextmanager
def opened(request: Request) -> Iterator[Splits]:
    """The splits by their own names. Raises DataError."""
    library = import_library()
    with ExitStack() as stack:
        stack.enter_context(_quiet(library))
        try:
            found = _load(library, request, stack)
        except DataError:
            raise
        except Exception as error:  # of many kinds, also those of pyarrow and of the hub
            raise BadFile(request.place, f"datasets cannot load it: {_first_line(error)}") from None
        yield found if isinstance(found, dict) else {"train": found}


@contextmanager
def published_splits(request: Request) -> Iterator[tuple[Splits, tuple[str, ...]]]:
    """The splits called "train", "valid" and "test"; or one, where there is but one, or `split=` chooses it. And the
    names of those that are left out. Raises DataError, UnknownNameError."""
    with opened(request) as found:
        if asked := request.text("split"):
            if asked not in found:
                raise UnknownNameError(f"split of {request.place}", asked, found)
            yield {asked: found[asked]}, ()
        elif len(found) == 1:
            yield found, ()
        else:
            known = {name: split_of(name) for name in found}
            taken = {split: found[name] for name, split in known.items() if split}
            if "train" not in taken or len(taken) < len([split for split in known.values() if split]):
                raise DataError(
                    f"its splits are {', '.join(found)}; split=NAME takes one, to be shared out here"
                )
            yield taken, tuple(name for name, split in known.items() if not split)


def _load(library: Any, request: Request, stack: ExitStack) -> Any:
    options = {"name": request.text("config") or None}
    if not is_local(request):
        return library.load_dataset(request.place, revision=request.text("revision") or None, **options)
    path = request.path()
    for file in data_files(request):
        if file.suffix.lower() in _PARQUET:
            check_parquet(file)
    if (path / "dataset_dict.json").exists() or (path / "state.json").exists():
        return library.load_from_disk(str(path))
    # a new cache each time: the library's own knows files by their names and times, not by their content
    cache = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
    if path.is_dir():
        if glob.has_magic(str(path.resolve())):
            raise BadFile(path, "datasets takes *, ? and [ in the path of a folder for a pattern; rename it")
        return library.load_dataset(str(path), cache_dir=cache, **options)
    if path.suffix.lower() not in _PARQUET:
        raise BadFile(path, "expected a parquet file, or a folder of files that datasets can load")
    # the library takes data_files for a pattern
    return library.load_dataset("parquet", data_files=glob.escape(str(path)), cache_dir=cache)


@contextmanager
def _quiet(library: Any) -> Iterator[None]:
    """Switch off the library's progress bars and warnings: a failure is reported in one line."""
    bars = library.utils.logging.is_progress_bar_enabled()
    level = library.utils.logging.get_verbosity()
    library.disable_progress_bars()
    library.utils.logging.set_verbosity(library.utils.logging.CRITICAL)
    try:
        yield
    finally:
        library.utils.logging.set_verbosity(level)
        if bars:
            library.enable_progress_bars()


def check_parquet(file: Path) -> None:
    """Check its beginning and end, since the library does not say which of several files is broken; and whether what
    they announce fits into memory. Raises BadFile, DataError."""
    import pyarrow
    import pyarrow.parquet

    try:
        metadata = pyarrow.parquet.read_metadata(file)
    except (pyarrow.ArrowException, OSError) as error:  # an OSError too where the footer is no footer
        raise BadFile(file, f"no whole parquet file: {_first_line(error)}") from None
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    # a value that is repeated takes no space in the file, but eight bytes in memory
    size = max(sum(group.total_byte_size for group in groups), 8 * metadata.num_rows * metadata.num_columns)
    need_memory(size, f"{file}: {metadata.num_rows:,} rows of {metadata.num_columns:,} columns take")


def _first_line(error: BaseException) -> str:
    """The first line of the error that caused the others."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
