"""Cards: what a plugin announces, without importing torch or anything else that is slow.

A card names its `factory` as "package.module:object"; the harness imports that module only where the
object is needed (a model's: only in the worker). So `genai-bench list` stays fast, and a model whose
import fails costs its own row.
"""

from __future__ import annotations

import importlib
from typing import Any, Literal

import msgspec

from genbench.api.spec import DataSpec, Modality
from genbench.errors import PluginError
from genbench.util.checksums import parse_checksum

Family = Literal["gan", "vae", "autoregressive", "energy", "flow", "diffusion", "hybrid", "baseline"]
Capability = Literal[
    "sample",
    "log_prob",
    "log_density",
    "log_weights",
    "elbo",
    "decode",
    "energy",
    "condition",
    "complete",
    "missing_log_prob",
    "predictive_entropy",
    "encode",
    "sampling_steps",
]
Better = Literal["lower", "higher", "neither"]
MetricGroup = Literal["quality", "diversity", "likelihood", "memorisation", "cost"]
Hyperparameter = bool | int | float | str | None


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """A model.

    name: unique, lower case with hyphens. family: as the literature groups it.
    summary: one line. paper, year: where it comes from.
    institution, country: who published it, several between commas (reports group by each of them).
    modalities: what it can be trained on. discrete: None takes both real and integer data, True
        only data with levels, False only real-valued data.
    capabilities: which protocols of `genbench.api.model` the class has; checked, never guessed.
    defaults: every hyperparameter that `-m name:key=value` may set, with its default.
    requires_labels: it can be trained on labelled data only.
    least_side, least_dimension: images of fewer rows or columns, and data of fewer numbers an example, are too small
        for its networks.
    requires_validation: the model uses `meter.valid` while it trains.
    factory: "package.module:Class".
    """

    name: str
    family: Family
    summary: str
    factory: str
    modalities: tuple[Modality, ...]
    capabilities: tuple[Capability, ...] = ("sample",)
    paper: str | None = None
    year: int | None = None
    institution: str | None = None
    country: str | None = None
    discrete: bool | None = None
    defaults: dict[str, Hyperparameter] = {}
    requires_validation: bool = False
    requires_labels: bool = False
    least_side: int | None = None
    least_dimension: int | None = None

    def refusal(self, spec: DataSpec) -> str | None:
        """Why this model cannot be trained on data of that spec; None where it can."""
        if spec.modality not in self.modalities:
            return f"{self.name} takes {', '.join(self.modalities)}; {spec.name} is {spec.modality}"
        if self.discrete is not None and self.discrete != spec.is_discrete:
            wants, has = ("integers", "real values") if self.discrete else ("real values", "integers")
            return f"{self.name} takes {wants}; {spec.name} has {has}"
        if self.requires_labels and spec.classes is None:
            return f"{self.name} needs labels; {spec.name} has none"
        if (
            self.least_side is not None
            and spec.modality == "image"
            and min(spec.event_shape[1:]) < self.least_side
        ):
            return (
                f"{self.name} takes images of {self.least_side}x{self.least_side} and more;"
                f" {spec.name} has {spec.event_shape[1]}x{spec.event_shape[2]}"
            )
        if self.least_dimension is not None and spec.dimension < self.least_dimension:
            return (
                f"{self.name} takes {self.least_dimension} numbers an example and more;"
                f" {spec.name} has {spec.dimension}"
            )
        return None


class RemoteFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that somebody publishes.

    name: its place in the cache and in a mirror, "mnist/train-images-idx3-ubyte.gz".
    checksum: of its bytes, in hexadecimal digits: SHA-256, or another that is named before a colon, "md5:...",
    "sha1_git:..." (see `genbench.util.checksums`). size_bytes: how many, or None where that is not known.
    addresses: where it is to be had, tried in turn.
    """

    name: str
    checksum: str
    size_bytes: int | None = None
    addresses: tuple[str, ...]

    def __post_init__(self) -> None:
        parse_checksum(self.checksum)


class DatasetCard(msgspec.Struct, frozen=True, kw_only=True):
    """A data set.

    spec: its domain. summary: one line. sizes: examples in (train, valid, test).
    splits: in words, how the splits were drawn; part of what the data set *is*.
    version: changed whenever a split or a value changes.
    embedded: it needs no download. source, licence, citation: where it comes from.
    factory: "package.module:function", returns a `genbench.api.data.Dataset`. Called without arguments, or with
    `argument` where that is not None. files: what is fetched before (`genbench.datasets.fetching.fetch`).
    truth: "package.module:function" that returns the known density (`genbench.api.data.Truth`), or None.
    alphabet: of tokens that are text: the symbol of each code, or None.
    """

    spec: DataSpec
    summary: str
    sizes: tuple[int, int, int]
    splits: str
    source: str
    licence: str
    citation: str
    factory: str
    truth: str | None = None
    version: str = "1"
    embedded: bool = False
    files: tuple[RemoteFile, ...] = ()
    argument: str | None = None
    alphabet: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        return self.spec.name


class DatasetSourceCard(msgspec.Struct, frozen=True, kw_only=True):
    """A way to use data of one's own: `-d NAME:ARGUMENT`.

    name: the scheme, "csv". argument: what follows the colon, in words. factory: "package.module:function"
    taking that text, returning a `DatasetCard` whose name is the whole "NAME:ARGUMENT". Raises DataError
    where it cannot.
    """

    name: str
    summary: str
    argument: str
    factory: str


class MetricCard(msgspec.Struct, frozen=True, kw_only=True):
    """One figure. Cards that share a factory are computed in one call.

    requires_truth: only for data sets whose density is known. extractor: computed on the features of
    the modality's extractor. factory: "package.module:function" taking `ScoringInputs` and returning
    the `MetricValue`s of all cards that name it; None for what the worker measures while it runs.
    """

    name: str
    summary: str
    unit: str
    better: Better
    group: MetricGroup
    modalities: tuple[Modality, ...]
    requires_truth: bool = False
    extractor: bool = False
    factory: str | None = None


class ExtractorCard(msgspec.Struct, frozen=True, kw_only=True):
    """A feature extractor.

    factory: "package.module:function" taking a `Dataset`, returning an `genbench.features.Extractor`.
    default_for: the modalities whose headline metrics use it. default_for_datasets: data sets, by name, whose
        headline metrics use it before that.
    event_shapes: what it takes, None being any size: (1, 28, 28), (3, None, None); empty: any shape.
    discrete: None takes both real and integer data, True only data with levels, False only real-valued data.
    hash: of the `Extractor`, where it is known beforehand; one with another hash is refused.
    check: "package.module:function", called without torch before anything runs: one line that says why the
        extractor cannot be used here (a package, weights that are missing), or None.
    """

    name: str
    summary: str
    modalities: tuple[Modality, ...]
    factory: str
    default_for: tuple[Modality, ...] = ()
    default_for_datasets: tuple[str, ...] = ()
    event_shapes: tuple[tuple[int | None, ...], ...] = ()
    discrete: bool | None = None
    hash: str | None = None
    check: str | None = None

    @property
    def label(self) -> str:
        """As jobs have it: "name:hash" where the hash is known beforehand, else "name"."""
        return self.name if self.hash is None else f"{self.name}:{self.hash}"

    def refusal(self, spec: DataSpec) -> str | None:
        """Why it cannot take data of that spec; None where it can."""
        if spec.modality not in self.modalities:
            return f"extractor {self.name} takes {', '.join(self.modalities)}; {spec.name} is {spec.modality}"
        if self.event_shapes and not any(_fits(shape, spec.event_shape) for shape in self.event_shapes):
            wanted = " or ".join(_shape_text(shape) for shape in self.event_shapes)
            return f"extractor {self.name} takes {wanted}; {spec.name} has {_shape_text(spec.event_shape)}"
        if self.discrete is not None and self.discrete != spec.is_discrete:
            wants, has = ("integers", "real values") if self.discrete else ("real values", "integers")
            return f"extractor {self.name} takes {wants}; {spec.name} has {has}"
        return None

    def obstacle(self) -> str | None:
        """Why it cannot be used on this machine, in one line; None where nothing speaks against it."""
        found: str | None = load_factory(self.check)() if self.check else None
        return found


def _fits(wanted: tuple[int | None, ...], shape: tuple[int, ...]) -> bool:
    return len(wanted) == len(shape) and all(w in (None, s) for w, s in zip(wanted, shape, strict=True))


def _shape_text(shape: tuple[int | None, ...]) -> str:
    return "×".join("any" if size is None else str(size) for size in shape)


class ExecutorCard(msgspec.Struct, frozen=True, kw_only=True):
    """A way to run jobs. factory: "package.module:Class"."""

    name: str
    summary: str
    factory: str


class ReportCard(msgspec.Struct, frozen=True, kw_only=True):
    """A report format. factory: "package.module:function" taking a `genbench.records.run_folder.Run` and
    returning the report: its text, the bytes of one file, or a mapping of file names to either, which is written into
    a folder. suffix: of the file it is usually written to, with its dot."""

    name: str
    summary: str
    suffix: str
    factory: str


class LoggerCard(msgspec.Struct, frozen=True, kw_only=True):
    """A way to follow a run in an experiment tracker: `--log NAME` or `--log NAME:TARGET`.

    target: what TARGET is, in words. factory: "package.module:function" taking a `genbench.records.run_folder.Run` and
    the TARGET or None, returning a `genbench.run.logger_threads.JobLogger`; raises UsageError where the target
    cannot be used.
    packages: what must be importable for it. install: what pip is to install where one of them is missing.
    """

    name: str
    summary: str
    target: str
    factory: str
    packages: tuple[str, ...] = ()
    install: str | None = None


Card = (
    ModelCard
    | DatasetCard
    | DatasetSourceCard
    | MetricCard
    | ExtractorCard
    | ExecutorCard
    | ReportCard
    | LoggerCard
)


def load_factory(reference: str) -> Any:
    """The object that "package.module:object" names.

    Raises PluginError where the module cannot be imported or has no such object.
    """
    module_name, _, attribute = reference.partition(":")
    if not module_name or not attribute:
        raise PluginError(f"factory {reference!r}: expected 'package.module:object'")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise PluginError(f"factory {reference!r}: {type(error).__name__}: {error}") from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise PluginError(f"factory {reference!r}: {module_name} has no {attribute!r}") from None
