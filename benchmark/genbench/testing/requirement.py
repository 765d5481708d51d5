"""Checks of the contract, and how they report a problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from genbench.api.cards import Capability
from genbench.errors import PluginError
from genbench.testing.not_applicable import NotApplicable
from genbench.testing.subject import Subject

__all__ = ["ContractCheck", "NotApplicable", "contract_check", "require"]


def require(condition: bool, message: str) -> None:
    """Raise PluginError unless `condition`. message: what was found, and what was expected."""
    if not condition:
        raise PluginError(message)


@dataclass(frozen=True)
class ContractCheck:
    """One requirement of the contract."""

    name: str
    """Its name in reports."""
    function: Callable[[Subject], None]
    """Raises PluginError where the contract is broken, NotApplicable, or whatever the model raises."""
    capability: Capability = "sample"
    """The check is for models that announce this capability."""
    scope: Literal["card", "data"] = "data"
    """"card": the check does not depend on the data, and is done once per model."""
    gpu: bool = False
    """The check runs only where torch finds a GPU."""

    def applies_to(self, subject: Subject) -> bool:
        """Whether the check is for this subject, on this machine."""
        if self.gpu and not torch.cuda.is_available():
            return False
        # every model samples; a card that does not announce it fails another check
        return self.capability == "sample" or self.capability in subject.card.capabilities


def contract_check(
    capability: Capability = "sample", scope: Literal["card", "data"] = "data", *, gpu: bool = False
) -> Callable[[Callable[[Subject], None]], ContractCheck]:
    """Make a function of a `Subject` a check, whose name is the function's."""

    def decorate(function: Callable[[Subject], None]) -> ContractCheck:
        return ContractCheck(function.__name__, function, capability, scope, gpu)

    return decorate
