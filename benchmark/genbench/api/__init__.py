"""What plugins are written against: specs, data, cards, budgets, the compute meter, the model protocols, likelihoods
of an observation.

All of it can be imported from here. Names that need torch are loaded when they are first used, so that a plugin can
announce its cards without importing torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from genbench.api.budget import CHECKPOINT_FRACTIONS, Budget
from genbench.api.cards import (
    Better,
    Capability,
    Card,
    DatasetCard,
    DatasetSourceCard,
    ExecutorCard,
    ExtractorCard,
    Family,
    Hyperparameter,
    LoggerCard,
    MetricCard,
    ModelCard,
    RemoteFile,
    ReportCard,
    SuiteCard,
    load_factory,
)
from genbench.api.exit_codes import ExitCode
from genbench.api.ranking_rule import RankingRule
from genbench.api.search_space import Choices, FloatRange, IntRange, Range
from genbench.api.spec import MODALITIES, SEQUENCES, DataSpec, Modality

if TYPE_CHECKING:
    from genbench.api.compute_meter import ComputeMeter
    from genbench.api.data import Batch, Dataset, Split, Truth, storage_dtype, working_dtype
    from genbench.api.lengths import check_lengths, check_prompt, pad_steps, step_mask, zero_padding
    from genbench.api.model import (
        CAPABILITY_PROTOCOLS,
        Completes,
        Conditional,
        Continues,
        Encodes,
        GenerativeModel,
        HasAttention,
        HasDecoder,
        HasElbo,
        HasEnergy,
        HasLogDensity,
        HasLogProb,
        HasLogWeights,
        HasMissingLogProb,
        HasPredictiveEntropy,
        HasSamplingSteps,
        TakesLengths,
        Translates,
        decoded_shape,
    )
    from genbench.api.observation import (
        MIN_LOG_SCALE,
        bernoulli_log_prob,
        bernoulli_sample,
        categorical_log_prob,
        categorical_sample,
        choose_component,
        discretised_gaussian_log_prob,
        discretised_gaussian_sample,
        discretised_logistic_log_prob,
        discretised_logistic_mixture_log_prob,
        discretised_logistic_sample,
        gaussian_log_prob,
        gaussian_mixture_log_prob,
        gaussian_sample,
    )

__all__ = [
    "CAPABILITY_PROTOCOLS",
    "CHECKPOINT_FRACTIONS",
    "MIN_LOG_SCALE",
    "MODALITIES",
    "SEQUENCES",
    "Batch",
    "Better",
    "Budget",
    "Capability",
    "Card",
    "Choices",
    "Completes",
    "ComputeMeter",
    "Conditional",
    "Continues",
    "DataSpec",
    "Dataset",
    "DatasetCard",
    "DatasetSourceCard",
    "Encodes",
    "ExecutorCard",
    "ExitCode",
    "ExtractorCard",
    "Family",
    "FloatRange",
    "GenerativeModel",
    "HasAttention",
    "HasDecoder",
    "HasElbo",
    "HasEnergy",
    "HasLogDensity",
    "HasLogProb",
    "HasLogWeights",
    "HasMissingLogProb",
    "HasPredictiveEntropy",
    "HasSamplingSteps",
    "Hyperparameter",
    "IntRange",
    "LoggerCard",
    "MetricCard",
    "Modality",
    "ModelCard",
    "Range",
    "RankingRule",
    "RemoteFile",
    "ReportCard",
    "Split",
    "SuiteCard",
    "TakesLengths",
    "Translates",
    "Truth",
    "bernoulli_log_prob",
    "bernoulli_sample",
    "categorical_log_prob",
    "categorical_sample",
    "check_lengths",
    "check_prompt",
    "choose_component",
    "decoded_shape",
    "discretised_gaussian_log_prob",
    "discretised_gaussian_sample",
    "discretised_logistic_log_prob",
    "discretised_logistic_mixture_log_prob",
    "discretised_logistic_sample",
    "gaussian_log_prob",
    "gaussian_mixture_log_prob",
    "gaussian_sample",
    "load_factory",
    "pad_steps",
    "step_mask",
    "storage_dtype",
    "working_dtype",
    "zero_padding",
]

_NEED_TORCH = ("data", "compute_meter", "lengths", "model", "observation")


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in _NEED_TORCH:
            names = vars(importlib.import_module(f"genbench.api.{module}"))
            if name in names:
                return names[name]
    raise AttributeError(f"module 'genbench.api' has no attribute {name!r}")
