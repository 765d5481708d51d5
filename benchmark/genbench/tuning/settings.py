"""What a study was asked for, and the file in its folder that says so: the same command goes on with it, another is
refused."""

from __future__ import annotations

from pathlib import Path

import msgspec

from genbench.api.budget import Budget
from genbench.api.search_space import Range
from genbench.errors import UsageError
from genbench.tuning.halving import rung_shares
from genbench.tuning.proposals import SAMPLERS, Sampler
from genbench.util.atomic_files import write_atomically
from genbench.util.regular_files import read_regular

STUDY_FILE = "study.json"
MAX_STUDY_BYTES = 1 << 20
MAX_TRIALS, MAX_STUDIES = 10_000, 100


class StudySettings(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides which trials a study makes, but their number: a study can be gone on with for more trials."""

    models: list[str]
    """The models, with the settings that stay fixed."""
    datasets: list[str]
    """The data sets; each model is searched on each by itself."""
    spaces: dict[str, dict[str, Range]]
    """The search space of each model."""
    suite: str
    """The suite that gives what else a job needs."""
    budget: str
    """The training budget of a trial that goes through all rungs, as text."""
    sampler: Sampler = "tpe"
    """How settings are drawn."""
    rungs: int = 3
    """How many shares of the budget there are; 1: every trial has the whole budget."""
    reduction: int = 3
    """One of so many trials goes on from a rung to the next, whose budget is so many times as large."""
    at_once: int = 4
    """How many trials of a study are decided on at a time, whatever the number of workers: each sees the values of all
    earlier ones, but not of those that are decided on with it."""
    studies: int = 1
    """How many independent searches each model gets on each data set."""
    device: str = "cpu"
    """Where models run."""
    threads: int = 1
    """Threads per worker."""
    extractor: str | None = None
    """The feature extractor; None for that of each data set."""

    @property
    def shares(self) -> tuple[float, ...]:
        """The shares of the budget, ascending to 1."""
        return rung_shares(self.rungs, self.reduction)

    @property
    def budgets(self) -> list[Budget]:
        """The budget of each rung. Raises BudgetError where one allows nothing."""
        whole = Budget.parse(self.budget)
        return [whole if share == 1.0 else whole.share(share) for share in self.shares]


def check_numbers(settings: StudySettings, trials: int) -> None:
    """Raises UsageError for numbers that make no study."""
    if settings.sampler not in SAMPLERS:
        raise UsageError(f"--sampler {settings.sampler}: expected {' or '.join(SAMPLERS)}")
    if not 1 <= trials <= MAX_TRIALS or not 1 <= settings.studies <= MAX_STUDIES:
        raise UsageError(
            f"--trials {trials} --studies {settings.studies}: expected 1 to {MAX_TRIALS:,} trials,"
            f" 1 to {MAX_STUDIES} studies"
        )
    if settings.rungs < 1 or settings.reduction < 2 or settings.at_once < 1:
        raise UsageError(
            f"--rungs {settings.rungs} --reduction {settings.reduction} --at-once {settings.at_once}:"
            " expected at least 1, 2 and 1"
        )
    smallest = min(settings.shares)
    whole = Budget.parse(settings.budget)
    for unit, most in (("steps", whole.steps), ("examples", whole.examples)):
        if most is not None and round(most * smallest) < 1:
            raise UsageError(
                f"the budget {settings.budget} is smaller than one trial: the first of {settings.rungs} rungs gets"
                f" {smallest:.3g} of it; give {round(1 / smallest)}{unit} or more, or --rungs 1"
            )


def open_study(folder: Path, settings: StudySettings) -> None:
    """Make the folder of a study, or find that it holds the same study.

    Raises UsageError where it holds another study, or something else.
    """
    path = folder / STUDY_FILE
    if path.exists():
        found = _read(path)
        names = [n for n in StudySettings.__struct_fields__ if getattr(found, n) != getattr(settings, n)]
        if names:
            differences = ", ".join(
                f"{name} {_short(getattr(found, name))}, not {_short(getattr(settings, name))}"
                for name in names
            )
            raise UsageError(
                f"{folder} holds another study ({differences}); repeat its command, or choose another folder with --out"
            )
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not empty and holds no study; choose another folder with --out")
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(path, msgspec.json.format(msgspec.json.encode(settings), indent=1))


def _read(path: Path) -> StudySettings:
    try:
        return msgspec.json.decode(
            read_regular(path, max_bytes=MAX_STUDY_BYTES, within=path.parent), type=StudySettings
        )
    except msgspec.DecodeError as error:
        raise UsageError(f"{path} is no study of this version: {error}") from None


def _short(value: object) -> str:
    return msgspec.json.encode(value).decode()[:80]
