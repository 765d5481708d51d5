"""`genbench.run`: a comparison from Python, in one call."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import sys
import types
from collections.abc import Iterator, Sequence
from pathlib import Path

from genbench.api.budget import Budget
from genbench.api.cards import ModelCard
from genbench.api.model import GenerativeModel
from genbench.cli.run import RunOptions, execute
from genbench.errors import UsageError
from genbench.library.comparison import Comparison
from genbench.plugin.class_card import card_of_class
from genbench.plugin.discovery import load_registry
from genbench.plugin.registry import Registry
from genbench.plugin.unannounced_models import module_of_file
from genbench.records.run_folder import Run
from genbench.util.terminal import SafeConsole

Model = str | ModelCard | type[GenerativeModel]


def run(
    models: Sequence[Model],
    datasets: Sequence[str],
    *,
    budget: str | Budget | None = None,
    seeds: int | None = None,
    suite: str = "quick",
    out: Path | str | None = None,
    jobs: int | None = None,
    threads: int | None = None,
    executor: str = "local",
    device: str = "auto",
    extractor: str | None = None,
    retry_failed: bool = False,
    progress: bool = True,
) -> Comparison:
    """Run models on data sets and return what came out. A second call with the same arguments runs what is missing.

    models: names with or without settings ("vae:latent_dim=8"), classes, cards, or classes by their file
    ("my_model.py:MyModel"). datasets: names, files ("csv:PATH"), or arrays by `genbench.data`. budget: "10cpu-s",
    "500steps" and so on; whatever is not given comes from the suite. out: the folder of the run; None for one in
    `runs/`. jobs: how many run at once. progress: show the jobs, and the first screen at the end.

    Raises UsageError, and other GenbenchErrors, for what the command line refuses. Jobs that fail raise nothing: their
    rows say why. Classes have to be in a file that workers can import; a script needs no `__main__` guard unless it
    defines the model itself.
    """
    if multiprocessing.parent_process() is not None:
        raise UsageError(
            "genbench.run was called while a worker imported your script: put the call below"
            ' `if __name__ == "__main__":`, or the model into a file of its own'
        )
    registry, names = _named(models, load_registry())
    options = RunOptions(
        models=tuple(names),
        datasets=tuple(datasets),
        suite=suite,
        budget=Budget.parse(budget) if isinstance(budget, str) else budget,
        seeds=seeds,
        workers=jobs,
        threads=threads,
        executor=executor,
        device=device,
        extractor=extractor,
        out=None if out is None else Path(out),
        dry_run=False,
        shard=None,
        retry_failed=retry_failed,
        probe=False,
    )
    silence = contextlib.nullcontext() if progress else contextlib.redirect_stdout(io.StringIO())
    with silence, without_main_module():
        ended = execute(options, registry, SafeConsole())
    if ended.run is None:
        raise UsageError("nothing to run: no model takes any of these data sets")
    return Comparison(ended.run, registry)


def load(folder: Path | str) -> Comparison:
    """The results of a run that is there. Raises RunFolderError where the folder holds none."""
    return Comparison(Run.open(Path(folder)), load_registry())


def _named(models: Sequence[Model], registry: Registry) -> tuple[Registry, list[str]]:
    if isinstance(models, str):
        raise UsageError(f"models={models!r}: expected a list, as in models=[{models!r}]")
    cards: list[ModelCard] = []
    names: list[str] = []
    for model in models:
        if isinstance(model, str):
            names.append(model)
            continue
        card = model if isinstance(model, ModelCard) else _card(model)
        announced = registry.models.get(card.name)
        if announced is not None and announced.factory != card.factory:
            raise UsageError(f"there is a model {card.name!r} already; give yours another name")
        cards.append(card)
        names.append(card.name)
    return registry.extended(models=cards), names


def _card(model: type[GenerativeModel]) -> ModelCard:
    if not (isinstance(model, type) and issubclass(model, GenerativeModel)):
        raise UsageError(
            f"{model!r} is no model: expected a name, a card or a subclass of genbench.GenerativeModel"
        )
    module = model.__module__
    if module == "__main__":
        file = getattr(sys.modules["__main__"], "__file__", None)
        if file is None:
            raise UsageError(
                f"{model.__name__} is defined in a notebook or at a prompt, where workers cannot import it: write it to"
                f' a file (in a notebook with %%writefile my_model.py) and name it "my_model.py:{model.__name__}"'
            )
        module = module_of_file(Path(file))
    if "<locals>" in model.__qualname__:
        raise UsageError(f"{model.__name__} is defined inside a function, where workers cannot import it")
    return card_of_class(model, f"{module}:{model.__qualname__}")


@contextlib.contextmanager
def without_main_module() -> Iterator[None]:
    """Workers import the main module of their parent, which would run a script without a guard once more in each. None
    of them needs it: models are imported by the names of their modules."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
