"""Cards: what a plugin announces, without importing torch or anything else that is slow.

A card names its `factory` as "package.module:object", and the harness imports that module only where it needs the
object; it imports a model's module only in the worker. So `genai-bench list` stays fast, and a model that cannot be
imported loses its own row and no other.
"""

from __future__ import annotations

import importlib
from typing import Any, Literal

import msgspec

from genbench.api.ranking_rule import RankingRule, default_ranking_rule
from genbench.api.search_space import Range
from genbench.api.spec import DataSpec, Modality
from genbench.errors import PluginError
from genbench.util.checksums import parse_checksum
from genbench.util.signature_defaults import signature_defaults

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
    "attention",
    "encode",
    "sampling_steps",
    "lengths",
    "continue",
    "translate",
]
Better = Literal["lower", "higher", "neither"]
MetricGroup = Literal["quality", "diversity", "likelihood", "memorisation", "cost"]
Hyperparameter = bool | int | float | str | None


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """A generative model."""

    name: str
    """Unique; lower case with hyphens."""
    family: Family
    """The group that the literature puts the model in."""
    summary: str
    """One line."""
    factory: str
    """"package.module:Class", a subclass of `GenerativeModel`."""
    modalities: tuple[Modality, ...]
    """Kinds of data that the model can be trained on."""
    capabilities: tuple[Capability, ...] = ("sample",)
    """The protocols of `genbench.api.model` that the class has. The contract suite checks them."""
    paper: str | None = None
    """Authors, year and title of the paper that the model comes from."""
    year: int | None = None
    """Year of publication."""
    institution: str | None = None
    """Who published it; several are separated by commas, and reports group by each of them."""
    country: str | None = None
    """Countries of the institutions, separated by commas."""
    discrete: bool | None = None
    """True: takes only data with levels. False: takes only real-valued data. None: takes both."""
    defaults: dict[str, Hyperparameter] | None = None
    """Every hyperparameter that `-m name:key=value` may set, with its default. None: they are read from the
    constructor, and the card that a registry holds has them (see `hyperparameters`)."""
    requires_validation: bool = False
    """Whether the model reads `meter.valid` while it trains."""
    requires_labels: bool = False
    """Whether the model can be trained only on data with labels."""
    requires_source: bool = False
    """Whether the model can be trained only on pairs of a source and a target (`DataSpec.source_steps`)."""
    least_side: int | None = None
    """The fewest rows and columns of an image that the networks can take; None: any."""
    least_dimension: int | None = None
    """The fewest numbers per example that the networks can take; None: any."""
    former_names: tuple[str, ...] = ()
    """Names that the model had before. Whoever asks for one is told the name of today."""
    search_space: dict[str, Range] | None = None
    """Which hyperparameters `genai-bench tune` varies, and among which values (docs/tuning.md). None: the learning rate
    alone, if the constructor takes `learning_rate`."""

    @property
    def hyperparameters(self) -> dict[str, Hyperparameter]:
        """Every hyperparameter with its default: `defaults`, or where the card leaves them out the keyword-only
        arguments of the constructor, read from the source of `factory` without importing it. Raises PluginError where
        they cannot be read."""
        return signature_defaults(self.factory) if self.defaults is None else self.defaults

    def refusal(self, spec: DataSpec) -> str | None:
        """Why this model cannot be trained on data of that spec; None where it can."""
        if spec.modality not in self.modalities:
            return f"{self.name} takes {', '.join(self.modalities)}; {spec.name} is {spec.modality}"
        if self.discrete is not None and self.discrete != spec.is_discrete:
            wants, has = ("integers", "real values") if self.discrete else ("real values", "integers")
            return f"{self.name} takes {wants}; {spec.name} has {has}"
        if spec.variable_length and "lengths" not in self.capabilities:
            return (
                f"{self.name} takes examples of one length; {spec.name} has whole pieces of different lengths"
            )
        if self.requires_labels and spec.classes is None:
            return f"{self.name} needs labels; {spec.name} has none"
        if self.requires_source and spec.source_steps is None:
            return f"{self.name} takes pairs of source and target; {spec.name} has none"
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
                f"{self.name} takes {self.least_dimension} numbers per example and more;"
                f" {spec.name} has {spec.dimension}"
            )
        return None


class RemoteFile(msgspec.Struct, frozen=True, kw_only=True):
    """A published file."""

    name: str
    """Its path in the cache and in a mirror: "mnist/train-images-idx3-ubyte.gz"."""
    checksum: str
    """Hexadecimal digits of SHA-256, or of another algorithm named before a colon: "md5:...", "sha1_git:...". See
    `genbench.util.checksums`."""
    size_bytes: int | None = None
    """None where the size is not known."""
    addresses: tuple[str, ...]
    """Where the file can be downloaded. They are tried in this order."""

    def __post_init__(self) -> None:
        parse_checksum(self.checksum)


class DatasetCard(msgspec.Struct, frozen=True, kw_only=True):
    """A data set."""

    spec: DataSpec
    """The domain of its examples; the spec's name is the data set's."""
    summary: str
    """One line."""
    sizes: tuple[int, int, int]
    """Numbers of examples for training, validation and test."""
    splits: str
    """How the splits were drawn, in words. Other splits make another data set."""
    source: str
    """Where the data come from."""
    licence: str
    """The terms under which the data may be used."""
    citation: str
    """The publication to cite."""
    factory: str
    """"package.module:function" that returns a `genbench.api.data.Dataset`. It is called without arguments, or with
    `argument` where that is not None."""
    truth: str | None = None
    """"package.module:function" that returns the known density (`genbench.api.data.Truth`); None where the density is
    not known."""
    version: str = "1"
    """Changes whenever a split or a value changes."""
    embedded: bool = False
    """Whether the data come with the installed packages and need no download."""
    files: tuple[RemoteFile, ...] = ()
    """Files that are fetched before the factory runs (`genbench.datasets.fetching.fetch`)."""
    argument: str | None = None
    """Argument of the factory; None: it is called without one."""
    alphabet: tuple[str, ...] | None = None
    """The symbol of each code where tokens are text; None for other data."""
    ranking: RankingRule | None = None
    """How models are ranked; None: as is usual for data of this kind (see `ranking_rule`)."""
    step: str | None = None
    """What one step of a sequence is, in the singular: "frame", "character", "month". Likelihoods are also shown per
    step, as in "nats/frame". None: the usual word for data of this kind (see `step_name`)."""
    likelihood_convention: str | None = None
    """What a likelihood per step counts, in a sentence or two: whether the first step counts, and, where long texts or
    pieces are cut into windows, what cutting costs, in nats per step. None where there is nothing to say."""
    window: int | None = None
    """Length, in steps, of the windows that are cut from pieces of different lengths, real and generated alike, for
    metrics that compare examples of one shape. Needed where the spec says `variable_length`, and only there."""

    def __post_init__(self) -> None:
        if self.spec.variable_length != (self.window is not None):
            raise ValueError(
                f"{self.spec.name}: a card needs `window` where examples have different lengths, and only there"
            )
        if self.window is not None and not 1 <= self.window <= self.spec.event_shape[0]:
            raise ValueError(
                f"{self.spec.name}: window={self.window}, expected 1..{self.spec.event_shape[0]} steps"
            )

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.spec.name

    @property
    def step_name(self) -> str | None:
        """`step`, or where the card leaves it out the usual word; None for data that are not sequences."""
        if not self.spec.is_sequence:
            return None
        usual = {"pianoroll": "frame", "tokens": "character" if self.alphabet else "token"}
        return self.step or usual.get(self.spec.modality, "step")

    @property
    def ranking_rule(self) -> RankingRule:
        """`ranking`, or where the card leaves it out the rule for data of this kind."""
        return self.ranking or default_ranking_rule(self.spec, has_truth=self.truth is not None)


class DatasetSourceCard(msgspec.Struct, frozen=True, kw_only=True):
    """A way to use one's own data: `-d NAME:ARGUMENT`."""

    name: str
    """What precedes the colon: "csv"."""
    summary: str
    """One line."""
    argument: str
    """What follows the colon, in words: "FILE"."""
    factory: str
    """"package.module:function" that takes the argument's text and returns a `DatasetCard` whose name is the whole
    "NAME:ARGUMENT". It raises DataError where it cannot read the data."""
    samples: str | None = None
    """"package.module:function" for `score --samples`: it takes an argument's text and the `DatasetCard` of the data
    set that samples are to be like, and returns the samples of that file or folder as a numpy array. It raises
    DataError where it cannot. None: the source reads data sets only."""
    prompt: str | None = None
    """"package.module:function" for `continue --prompt`: it takes an argument's text and the `DatasetCard` of the data
    set that a model was trained on, and returns the steps of one file, (T, *step_shape), as a numpy array. It raises
    DataError where it cannot. None: the source reads no prompts."""
    suffixes: tuple[str, ...] = ()
    """Suffixes of the files that `samples` and `prompt` read, in lower case: (".csv", ".tsv")."""


class MetricCard(msgspec.Struct, frozen=True, kw_only=True):
    """A metric. Metrics that share a factory are computed in one call of it."""

    name: str
    """Unique; lower case with underscores."""
    summary: str
    """One line."""
    unit: str
    """Unit of the value: "nats", "share"."""
    better: Better
    """Whether lower or higher values are better. "neither": the value is to be compared with that of real data."""
    group: MetricGroup
    """What the metric is about."""
    modalities: tuple[Modality, ...]
    """Kinds of data that the metric applies to."""
    requires_truth: bool = False
    """Whether the metric needs the data set's known density."""
    min_samples: int = 2
    """The fewest samples that the metric can be computed from."""
    extractor: bool = False
    """Whether the metric is computed on the features of an extractor rather than on the examples."""
    extractors: tuple[str, ...] = ()
    """Names of the extractors on whose features the metric is defined; with another one it is left out. Empty: any."""
    is_logarithmic: bool = False
    """Whether the value is a logarithm already, as a log-likelihood is; scores are then linear in it."""
    minimum: float | None = None
    """The least value that is possible; None: there is no limit. A smaller one is refused, with a note. An unbiased
    estimate of a distance can be negative, so its card has no minimum."""
    maximum: float | None = None
    """The largest value that is possible; None: there is no limit."""
    factory: str | None = None
    """"package.module:function" that takes `ScoringInputs` and returns the `MetricValue`s of all cards that name it.
    None: the worker measures the metric while the job runs."""


class ExtractorCard(msgspec.Struct, frozen=True, kw_only=True):
    """A feature extractor."""

    name: str
    """Unique; lower case with hyphens."""
    summary: str
    """One line."""
    modalities: tuple[Modality, ...]
    """Kinds of data that the extractor takes."""
    factory: str
    """"package.module:function" that takes a `Dataset` and returns a `genbench.features.Extractor`."""
    default_for: tuple[Modality, ...] = ()
    """Modalities whose headline metrics use the extractor."""
    default_for_datasets: tuple[str, ...] = ()
    """Names of data sets whose headline metrics use the extractor in place of the modality's."""
    event_shapes: tuple[tuple[int | None, ...], ...] = ()
    """Shapes of examples that the extractor takes, None standing for any size: (1, 28, 28), (3, None, None). Empty:
    any shape."""
    discrete: bool | None = None
    """True: takes only data with levels. False: takes only real-valued data. None: takes both."""
    hash: str | None = None
    """The `Extractor`'s hash where it is known beforehand; an extractor with another hash is refused."""
    check: str | None = None
    """"package.module:function", called without torch before anything runs. It returns one line that says why the
    extractor cannot be used on this machine (a missing package, missing weights), or None."""

    @property
    def label(self) -> str:
        """The extractor's name in a job: "name:hash" where the hash is known beforehand, else "name"."""
        return self.name if self.hash is None else f"{self.name}:{self.hash}"

    def refusal(self, spec: DataSpec) -> str | None:
        """Why this extractor cannot take data of that spec; None where it can."""
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
        """Why this extractor cannot be used on this machine, in one line; None where it can."""
        found: str | None = load_factory(self.check)() if self.check else None
        return found


def _fits(wanted: tuple[int | None, ...], shape: tuple[int, ...]) -> bool:
    return len(wanted) == len(shape) and all(w in (None, s) for w, s in zip(wanted, shape, strict=True))


def _shape_text(shape: tuple[int | None, ...]) -> str:
    return "×".join("any" if size is None else str(size) for size in shape)


class ExecutorCard(msgspec.Struct, frozen=True, kw_only=True):
    """A way to run jobs."""

    name: str
    """Unique; what `--executor` takes."""
    summary: str
    """One line."""
    factory: str
    """"package.module:Class", an `genbench.execution.executor.Executor`."""
    check: str = ""
    """"package.module:function" that returns why the executor cannot be used on this machine, or None; or nothing."""
    runs_elsewhere: bool = False
    """Whether jobs run on other machines, whose devices this one need not have."""

    def obstacle(self) -> str | None:
        """Why this executor cannot be used on this machine, in one line; None where it can."""
        found: str | None = load_factory(self.check)() if self.check else None
        return found


class ReportCard(msgspec.Struct, frozen=True, kw_only=True):
    """A report format."""

    name: str
    """Unique; what `--format` takes."""
    summary: str
    """One line."""
    suffix: str
    """Suffix of the file that the report is usually written to, with its dot."""
    factory: str
    """"package.module:function" that takes a `genbench.records.run_folder.Run` and returns the report: its text, the
    bytes of one file, or a mapping of file names to either, which is written into a folder."""


class LoggerCard(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment tracker in which a run can be followed: `--log NAME` or `--log NAME:TARGET`."""

    name: str
    """Unique; what `--log` takes."""
    summary: str
    """One line."""
    target: str
    """What TARGET is, in words."""
    factory: str
    """"package.module:function" that takes a `genbench.records.run_folder.Run` and the TARGET or None, and returns a
    `genbench.runner.logger_threads.JobLogger`. It raises UsageError where the target cannot be used."""
    packages: tuple[str, ...] = ()
    """Packages that must be importable."""
    install: str | None = None
    """What pip must install where one of the packages is missing."""


class SuiteCard(msgspec.Struct, frozen=True, kw_only=True):
    """A suite that a package brings along: `--suite NAME`."""

    name: str
    """Unique; what `--suite` takes. Runs and reports are named after it."""
    file: str
    """The TOML file inside the package: "package:suites/small.toml" (docs/suites.md describes its fields)."""


Card = (
    ModelCard
    | DatasetCard
    | DatasetSourceCard
    | MetricCard
    | ExtractorCard
    | ExecutorCard
    | ReportCard
    | LoggerCard
    | SuiteCard
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
