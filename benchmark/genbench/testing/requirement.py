"""What a check of the contract is, and how it says that something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from unittest import SkipTest

import torch

from genbench.api.cards import Capability
from genbench.errors import PluginError
from genbench.testing.subject import Subject


class NotApplicable(SkipTest):
    """A check cannot say anything about this subject; the text says why. Test runners show it as skipped."""


def require(condition: bool, message: str) -> None:
    """Raise PluginError with `message`, which says what was got and what was expected, unless `condition`."""
    if not condition:
        raise PluginError(message)


@dataclass(frozen=True)
class ContractCheck:
    """One thing that the contract asks of a model.

    name: as reports show it. function: raises PluginError where the contract is broken, NotApplicable, or
    whatever the model raises. capability: only for models that announce it. scope: "card" does not depend on
    the data and is done once a model. gpu: only where torch finds a GPU.
    """

    name: str
    function: Callable[[Subject], None]
    capability: Capability = "sample"
    scope: Literal["card", "data"] = "data"
    gpu: bool = False

    def applies_to(self, subject: Subject) -> bool:
        if self.gpu and not torch.cuda.is_available():
            return False
        # every model samples; one that does not say so fails the check of its card
        return self.capability == "sample" or self.capability in subject.card.capabilities


def contract_check(
    capability: Capability = "sample", scope: Literal["card", "data"] = "data", *, gpu: bool = False
) -> Callable[[Callable[[Subject], None]], ContractCheck]:
    """Make a function of a `Subject` a check of its own name."""

    def decorate(function: Callable[[Subject], None]) -> ContractCheck:
        return ContractCheck(function.__name__, function, capability, scope, gpu)

    return decorate
