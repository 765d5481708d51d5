"""`genbench.score`: samples of any origin, ranked beside models."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.cli.score_samples import BroughtOptions, score_brought
from genbench.library.comparison import Comparison
from genbench.library.run import without_main_module
from genbench.plugin.discovery import load_registry
from genbench.samples.brought import brought_array, read_brought
from genbench.util.terminal import SafeConsole

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


def score(
    samples: NDArray[Any] | Tensor | Path | str,
    data: str,
    *,
    name: str = "samples",
    into: Path | str | None = None,
    out: Path | str | None = None,
    lengths: NDArray[Any] | Tensor | None = None,
    extractor: str | None = None,
    jobs: int | None = None,
    progress: bool = True,
) -> Comparison:
    """Score samples by all metrics that need no model, as `genai-bench score --samples` does, and return the run.

    samples: (N, *event_shape) in the domain of the data, or a file or folder of them. data: a data set by its name,
    "csv:PATH", or what `genbench.data` returns. name: of their row, whose family is "brought". into: the run whose
    models they are ranked with; None makes a new one with real held-out data, a copier, marginals and noise. lengths:
    (N,), of pieces of different lengths. out: the folder of a new run; None for one in `runs/`. progress: show the
    jobs.

    Raises DataError where the samples are not of the data's domain, and other GenbenchErrors.
    """
    registry = load_registry()
    card = registry.dataset(data)
    if isinstance(samples, str | Path):
        brought = read_brought(str(samples), card, registry.dataset_sources)
    else:
        brought = brought_array(samples, card.spec, lengths)
    options = BroughtOptions(
        data=data,
        into=None if into is None else Path(into),
        name=name,
        out=None if out is None else Path(out),
        extractor=extractor,
        workers=jobs,
    )
    silence = contextlib.nullcontext() if progress else contextlib.redirect_stdout(io.StringIO())
    with silence, without_main_module():
        scored = score_brought(brought, card, options, registry, SafeConsole())
    return Comparison(scored.run, registry)
