"""Models of other libraries as models of the benchmark, in a few lines each.

    class MyFlow(ZukoFlow):
        family = "flow"
        modalities = ("points",)

        def build(self, spec):
            return zuko.flows.NSF(spec.dimension)

A class of yours names its family and builds the library's object; the adapter trains it under the budget, keeps its
state and asks it for samples and likelihoods. None of the libraries is imported here.
"""

from __future__ import annotations

from genbench.adapters.commands import CommandDensity, CommandModel
from genbench.adapters.denoisers import DiffusersModel
from genbench.adapters.estimators import EstimatorModel
from genbench.adapters.hidden_markov import HiddenMarkovModel
from genbench.adapters.language_models import CausalLanguageModel
from genbench.adapters.latent_models import PythaeModel
from genbench.adapters.modules import ModuleDensity, ModuleModel, ZukoFlow
from genbench.adapters.stored_arrays import StoredArrays

__all__ = [
    "CausalLanguageModel",
    "CommandDensity",
    "CommandModel",
    "DiffusersModel",
    "EstimatorModel",
    "HiddenMarkovModel",
    "ModuleDensity",
    "ModuleModel",
    "PythaeModel",
    "StoredArrays",
    "ZukoFlow",
]
